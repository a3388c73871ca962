//! Functions that split text by the rules of a format: `parse_csv()` and
//! `parse_command_line()`. Both give arrays of texts.

use kql::types::ScalarType;

use super::string::write_strings;
use super::udf::{Evaluate, code};

/// Functions of formatted text by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "parse_csv" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| {
                write_strings(csv_fields(texts.text(row)).iter().map(String::as_str), out);
            })
        }),
        "parse_command_line" => code(|a| {
            let texts = a.texts(0)?;
            a.optional_strings(|row, out| {
                let words = windows_words(texts.text(row));
                write_strings(words.iter().map(String::as_str), out);
                (!words.is_empty()).then_some(())
            })
        }),
        _ => return None,
    })
}

/// The fields of the first record; a field in quotes may hold commas, lines and doubled quotes.
fn csv_fields(record: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = record.chars().peekable();
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("there is always a field");
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            '\r' | '\n' if !quoted => break,
            c => field.push(c),
        }
    }
    fields
}

/// Splits as a Windows program's argument list: blanks separate, quotes hold together, and
/// backslashes escape only before a quote.
fn windows_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' if !quoted => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                    in_word = false;
                }
                continue;
            }
            '\\' => {
                let mut count = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                if chars.peek() == Some(&'"') {
                    word.extend(std::iter::repeat_n('\\', count / 2));
                    if count % 2 == 1 {
                        chars.next();
                        word.push('"');
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', count));
                }
            }
            '"' if quoted && chars.next_if_eq(&'"').is_some() => word.push('"'),
            '"' => quoted = !quoted,
            c => word.push(c),
        }
        in_word = true;
    }
    if in_word {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    #[test]
    fn csv_records() {
        for (record, expected) in [
            ("aa,\"b,b\",cc", r#"["aa","b,b","cc"]"#),
            (
                "\"Title: \"\"x\"\"\",\"l1\nl2\"",
                r#"["Title: \"x\"","l1\nl2"]"#,
            ),
            ("a,,\nnext,line", r#"["a","",""]"#),
        ] {
            let got = eval("parse_csv", ScalarType::Dynamic, &[string(record)]);
            assert_eq!(got, expected, "{record:?}");
        }
    }

    #[test]
    fn windows_command_lines() {
        for (line, expected) in [
            (
                "echo \"hello world!\" print$?",
                r#"["echo","hello world!","print$?"]"#,
            ),
            (
                r#""C:\Program Files\x.exe" -a \"q\""#,
                r#"["C:\\Program Files\\x.exe","-a","\"q\""]"#,
            ),
            (r"cmd C:\a\\b", r#"["cmd","C:\\a\\\\b"]"#),
            ("a \"\" b", r#"["a","","b"]"#),
            ("", "null"),
        ] {
            let arguments = [string(line), string("windows")];
            let got = eval("parse_command_line", ScalarType::Dynamic, &arguments);
            assert_eq!(got, expected, "{line:?}");
        }
    }
}
