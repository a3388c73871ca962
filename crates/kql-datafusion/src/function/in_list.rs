//! `in`, `in~`, `has_any`, `has_all` and the negations over scalar items; an item of type dynamic
//! stands for the elements of its array. A list of constants is compiled once and kept: a hash
//! set for the `in` family, an Aho-Corasick automaton for terms.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use kql::hir::InOp;
use kql::types::ScalarType;

use super::arguments::{Arguments, Input};
use super::cached::Cached;
use super::caseless::Caseless;
use super::fold::{ends_term, fold, fold_into, fold_unless, starts_term};
use super::json;
use super::udf::{KqlScalar, code};
use super::value::Datum;
use crate::types::ticks_to_unix_ns;

/// A set operator over a value of type `ty` and items of these types.
pub fn in_list(op: InOp, ty: ScalarType, items: &[ScalarType]) -> Arc<ScalarUDF> {
    let mut types = vec![ty];
    types.extend_from_slice(items);
    let cached: Cached<Vec<Item>, List> = Cached::new();
    let evaluate = code(move |arguments| {
        let value = arguments.input(0);
        let inputs = arguments.inputs(1);
        let mut search = Search::default();
        if (1..arguments.len()).all(|position| arguments.array(position).1) {
            let items = items_of(ty, &inputs, 0);
            let list = cached.get(items, |items| List::new(op, items))?;
            return arguments.bools(|row| list.test(op, ty, value.get(row), &mut search));
        }
        row_by_row(op, ty, arguments, &value, &inputs)
    });
    let name = format!("kql_{op:?}").to_lowercase();
    KqlScalar::udf(name, &types, ScalarType::Bool, evaluate)
}

fn row_by_row(
    op: InOp,
    ty: ScalarType,
    arguments: &Arguments<'_>,
    value: &Input,
    inputs: &[Input],
) -> Result<arrow::array::ArrayRef> {
    let mut search = Search::default();
    let mut failure = None;
    // Rows of one group follow each other, and have one list.
    let mut last: Option<(Vec<Datum<'_>>, List)> = None;
    let found = arguments.bools(|row| {
        let items: Vec<Datum<'_>> = inputs.iter().map(|input| input.get(row)).collect();
        if last.as_ref().is_none_or(|(known, _)| *known != items) {
            match List::new(op, &items_of(ty, inputs, row)) {
                Ok(list) => last = Some((items, list)),
                Err(error) => {
                    failure = Some(error);
                    return None;
                }
            }
        }
        let (_, list) = last.as_ref()?;
        list.test(op, ty, value.get(row), &mut search)
    })?;
    failure.map_or(Ok(found), Err)
}

/// An item, comparable with the value.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Item {
    Null,
    Text(String),
    /// Integers, times and decimals by value; reals by their bits.
    Number(i128),
}

/// The items of a row with dynamic arrays flattened.
fn items_of(ty: ScalarType, inputs: &[Input], row: usize) -> Vec<Item> {
    let mut items = Vec::with_capacity(inputs.len());
    for input in inputs {
        match input.get(row) {
            Datum::Dynamic(json) => match json::elements(json) {
                Some(elements) => {
                    items.extend(elements.filter_map(|e| item(ty, Datum::Dynamic(e))));
                }
                None => items.extend(item(ty, Datum::Dynamic(json))),
            },
            datum => items.extend(item(ty, datum)),
        }
    }
    items
}

/// A value as an item; `None` for what equals nothing: NaN, elements of another kind.
fn item(ty: ScalarType, datum: Datum<'_>) -> Option<Item> {
    if datum.is_null() {
        return Some(Item::Null);
    }
    let number = match ty {
        ScalarType::String | ScalarType::Guid | ScalarType::Dynamic => {
            let mut text = String::new();
            datum.write_text(&mut text);
            return Some(Item::Text(text));
        }
        _ => number(ty, datum)?,
    };
    Some(Item::Number(number))
}

fn number(ty: ScalarType, datum: Datum<'_>) -> Option<i128> {
    Some(match ty {
        ScalarType::Bool => i128::from(datum.to_bool()?),
        // Adding zero makes one of the two zeros.
        ScalarType::Real => {
            let real = datum.to_real().filter(|real| !real.is_nan())?;
            i128::from((real + 0.0).to_bits())
        }
        ScalarType::Decimal => datum.decimal_number()?,
        ScalarType::DateTime => match datum {
            Datum::DateTime(ns) => i128::from(ns),
            other => i128::from(ticks_to_unix_ns(other.to_datetime()?)),
        },
        ScalarType::TimeSpan => i128::from(datum.to_timespan()?),
        _ => i128::from(datum.to_long()?),
    })
}

/// Buffers that a search uses again for every row.
#[derive(Default)]
struct Search {
    folded: String,
    text: String,
    found: Vec<bool>,
}

/// A compiled list.
enum List {
    Texts {
        texts: HashSet<String>,
        case_sensitive: bool,
    },
    Numbers {
        numbers: HashSet<i128>,
        null: bool,
    },
    Terms {
        terms: Vec<String>,
        automaton: AhoCorasick,
        /// Finds any of them in ASCII, whatever the case.
        caseless: Option<Caseless>,
    },
}

impl List {
    fn new(op: InOp, items: &[Item]) -> Result<Self> {
        let texts = items.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let case_sensitive = matches!(op, InOp::In | InOp::NotIn);
        Ok(match op {
            InOp::HasAny | InOp::HasAll => {
                let unique: HashSet<String> = texts.map(fold).collect();
                let terms: Vec<String> = unique.into_iter().collect();
                let automaton = AhoCorasick::new(&terms)
                    .map_err(|error| exec_datafusion_err!("too many terms to search: {error}"))?;
                let caseless = Caseless::new(terms.iter().map(String::as_str));
                Self::Terms {
                    terms,
                    automaton,
                    caseless,
                }
            }
            _ if items.iter().any(|item| matches!(item, Item::Text(_))) => {
                let texts = texts.map(|text| {
                    if case_sensitive {
                        text.to_owned()
                    } else {
                        fold(text)
                    }
                });
                Self::Texts {
                    texts: texts.collect(),
                    case_sensitive,
                }
            }
            _ => {
                let numbers = items.iter().filter_map(|item| match item {
                    Item::Number(number) => Some(*number),
                    _ => None,
                });
                let null = items.contains(&Item::Null);
                Self::Numbers {
                    numbers: numbers.collect(),
                    null,
                }
            }
        })
    }

    /// Total when either side is null, null when both are.
    fn test(
        &self,
        op: InOp,
        ty: ScalarType,
        value: Datum<'_>,
        search: &mut Search,
    ) -> Option<bool> {
        let negated = matches!(op, InOp::NotIn | InOp::NotInIgnoringCase);
        if value.is_null() {
            let both = matches!(self, Self::Numbers { null: true, .. });
            return (!both).then_some(negated);
        }
        let found = match self {
            Self::Numbers { numbers, .. } => {
                number(ty, value).is_some_and(|number| numbers.contains(&number))
            }
            Self::Texts {
                texts,
                case_sensitive,
            } => {
                let text = text_of(value, &mut search.text);
                texts.contains(fold_unless(*case_sensitive, text, &mut search.folded))
            }
            Self::Terms {
                terms,
                automaton,
                caseless,
            } => {
                let text = text_of(value, &mut search.text);
                let all = op == InOp::HasAll;
                if let Some(caseless) = caseless
                    && !all
                    && text.is_ascii()
                {
                    return Some(caseless.any(text, |position, start, end| {
                        let term = &terms[position];
                        starts_term(text, start, term) && ends_term(text, end, term)
                    }));
                }
                fold_into(text, &mut search.folded);
                has_terms(all, &search.folded, terms, automaton, &mut search.found)
            }
        };
        Some(found != negated)
    }
}

/// The text of a value, borrowed where it is text.
fn text_of<'t>(value: Datum<'t>, buffer: &'t mut String) -> &'t str {
    match value {
        Datum::String(text) | Datum::Guid(text) => text,
        other => {
            buffer.clear();
            other.write_text(buffer);
            buffer
        }
    }
}

fn has_terms(
    all: bool,
    text: &str,
    terms: &[String],
    automaton: &AhoCorasick,
    found: &mut Vec<bool>,
) -> bool {
    found.clear();
    found.extend(terms.iter().map(String::is_empty));
    let mut missing = found.iter().filter(|found| !**found).count();
    if !all && missing < terms.len() {
        return true;
    }
    for matched in automaton.find_overlapping_iter(text) {
        if missing == 0 {
            break;
        }
        let position = matched.pattern().as_usize();
        let term = &terms[position];
        if !found[position]
            && starts_term(text, matched.start(), term)
            && ends_term(text, matched.end(), term)
        {
            if !all {
                return true;
            }
            found[position] = true;
            missing -= 1;
        }
    }
    all && missing == 0
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, bool_of, dynamic, long, null, real, string};
    use super::*;

    fn check(op: InOp, value: &Argument, items: &[Argument], expected: Option<bool>) {
        let types: Vec<ScalarType> = items.iter().map(|item| item.ty).collect();
        let mut arguments = vec![value.clone()];
        arguments.extend_from_slice(items);
        let got = bool_of(&in_list(op, value.ty, &types), &arguments);
        assert_eq!(got, expected, "{op:?} {arguments:?}");
    }

    #[test]
    fn nulls_are_in_no_list_and_null_against_null_is_null() {
        let absent = null(ScalarType::Long);
        check(InOp::In, &absent, &[long(5)], Some(false));
        check(InOp::NotIn, &absent, &[long(5)], Some(true));
        check(InOp::NotIn, &absent, &[long(5), absent.clone()], None);
        check(InOp::In, &long(5), &[long(5), absent], Some(true));
    }

    #[test]
    fn lists_of_texts_and_numbers() {
        check(InOp::In, &string("a"), &[string("A")], Some(false));
        check(
            InOp::InIgnoringCase,
            &string("CAFÉ"),
            &[string("café")],
            Some(true),
        );
        check(
            InOp::NotInIgnoringCase,
            &string("b"),
            &[string("A")],
            Some(true),
        );
        check(
            InOp::In,
            &string("b"),
            &[dynamic(r#"["a","b"]"#)],
            Some(true),
        );
        check(InOp::In, &long(2), &[dynamic("[1,2]"), long(7)], Some(true));
        check(InOp::In, &real(f64::NAN), &[real(f64::NAN)], Some(false));
        check(InOp::In, &string("a"), &[dynamic("[]")], Some(false));
    }

    #[test]
    fn terms_of_lists_are_whole() {
        let both = [string("enc"), string("-nop")];
        check(
            InOp::HasAny,
            &string("powershell -ENC abc"),
            &both,
            Some(true),
        );
        check(InOp::HasAny, &string("encoded"), &both, Some(false));
        check(InOp::HasAll, &string("x -nop -enc"), &both, Some(true));
        check(InOp::HasAll, &string("x -nopx -enc"), &both, Some(false));
        check(InOp::HasAny, &string("a"), &[dynamic("[]")], Some(false));
        check(
            InOp::HasAny,
            &string("event 4624"),
            &[dynamic("[4624]")],
            Some(true),
        );
        check(InOp::HasAny, &string("anything"), &[string("")], Some(true));
    }
}
