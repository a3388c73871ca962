//! `parse-kv`: one function finds the texts of all keys in a pass over each row's text, a
//! projection above it converts them.

use std::sync::Arc;

use datafusion::functions::core::get_field;
use datafusion::logical_expr::{Case, Expr, LogicalPlanBuilder, lit};
use kql::hir::{KeyValueOptions, ParseKv, Plan};
use kql::span::Span;
use kql::types::ScalarType;
use regex::Regex;

use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};
use crate::error::EngineError;
use crate::function;
use crate::function::key_value::{Notation, Quotes, key_values};

impl Lowering<'_> {
    pub(super) fn parse_kv(&self, parse: &ParseKv, output: &Plan) -> Result<Relation> {
        let notation = notation(&parse.options, output.span)?;
        let input = self.with_windows(self.plan(&parse.input)?, [&parse.text])?;
        let outputs = output.schema.columns();
        let keys: Vec<Arc<str>> = parse
            .columns
            .iter()
            .map(|position| Arc::clone(&outputs[*position].name))
            .collect();
        let find = key_values(notation, &keys);
        let found = self.hidden_name();
        let value = find.call(vec![self.value(&parse.text, &input)?]);
        let inputs = input.columns();
        let mut below = inputs.clone();
        below.extend(input.hidden());
        below.push(value.alias(&found));
        let hidden = input.hidden();
        let plan = LogicalPlanBuilder::from(input.plan).project(below)?;

        let mut columns = Vec::with_capacity(outputs.len());
        for (position, out) in outputs.iter().enumerate() {
            let key = parse.columns.iter().position(|target| *target == position);
            let value = match key {
                None => inputs[position].clone(),
                Some(key) => {
                    let text = get_field().call(vec![column(&found), lit(format!("c{key}"))]);
                    converted(text, out.ty)?
                }
            };
            columns.push(value.alias(output_name(&out.name)));
        }
        let width = columns.len();
        columns.extend(hidden);
        Ok(Relation {
            order: input.order,
            groups: input.groups,
            ..Relation::unordered(plan.project(columns)?.build()?, width)
        })
    }
}

/// The text of a value as a value of the type; nothing where the key is missing.
fn converted(text: Expr, ty: ScalarType) -> Result<Expr> {
    let missing = text.clone().is_null();
    let value = match ty {
        ScalarType::String => text,
        _ => function::convert(ScalarType::String, ty).call(vec![text]),
    };
    let branch = (Box::new(missing), Box::new(lit(literal::missing(ty)?)));
    Ok(Expr::Case(Case::new(
        None,
        vec![branch],
        Some(Box::new(value)),
    )))
}

fn notation(options: &KeyValueOptions, span: Span) -> Result<Notation> {
    let invalid = |what: &str| EngineError::Invalid {
        what: what.to_owned(),
        span,
    };
    if let Some(source) = &options.regex {
        let regex = Regex::new(source)
            .map_err(|error| invalid(&format!("the regex of parse-kv is not one: {error}")))?;
        if regex.captures_len() != 3 {
            return Err(invalid(
                "the regex of parse-kv has two groups: the key and the value",
            ));
        }
        return Ok(Notation::Matched(regex));
    }
    let quotes = quotes(options).map_err(invalid)?;
    match (&options.pair_delimiter, &options.kv_delimiter) {
        (Some(pair), Some(key_value)) if !pair.is_empty() && !key_value.is_empty() => {
            Ok(Notation::Delimited {
                pair: pair.to_string(),
                key_value: key_value.to_string(),
                greedy: options.greedy,
                quotes,
            })
        }
        (Some(_), Some(_)) => Err(invalid("a delimiter of parse-kv has a character or more")),
        (None, None) if options.greedy => Err(invalid(
            "greedy parse-kv needs pair_delimiter and kv_delimiter",
        )),
        (None, None) => Ok(Notation::Words(quotes)),
        _ => Err(invalid(
            "pair_delimiter and kv_delimiter of parse-kv stand together",
        )),
    }
}

fn quotes(options: &KeyValueOptions) -> Result<Quotes, &'static str> {
    let mut quotes = Quotes::default();
    for quote in &options.quotes {
        let characters: Vec<char> = quote.chars().collect();
        quotes.pairs.push(match characters[..] {
            [both] => (both, both),
            [open, close] => (open, close),
            _ => return Err("a quote of parse-kv has one or two characters"),
        });
    }
    for escape in &options.escapes {
        let mut characters = escape.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) => quotes.escapes.push(only),
            _ => return Err("an escape of parse-kv is one character"),
        }
    }
    Ok(quotes)
}
