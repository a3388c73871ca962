//! Paths into JSON text as Kusto writes them: `$.a.b[0]`, `$['a']["b"]`.

use super::json;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(i64),
}

/// Reads a path that begins with `$`; `None` if it is none.
pub(super) fn parse(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Key(after[..end].to_owned()));
            rest = &after[end..];
            continue;
        }
        let after = rest.strip_prefix('[')?;
        let quote = after.chars().next()?;
        if matches!(quote, '\'' | '"') {
            let inner = &after[1..];
            let end = inner.find(quote)?;
            steps.push(Step::Key(inner[..end].to_owned()));
            rest = inner[end + 1..].strip_prefix(']')?;
        } else {
            let end = after.find(']')?;
            steps.push(Step::Index(after[..end].trim().parse().ok()?));
            rest = &after[end + 1..];
        }
    }
    Some(steps)
}

/// A path, or else a single key.
pub(super) fn parse_key(text: &str) -> Vec<Step> {
    parse(text)
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| vec![Step::Key(text.to_owned())])
}

/// The value at a path.
pub(super) fn get<'a>(json: &'a str, path: &[Step]) -> Option<&'a str> {
    path.iter().try_fold(json, |value, step| match step {
        Step::Key(key) => json::member(value, key),
        Step::Index(index) => json::element(value, *index),
    })
}

/// Writes a value without what the paths lead to. Array elements stay.
pub(super) fn write_without(json: &str, paths: &[&[Step]], out: &mut String) {
    let Some(entries) = json::entries(json).filter(|_| !paths.is_empty()) else {
        return out.push_str(json);
    };
    out.push('{');
    let mut first = true;
    for (key, value) in entries {
        let below: Vec<&[Step]> = paths
            .iter()
            .filter_map(|path| match path.split_first()? {
                (Step::Key(name), rest) if json::key_is(key, name) => Some(rest),
                _ => None,
            })
            .collect();
        if below.iter().any(|path| path.is_empty()) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        out.push_str(key);
        out.push(':');
        write_without(value, &below, out);
    }
    out.push('}');
}

/// Writes a bag with a value at the end of a path of keys; bags on the way are made.
pub(super) fn write_with(bag: &str, path: &[Step], value: &str, out: &mut String) {
    let Some((Step::Key(name), rest)) = path.split_first() else {
        return out.push_str(if path.is_empty() { value } else { bag });
    };
    let mut inner = String::new();
    let mut entries: Vec<(&str, &str)> = json::entries(bag).into_iter().flatten().collect();
    let held = entries.iter().position(|(key, _)| json::key_is(key, name));
    write_with(
        held.map_or("{}", |position| entries[position].1),
        rest,
        value,
        &mut inner,
    );
    let mut key = String::new();
    json::write_string(name, &mut key);
    match held {
        // A replaced leaf moves to the end, a bag on the way keeps its place.
        Some(position) if rest.is_empty() => {
            entries.remove(position);
            entries.push((&key, &inner));
        }
        Some(position) => entries[position].1 = &inner,
        None => entries.push((&key, &inner)),
    }
    json::write_bag(entries, out);
}
