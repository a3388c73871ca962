//! The page about webhooks: its example is what the code sends, and its sample of Python verifies
//! what the code signs.

use huntd::action::webhook::sign::signature;
use huntd::action::{example, payload::Payload};
use huntd::secret::Secret;
use serde_json::Value;

use super::{check_generated_part, code_blocks};

const PAGE: &str = "docs/reference/webhook.md";

fn example() -> Value {
    let delivery = example::delivery();
    serde_json::to_value(Payload::of(&delivery, 100)).unwrap()
}

#[test]
fn the_example_is_what_is_sent() {
    let json = serde_json::to_string_pretty(&example()).unwrap();
    check_generated_part(PAGE, "example", &format!("```json\n{json}\n```"));
}

/// Names of all fields below a value, as the page writes them: `findings[].title`.
fn fields(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        // What is in these depends on the hunt.
        _ if ["findings[].evidence", "findings[].key"].contains(&path) => {}
        Value::Object(object) => {
            for (name, value) in object {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                found.push(path.clone());
                fields(value, &path, found);
            }
        }
        Value::Array(items) => {
            if let Some(item) = items.first() {
                fields(item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_is_told() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut found = Vec::new();
    fields(&example(), "", &mut found);
    assert!(found.len() > 20, "{found:?}");
    for field in found {
        assert!(
            page.contains(&format!("| `{field}` |")),
            "{PAGE} does not tell of `{field}`"
        );
    }
}

#[test]
fn the_sample_verifies_what_is_signed() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let sample = code_blocks(&page, "python").remove(0);
    let header = signature(&Secret::new("key"), 1_767_366_000, b"{\"a\":1}");
    let check = format!(
        "{sample}\n\
         header = {header:?}\n\
         assert verify(b'key', header, b'{{\"a\":1}}', now=1767366100)\n\
         assert not verify(b'key', header, b'{{\"a\":2}}', now=1767366100)\n\
         assert not verify(b'yek', header, b'{{\"a\":1}}', now=1767366100)\n\
         assert not verify(b'key', header, b'{{\"a\":1}}', now=1767369600)\n\
         assert not verify(b'key', 'nonsense', b'{{\"a\":1}}', now=1767366100)\n"
    );
    let python = std::env::var("HUNTD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = std::process::Command::new(&python)
        .args(["-c", &check])
        .output();
    match output {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) if std::env::var_os("HUNTD_TEST_NO_SKIP").is_some() => {
            panic!("{python}: {error}")
        }
        Err(error) => eprintln!("skipped: {python}: {error}"),
    }
}
