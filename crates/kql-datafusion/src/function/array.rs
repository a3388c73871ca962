//! Functions of dynamic arrays, sets among them. Elements stay raw JSON text; two are equal if
//! their text is, which tells `2` from `"2"` as Kusto does. What is no array gives null.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::{ScalarType, TICKS_PER_SECOND};

use super::arguments::{Arguments, Texts};
use super::json::{self, Kind};
use super::udf::{Evaluate, code};
use super::value::Datum;
use crate::types::ticks_to_unix_ns;

/// Most elements of an array that a function makes.
const LENGTH_MAX: usize = 1_048_576;

/// The sum of the numbers of an array, past nulls; null for none and where anything else is in it.
fn array_sum(array: &str) -> Option<f64> {
    let mut elements = json::elements(array)?.peekable();
    // An empty array has no sum.
    elements.peek()?;
    let mut sum = 0.0;
    for element in elements {
        let number = || Datum::Dynamic(element).to_real();
        sum += match json::kind(element) {
            Kind::Null => continue,
            Kind::Long | Kind::Real => number()?,
            // JSON has NaN and the infinities as texts only.
            Kind::String => number().filter(|number| !number.is_finite())?,
            Kind::Bool | Kind::Array | Kind::Bag => return None,
        };
    }
    Some(sum)
}

/// Functions of arrays by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "array_length" => code(|a| {
            let arrays = a.raw(0)?;
            a.longs(|row| Some(json::elements(arrays.get(row)?)?.count() as i64))
        }),
        "array_sum" => code(|a| {
            let arrays = a.raw(0)?;
            a.reals(|row| array_sum(arrays.get(row)?))
        }),
        "array_reverse" => transform(|mut elements| {
            elements.reverse();
            elements
        }),
        "array_concat" => code(array_concat),
        "array_slice" => code(array_slice),
        "array_index_of" => code(array_index_of),
        "array_sort_asc" => code(|a| array_sort(a, Ordering::Less)),
        "array_sort_desc" => code(|a| array_sort(a, Ordering::Greater)),
        "array_iff" | "array_iif" => code(array_iff),
        "array_shift_left" => code(|a| array_shift(a, 1)),
        "array_shift_right" => code(|a| array_shift(a, -1)),
        "array_rotate_left" => code(|a| array_rotate(a, 1)),
        "array_rotate_right" => code(|a| array_rotate(a, -1)),
        "array_split" => code(array_split),
        "set_union" => code(set_union),
        "set_intersect" => code(|a| set_filter(a, |found| found.iter().all(|found| *found))),
        "set_difference" => code(|a| set_filter(a, |found| !found.iter().any(|found| *found))),
        "set_has_element" => code(set_has_element),
        "set_equals" => code(|a| {
            let (left, right) = (a.raw(0)?, a.raw(1)?);
            a.bools(|row| {
                let left: HashSet<&str> = json::elements(left.get(row)?)?.collect();
                let right: HashSet<&str> = json::elements(right.get(row)?)?.collect();
                Some(left == right)
            })
        }),
        "jaccard_index" => code(jaccard_index),
        "pack_array" => code(pack_array),
        "repeat" => code(repeat),
        "zip" => code(zip),
        "range" => code(range),
        _ => return None,
    })
}

/// The elements of an array argument.
fn elements(arrays: &Texts, row: usize) -> Option<Vec<&str>> {
    Some(json::elements(arrays.get(row)?)?.collect())
}

fn raws(arguments: &Arguments<'_>) -> Result<Vec<Texts>> {
    (0..arguments.len())
        .map(|position| arguments.raw(position))
        .collect()
}

fn transform(function: fn(Vec<&str>) -> Vec<&str>) -> Evaluate {
    code(move |arguments| {
        let arrays = arguments.raw(0)?;
        arguments.optional_strings(|row, out| {
            json::write_array(function(elements(&arrays, row)?), out);
            Some(())
        })
    })
}

/// Arguments that are no arrays are left out; without any array the result is null.
fn array_concat(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = raws(arguments)?;
    arguments.optional_strings(|row, out| {
        let mut lists = arrays
            .iter()
            .filter_map(|array| elements(array, row))
            .peekable();
        lists.peek()?;
        json::write_array(lists.flatten(), out);
        Some(())
    })
}

/// Both ends are included; negative ones count from the end.
fn array_slice(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = arguments.raw(0)?;
    let (starts, ends) = (arguments.longs_in(1), arguments.longs_in(2));
    arguments.optional_strings(|row, out| {
        let elements = elements(&arrays, row)?;
        let length = elements.len() as i64;
        let position = |index: i64| {
            if index < 0 {
                length.saturating_add(index)
            } else {
                index
            }
        };
        let start = position(starts.get(row)?).clamp(0, length) as usize;
        let end = position(ends.get(row)?)
            .saturating_add(1)
            .clamp(start as i64, length) as usize;
        json::write_array(elements[start..end].iter().copied(), out);
        Some(())
    })
}

/// `array_index_of(array, value, start, length, occurrence)`.
fn array_index_of(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (arrays, values) = (arguments.raw(0)?, arguments.input(1));
    let optional = |at: usize| (arguments.len() > at).then(|| arguments.longs_in(at));
    let (starts, lengths, occurrences) = (optional(2), optional(3), optional(4));
    let mut wanted = String::new();
    arguments.longs(|row| {
        let elements = elements(&arrays, row)?;
        wanted.clear();
        values.get(row).write_json(&mut wanted);
        let start = starts
            .as_ref()
            .and_then(|starts| starts.get(row))
            .unwrap_or(0);
        let length = lengths
            .as_ref()
            .and_then(|lengths| lengths.get(row))
            .unwrap_or(-1);
        let occurrence = occurrences.as_ref().and_then(|o| o.get(row)).unwrap_or(1);
        let count = elements.len() as i64;
        let start = if start < 0 {
            (count + start).max(0)
        } else {
            start
        };
        let end = if length < 0 {
            count
        } else {
            start.saturating_add(length).min(count)
        };
        let nth = usize::try_from(occurrence.checked_sub(1)?).ok()?;
        let found = (start..end)
            .filter(|position| elements[*position as usize] == wanted)
            .nth(nth);
        Some(found.unwrap_or(-1))
    })
}

/// Numbers come before texts, nulls last unless the last argument is false. Of several arrays
/// the first decides the order of all, and the result is an array of them, with null for those
/// of another length.
fn array_sort(arguments: &Arguments<'_>, direction: Ordering) -> Result<ArrayRef> {
    let last = arguments.len() - 1;
    let nulls_last = (arguments.ty(last) == ScalarType::Bool).then(|| arguments.bools_in(last));
    let count = if nulls_last.is_some() { last } else { last + 1 };
    let arrays: Vec<Texts> = (0..count)
        .map(|position| arguments.raw(position))
        .collect::<Result<_>>()?;
    arguments.optional_strings(|row, out| {
        let lists: Vec<Option<Vec<&str>>> =
            arrays.iter().map(|array| elements(array, row)).collect();
        let nulls_last = nulls_last
            .as_ref()
            .and_then(|last| last.get(row))
            .unwrap_or(true);
        let keys = lists[0].as_ref()?;
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|left, right| {
            let (left, right) = (keys[*left], keys[*right]);
            let is_null = |json| json::kind(json) == Kind::Null;
            match (is_null(left), is_null(right)) {
                (true, true) => Ordering::Equal,
                (true, false) if nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) if direction == Ordering::Less => sort_order(left, right),
                (false, false) => sort_order(right, left),
            }
        });
        if lists.len() == 1 {
            json::write_array(order.iter().map(|position| keys[*position]), out);
            return Some(());
        }
        out.push('[');
        for (index, list) in lists.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match list {
                Some(list) if list.len() == keys.len() => {
                    json::write_array(order.iter().map(|position| list[*position]), out);
                }
                _ => out.push_str("null"),
            }
        }
        out.push(']');
        Some(())
    })
}

/// Moves elements to the left and fills up with the default, null unless given.
fn array_shift(arguments: &Arguments<'_>, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts) = (arguments.raw(0)?, arguments.longs_in(1));
    let default = (arguments.len() > 2).then(|| arguments.input(2));
    let mut filler = String::new();
    arguments.optional_strings(|row, out| {
        let elements = elements(&arrays, row)?;
        let by = counts.get(row)?.saturating_mul(direction);
        filler.clear();
        match &default {
            Some(default) => default.get(row).write_json(&mut filler),
            None => filler.push_str("null"),
        }
        let shifted = (0..elements.len() as i64).map(|position| {
            usize::try_from(position.saturating_add(by))
                .ok()
                .and_then(|from| elements.get(from).copied())
                .unwrap_or(&filler)
        });
        json::write_array(shifted, out);
        Some(())
    })
}

fn array_rotate(arguments: &Arguments<'_>, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts) = (arguments.raw(0)?, arguments.longs_in(1));
    arguments.optional_strings(|row, out| {
        let mut elements = elements(&arrays, row)?;
        if !elements.is_empty() {
            let by = counts.get(row)?.saturating_mul(direction);
            let by = by.rem_euclid(elements.len() as i64) as usize;
            elements.rotate_left(by);
        }
        json::write_array(elements, out);
        Some(())
    })
}

/// Cuts before the positions of the second argument, a number or an array; negative ones count
/// from the end.
fn array_split(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (arrays, positions) = (arguments.raw(0)?, arguments.input(1));
    arguments.optional_strings(|row, out| {
        let elements = elements(&arrays, row)?;
        let length = elements.len() as i64;
        let position = |datum: Datum<'_>| {
            let position = datum.to_long()?;
            let position = if position < 0 {
                length.saturating_add(position)
            } else {
                position
            };
            Some(position.clamp(0, length) as usize)
        };
        let at = positions.get(row);
        let cuts: Vec<usize> = match at {
            Datum::Dynamic(json) => match json::elements(json) {
                Some(cuts) => cuts
                    .map(|cut| position(Datum::Dynamic(cut)))
                    .collect::<Option<_>>()?,
                None => vec![position(at)?],
            },
            _ => vec![position(at)?],
        };
        let mut from = 0;
        out.push('[');
        for to in cuts.into_iter().chain([elements.len()]) {
            if out.len() > 1 {
                out.push(',');
            }
            let to = to.max(from);
            json::write_array(elements[from..to].iter().copied(), out);
            from = to;
        }
        out.push(']');
        Some(())
    })
}

fn sort_order(left: &str, right: &str) -> Ordering {
    let rank = |json| match json::kind(json) {
        Kind::Null | Kind::Long | Kind::Real => 0,
        Kind::Bool => 1,
        Kind::String => 2,
        Kind::Array | Kind::Bag => 3,
    };
    rank(left).cmp(&rank(right)).then_with(|| match rank(left) {
        0 => {
            let number = |json| Datum::Dynamic(json).to_real().unwrap_or(f64::NAN);
            number(left).total_cmp(&number(right))
        }
        2 => json::unescape(left).cmp(&json::unescape(right)),
        _ => left.cmp(right),
    })
}

/// Chooses element by element; a scalar, and an array of one element, stand for an array of that.
fn array_iff(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (conditions, on_true, on_false) =
        (arguments.raw(0)?, arguments.input(1), arguments.input(2));
    let mut texts = [String::new(), String::new()];
    arguments.optional_strings(|row, out| {
        let conditions = elements(&conditions, row)?;
        for (text, input) in texts.iter_mut().zip([&on_true, &on_false]) {
            text.clear();
            input.get(row).write_json(text);
        }
        let arrays: [Option<Vec<&str>>; 2] =
            [0, 1].map(|side| json::elements(&texts[side]).map(Iterator::collect));
        let chosen = conditions.iter().enumerate().map(|(position, condition)| {
            let is_number = matches!(json::kind(condition), Kind::Long | Kind::Real | Kind::Bool);
            let condition = Datum::Dynamic(condition).to_bool().filter(|_| is_number);
            let side = match condition {
                Some(true) => 0,
                Some(false) => 1,
                None => return "null",
            };
            match arrays[side].as_deref() {
                Some([only]) => only,
                Some(elements) => elements.get(position).unwrap_or(&"null"),
                None => texts[side].as_str(),
            }
        });
        json::write_array(chosen, out);
        Some(())
    })
}

fn set_union(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = raws(arguments)?;
    arguments.optional_strings(|row, out| {
        let mut seen = HashSet::new();
        let mut union = Vec::new();
        for array in &arrays {
            union.extend(
                elements(array, row)?
                    .into_iter()
                    .filter(|element| seen.insert(*element)),
            );
        }
        json::write_array(union, out);
        Some(())
    })
}

/// The elements of the first array, each once, for which `keep` says so of whether each of the
/// other arrays has it.
fn set_filter(arguments: &Arguments<'_>, keep: fn(&[bool]) -> bool) -> Result<ArrayRef> {
    let arrays = raws(arguments)?;
    let mut found = Vec::new();
    arguments.optional_strings(|row, out| {
        let first = elements(&arrays[0], row)?;
        let others: Vec<HashSet<&str>> = arrays[1..]
            .iter()
            .map(|array| Some(elements(array, row)?.into_iter().collect()))
            .collect::<Option<_>>()?;
        let mut seen = HashSet::new();
        let kept = first.into_iter().filter(|element| {
            found.clear();
            found.extend(others.iter().map(|other| other.contains(element)));
            keep(&found) && seen.insert(*element)
        });
        json::write_array(kept, out);
        Some(())
    })
}

fn set_has_element(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (arrays, values) = (arguments.raw(0)?, arguments.input(1));
    let mut wanted = String::new();
    arguments.bools(|row| {
        let mut elements = json::elements(arrays.get(row)?)?;
        wanted.clear();
        values.get(row).write_json(&mut wanted);
        Some(elements.any(|element| element == wanted))
    })
}

fn jaccard_index(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (left, right) = (arguments.raw(0)?, arguments.raw(1)?);
    arguments.reals(|row| {
        let left: HashSet<&str> = json::elements(left.get(row)?)?.collect();
        let right: HashSet<&str> = json::elements(right.get(row)?)?.collect();
        let common = left.intersection(&right).count() as f64;
        Some(common / left.union(&right).count() as f64)
    })
}

fn pack_array(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    arguments.optional_strings(|row, out| {
        out.push('[');
        for (position, input) in inputs.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            input.get(row).write_json(out);
        }
        out.push(']');
        Some(())
    })
}

fn repeat(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (values, counts) = (arguments.input(0), arguments.longs_in(1));
    arguments.optional_strings(|row, out| {
        let mut value = String::new();
        values.get(row).write_json(&mut value);
        let count = usize::try_from(counts.get(row)?).ok()?.min(LENGTH_MAX);
        json::write_array(std::iter::repeat_n(value.as_str(), count), out);
        Some(())
    })
}

/// Arrays of the elements at each position; shorter arrays are filled with nulls.
fn zip(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = raws(arguments)?;
    arguments.optional_strings(|row, out| {
        let lists: Vec<Vec<&str>> = arrays
            .iter()
            .map(|array| elements(array, row))
            .collect::<Option<_>>()?;
        out.push('[');
        for position in 0..lists.iter().map(Vec::len).max().unwrap_or(0) {
            if position > 0 {
                out.push(',');
            }
            let tuple = lists
                .iter()
                .map(|list| list.get(position).copied().unwrap_or("null"));
            json::write_array(tuple, out);
        }
        out.push(']');
        Some(())
    })
}

/// `range(start, stop, step)`: times step by an hour unless said otherwise, numbers by one.
fn range(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let step_given = arguments.len() > 2;
    let wide = |position: usize| arguments.ty(position) == ScalarType::Real;
    match arguments.ty(0) {
        ScalarType::DateTime => {
            let (starts, stops) = (arguments.datetimes_in(0), arguments.datetimes_in(1));
            let steps = step_given.then(|| arguments.timespans_in(2));
            arguments.optional_strings(|row, out| {
                let step = steps.as_ref().map_or(Some(HOUR), |steps| steps.get(row))?;
                write_range(
                    starts.get(row)?,
                    stops.get(row)?,
                    step,
                    out,
                    |ticks, out| {
                        Datum::DateTime(ticks_to_unix_ns(ticks)).write_json(out);
                    },
                )
            })
        }
        ScalarType::TimeSpan => {
            let (starts, stops) = (arguments.timespans_in(0), arguments.timespans_in(1));
            let steps = step_given.then(|| arguments.timespans_in(2));
            arguments.optional_strings(|row, out| {
                let step = steps.as_ref().map_or(Some(HOUR), |steps| steps.get(row))?;
                write_range(
                    starts.get(row)?,
                    stops.get(row)?,
                    step,
                    out,
                    |ticks, out| {
                        Datum::TimeSpan(ticks.saturating_mul(100)).write_json(out);
                    },
                )
            })
        }
        _ if (0..arguments.len()).any(wide) => {
            let (starts, stops) = (arguments.reals_in(0), arguments.reals_in(1));
            let steps = step_given.then(|| arguments.reals_in(2));
            arguments.optional_strings(|row, out| {
                let (start, stop) = (starts.get(row)?, stops.get(row)?);
                let step = steps.as_ref().map_or(Some(1.0), |steps| steps.get(row))?;
                let count = ((stop - start) / step).floor();
                if !count.is_finite() {
                    return None;
                }
                let last = (count as i64).min(LENGTH_MAX as i64 - 1);
                write_range(0, last, 1, out, |position, out| {
                    Datum::Real(start + step * position as f64).write_json(out);
                })
            })
        }
        _ => {
            let (starts, stops) = (arguments.longs_in(0), arguments.longs_in(1));
            let steps = step_given.then(|| arguments.longs_in(2));
            arguments.optional_strings(|row, out| {
                let step = steps.as_ref().map_or(Some(1), |steps| steps.get(row))?;
                write_range(
                    starts.get(row)?,
                    stops.get(row)?,
                    step,
                    out,
                    |value, out| {
                        Datum::Long(value).write_json(out);
                    },
                )
            })
        }
    }
}

const HOUR: i64 = 3600 * TICKS_PER_SECOND;

fn write_range(
    start: i64,
    stop: i64,
    step: i64,
    out: &mut String,
    write: impl Fn(i64, &mut String),
) -> Option<()> {
    if step == 0 {
        return None;
    }
    out.push('[');
    let mut value = start;
    for position in 0..LENGTH_MAX {
        if (step > 0 && value > stop) || (step < 0 && value < stop) {
            break;
        }
        if position > 0 {
            out.push(',');
        }
        write(value, out);
        let Some(next) = value.checked_add(step) else {
            break;
        };
        value = next;
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, bool, dynamic, eval, long, real, string, timespan};
    use super::*;
    use ScalarType::{Bool, Dynamic, Long, Real};

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn lengths_sums_and_what_is_no_array() {
        check("array_length", Long, &[dynamic("[1,[2,3],{}]")], "3");
        check("array_length", Long, &[dynamic("[]")], "0");
        check("array_length", Long, &[dynamic(r#"{"a":1}"#)], "null");
        check("array_sum", Real, &[dynamic("[1,null,3]")], "4.0");
        check("array_sum", Real, &[dynamic(r#"[1,"NaN"]"#)], "NaN");
        check("array_sum", Real, &[dynamic(r#"[1,"a"]"#)], "null");
        check("array_sum", Real, &[dynamic("[1,true]")], "null");
    }

    #[test]
    fn slices_include_both_ends() {
        for (start, end, expected) in [
            (1, 2, "[2,3]"),
            (2, -1, "[3,4,5]"),
            (-3, -2, "[3,4]"),
            (0, 0, "[1]"),
            (4, 99, "[5]"),
        ] {
            let arguments = [dynamic("[1,2,3,4,5]"), long(start), long(end)];
            check("array_slice", Dynamic, &arguments, expected);
        }
    }

    #[test]
    fn sorting_puts_nulls_last() {
        let names = dynamic(r#"[null,"blue","yellow","green",null]"#);
        let ascending = r#"["blue","green","yellow",null,null]"#;
        check(
            "array_sort_asc",
            Dynamic,
            std::slice::from_ref(&names),
            ascending,
        );
        let descending = r#"[null,null,"yellow","green","blue"]"#;
        check(
            "array_sort_desc",
            Dynamic,
            &[names, bool(false)],
            descending,
        );
        check(
            "array_sort_asc",
            Dynamic,
            &[dynamic("[10,9,1.5]")],
            "[1.5,9,10]",
        );
    }

    #[test]
    fn sorting_several_arrays_by_the_first() {
        let arrays = [dynamic("[2,3,1]"), dynamic(r#"["b","c","a"]"#)];
        check(
            "array_sort_desc",
            Dynamic,
            &arrays,
            r#"[[3,2,1],["c","b","a"]]"#,
        );
    }

    #[test]
    fn moving_and_cutting() {
        let array = dynamic("[1,2,3,4,5]");
        let by = |count: i64| [array.clone(), long(count)];
        check("array_rotate_right", Dynamic, &by(2), "[4,5,1,2,3]");
        check("array_shift_left", Dynamic, &by(2), "[3,4,5,null,null]");
        check("array_split", Dynamic, &by(2), "[[1,2],[3,4,5]]");
        let filled = [array.clone(), long(-2), long(-1)];
        check("array_shift_right", Dynamic, &filled, "[3,4,5,-1,-1]");
        check(
            "array_split",
            Dynamic,
            &[array, dynamic("[1,3]")],
            "[[1],[2,3],[4,5]]",
        );
        check("array_sum", Real, &[dynamic("[]")], "null");
    }

    #[test]
    fn sets() {
        let (a, b) = (dynamic("[1,2,3,2]"), dynamic("[3,4]"));
        check("set_union", Dynamic, &[a.clone(), b.clone()], "[1,2,3,4]");
        check("set_intersect", Dynamic, &[a.clone(), b.clone()], "[3]");
        check("set_difference", Dynamic, &[a.clone(), b], "[1,2]");
        check("set_has_element", Bool, &[a.clone(), long(2)], "True");
        check("set_has_element", Bool, &[a, string("2")], "False");
        let same = [dynamic("[1,2]"), dynamic("[2,1,1]")];
        check("set_equals", Bool, &same, "True");
        let halves = [dynamic("[1,2,3,4]"), dynamic("[3,4,5,6]")];
        check("jaccard_index", Real, &halves, "0.3333333333333333");
    }

    #[test]
    fn making_arrays() {
        check(
            "pack_array",
            Dynamic,
            &[long(1), string("a\"b"), real(2.0)],
            r#"[1,"a\"b",2.0]"#,
        );
        check(
            "array_concat",
            Dynamic,
            &[dynamic("{}"), dynamic("[99]")],
            "[99]",
        );
        check(
            "zip",
            Dynamic,
            &[dynamic("[1,2]"), dynamic(r#"["B"]"#)],
            r#"[[1,"B"],[2,null]]"#,
        );
        check("range", Dynamic, &[long(1), long(8), long(3)], "[1,4,7]");
        let hours = [timespan("1h"), timespan("2h")];
        check("range", Dynamic, &hours, r#"["01:00:00","02:00:00"]"#);
        check(
            "range",
            Dynamic,
            &[real(0.0), real(1.0), real(0.5)],
            "[0.0,0.5,1.0]",
        );
    }

    #[test]
    fn positions_of_elements() {
        let names = dynamic(r#"["this","is","an","example","is"]"#);
        check("array_index_of", Long, &[names.clone(), string("is")], "1");
        check(
            "array_index_of",
            Long,
            &[names.clone(), string("is"), long(2)],
            "4",
        );
        check("array_index_of", Long, &[names, string("no")], "-1");
    }

    #[test]
    fn choosing_elements() {
        let (ones, texts) = (dynamic("[1,0,null]"), [string("yes"), string("no")]);
        let arguments = [ones, texts[0].clone(), texts[1].clone()];
        check("array_iff", Dynamic, &arguments, r#"["yes","no",null]"#);
    }
}
