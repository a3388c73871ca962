//! docs/reference/emulator.md lists every call with its roles and rates.

use huntd::emulator::security::calls;

#[test]
fn the_reference_lists_every_call() {
    let text = std::fs::read_to_string("docs/reference/emulator.md").unwrap();
    let mut missing = Vec::new();
    for call in calls() {
        let row = call.reference_row();
        if !text.lines().any(|line| line == row) {
            missing.push(row);
        }
    }
    assert!(
        missing.is_empty(),
        "not in the reference:\n{}",
        missing.join("\n")
    );
    let of_services = [" /api/", " /v1.0/"];
    let is_row =
        |line: &&str| line.starts_with("| `") && of_services.iter().any(|path| line.contains(path));
    let rows = text.lines().filter(is_row).count();
    assert_eq!(
        rows,
        calls().len(),
        "the reference lists calls that there are not"
    );
}
