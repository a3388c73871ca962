//! Messages as people see them.

use super::world::messages;

#[test]
fn placeholder() {
    assert_eq!(messages("U"), "");
}
