//! What a query text says about how it is to be run, beside what it yields: its options (`set`),
//! and where each of its results ends. For whoever takes queries over the wire; a hunt has one
//! result and no options.

use crate::bind::constant_of;
use crate::syntax;
use crate::syntax::ast::StatementKind;
use crate::types::Value;

/// What a query text asks of those who run it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Options in the order written. The value of `set name` is true.
    pub options: Vec<(String, Value)>,
    /// For each result in order, where in the text its statement ends: the text up to there is a
    /// query that yields it. One at least, the end of the text.
    pub results: Vec<usize>,
}

/// Reads the options and results of a text. Mistakes in it are left to [`crate::compile`].
pub fn read(text: &str) -> Request {
    let parsed = syntax::parse(text);
    let mut request = Request::default();
    for statement in &parsed.script.statements {
        match &statement.kind {
            StatementKind::Set { name, value } => {
                let value = match value {
                    None => Some(Value::Bool(true)),
                    Some(value) => constant_of(value).map(|(_, value)| value),
                };
                if let Some(value) = value {
                    request.options.push((name.text.to_string(), value));
                }
            }
            StatementKind::Expression(_) => request.results.push(statement.span.range().end),
            _ => {}
        }
    }
    match request.results.last_mut() {
        // Statements behind the last result are checked with it.
        Some(end) => *end = text.len(),
        None => request.results.push(text.len()),
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_constants_and_results_have_ends() {
        let text = "set notruncation; set truncationmaxrecords = 5; let x = 1; print x; print 2;";
        let request = read(text);
        assert_eq!(
            request.options,
            [
                ("notruncation".to_owned(), Value::Bool(true)),
                ("truncationmaxrecords".to_owned(), Value::Long(5)),
            ]
        );
        let ends: Vec<&str> = request.results.iter().map(|end| &text[..*end]).collect();
        assert_eq!(ends, [&text[..text.find("; print 2").unwrap()], text]);
    }

    #[test]
    fn a_text_without_a_result_ends_where_it_ends() {
        for text in ["", "let x = 1", "print (", ".show tables"] {
            assert_eq!(read(text).results, [text.len()], "{text}");
        }
    }
}
