//! Functions of property bags. Keys and values stay raw JSON text; a key is compared by the
//! text it spells. What is no bag gives null.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::{Arguments, Texts};
use super::json;
use super::json_path;
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Functions of bags by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "bag_keys" => code(|a| {
            let bags = a.raw(0)?;
            a.optional_strings(|row, out| {
                json::write_array(json::entries(bags.get(row)?)?.map(|(key, _)| key), out);
                Some(())
            })
        }),
        "bag_has_key" => code(|a| {
            let (bags, keys) = (a.raw(0)?, a.texts(1)?);
            a.bools(|row| {
                let bag = bags.get(row)?;
                json::entries(bag)?;
                let path = json_path::parse_key(keys.text(row));
                Some(json_path::get(bag, &path).is_some())
            })
        }),
        "bag_pack" | "pack" | "pack_dictionary" => code(|a| bag_pack(a, false)),
        "pack_all" => code(|a| bag_pack(a, true)),
        "bag_merge" => code(bag_merge),
        "bag_remove_keys" => code(bag_remove_keys),
        "bag_zip" => code(bag_zip),
        "bag_set_key" => code(bag_set_key),
        "dynamic_to_json" => code(|a| {
            let values = a.raw(0)?;
            a.strings(|row, out| write_sorted(values.get(row).unwrap_or("null"), out))
        }),
        "extract_json" | "extractjson" => code(extract_json),
        _ => return None,
    })
}

/// Keys and values in turn; of equal keys the last value stays. Values that are null or empty
/// are left out on demand.
fn bag_pack(arguments: &Arguments<'_>, skip_empty: bool) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    arguments.optional_strings(|row, out| {
        let mut entries: Vec<(String, String)> = Vec::with_capacity(inputs.len() / 2);
        for pair in inputs.chunks_exact(2) {
            let (mut name, mut key, mut value) = (String::new(), String::new(), String::new());
            let held = pair[1].get(row);
            if skip_empty && (held.is_null() || held == Datum::String("")) {
                continue;
            }
            pair[0].get(row).write_text(&mut name);
            json::write_string(&name, &mut key);
            held.write_json(&mut value);
            match entries.iter_mut().find(|(held, _)| *held == key) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        json::write_bag(
            entries
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
            out,
        );
        Some(())
    })
}

/// Of equal keys the first value stays; arguments that are no bags are left out.
fn bag_merge(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let bags: Vec<Texts> = (0..arguments.len())
        .map(|position| arguments.raw(position))
        .collect::<Result<_>>()?;
    arguments.optional_strings(|row, out| {
        let mut merged: Vec<(&str, &str)> = Vec::new();
        let mut any = false;
        for bag in &bags {
            let Some(entries) = bag.get(row).and_then(json::entries) else {
                continue;
            };
            any = true;
            for (key, value) in entries {
                if !merged.iter().any(|(held, _)| *held == key) {
                    merged.push((key, value));
                }
            }
        }
        json::write_bag(merged, out);
        any.then_some(())
    })
}

/// Keys are names, or paths into nested bags that begin with `$`.
fn bag_remove_keys(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (bags, keys) = (arguments.raw(0)?, arguments.raw(1)?);
    arguments.optional_strings(|row, out| {
        let bag = bags.get(row)?;
        json::entries(bag)?;
        let paths: Vec<Vec<json_path::Step>> = json::elements(keys.get(row)?)?
            .map(|key| json_path::parse_key(&json::unescape(key)))
            .collect();
        let paths: Vec<&[json_path::Step]> = paths.iter().map(Vec::as_slice).collect();
        json_path::write_without(bag, &paths, out);
        Some(())
    })
}

/// A bag of the keys in one array and the values in another; missing values are null.
fn bag_zip(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (keys, values) = (arguments.raw(0)?, arguments.raw(1)?);
    arguments.optional_strings(|row, out| {
        let keys = json::elements(keys.get(row)?)?;
        let mut values = values
            .get(row)
            .and_then(json::elements)
            .into_iter()
            .flatten();
        let entries = keys.filter_map(|key| {
            let value = values.next().unwrap_or("null");
            (json::kind(key) == json::Kind::String).then_some((key, value))
        });
        json::write_bag(entries, out);
        Some(())
    })
}

/// The bag with a value at a key or path, replaced or added at the end.
fn bag_set_key(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (bags, keys, values) = (arguments.raw(0)?, arguments.texts(1)?, arguments.input(2));
    arguments.optional_strings(|row, out| {
        let bag = bags.get(row)?;
        json::entries(bag)?;
        let mut value = String::new();
        values.get(row).write_json(&mut value);
        json_path::write_with(bag, &json_path::parse_key(keys.text(row)), &value, out);
        Some(())
    })
}

/// Writes a value with the keys of its bags in order, so that equal bags are equal texts.
fn write_sorted(value: &str, out: &mut String) {
    if let Some(elements) = json::elements(value) {
        let sorted: Vec<String> = elements.map(sorted).collect();
        json::write_array(sorted.iter().map(String::as_str), out);
    } else if let Some(entries) = json::entries(value) {
        let mut sorted: Vec<(&str, String)> =
            entries.map(|(key, value)| (key, sorted(value))).collect();
        sorted.sort();
        json::write_bag(
            sorted.iter().map(|(key, value)| (*key, value.as_str())),
            out,
        );
    } else {
        out.push_str(value);
    }
}

fn sorted(value: &str) -> String {
    let mut text = String::new();
    write_sorted(value, &mut text);
    text
}

/// `extract_json(path, text, type)`.
fn extract_json(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (paths, texts) = (arguments.texts(0)?, arguments.texts(1)?);
    let mut values = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let mut compact = String::new();
        let found = json::write_compact(texts.text(row), &mut compact)
            .and_then(|()| json_path::parse(paths.text(row)))
            .and_then(|path| json_path::get(&compact, &path).map(str::to_owned));
        values.push(found);
    }
    arguments.datums(|row| match &values[row] {
        Some(value) => Datum::Dynamic(value),
        None => Datum::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, dynamic, eval, long, null, string};
    use ScalarType::{Bool, Dynamic, Long, String};

    use super::*;

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn keys() {
        check(
            "bag_keys",
            Dynamic,
            &[dynamic(r#"{"a":1,"c":{"d":2}}"#)],
            r#"["a","c"]"#,
        );
        check("bag_keys", Dynamic, &[dynamic("[]")], "null");
        check(
            "bag_has_key",
            Bool,
            &[dynamic(r#"{"a":{"b":1}}"#), string("$.a.b")],
            "True",
        );
        check(
            "bag_has_key",
            Bool,
            &[dynamic(r#"{"a":{"b":1}}"#), string("b")],
            "False",
        );
    }

    #[test]
    fn making_and_merging() {
        let entries = [string("a"), long(1), string("b"), null(Long)];
        check("bag_pack", Dynamic, &entries, r#"{"a":1,"b":null}"#);
        let bags = [dynamic(r#"{"a":1,"b":2}"#), dynamic(r#"{"b":3,"c":4}"#)];
        check("bag_merge", Dynamic, &bags, r#"{"a":1,"b":2,"c":4}"#);
        let arrays = [dynamic(r#"["a",8,"b"]"#), dynamic("[1,2,2.5]")];
        check("bag_zip", Dynamic, &arrays, r#"{"a":1,"b":2.5}"#);
    }

    #[test]
    fn removing_keys_and_paths() {
        let bag = r#"{"k1":1,"k2":{"p1":"abc","p2":"xyz"},"k3":[100]}"#;
        let arguments = [dynamic(bag), dynamic(r#"["$.k2.p1","k3"]"#)];
        check(
            "bag_remove_keys",
            Dynamic,
            &arguments,
            r#"{"k1":1,"k2":{"p2":"xyz"}}"#,
        );
    }

    #[test]
    fn setting_keys_and_paths() {
        let bag = dynamic(r#"{"k1":1,"k2":{"p1":1,"p2":2}}"#);
        let at_path = [bag.clone(), string("$.k2.p1"), string("x")];
        let expected = r#"{"k1":1,"k2":{"p2":2,"p1":"x"}}"#;
        check("bag_set_key", Dynamic, &at_path, expected);
        let new_path = [dynamic("{}"), string("$.a.b"), long(1)];
        check("bag_set_key", Dynamic, &new_path, r#"{"a":{"b":1}}"#);
        check(
            "dynamic_to_json",
            String,
            &[dynamic(r#"{"b":[{"d":1,"c":2}],"a":0}"#)],
            r#"{"a":0,"b":[{"c":2,"d":1}]}"#,
        );
    }

    #[test]
    fn extracting_by_path() {
        let text = string(r#"{"a":[{"b":"c"},5]}"#);
        check(
            "extract_json",
            String,
            &[string("$.a[0].b"), text.clone()],
            "c",
        );
        check(
            "extract_json",
            Long,
            &[string("$['a'][1]"), text.clone()],
            "5",
        );
        check("extract_json", String, &[string("$.x"), text], "");
    }
}
