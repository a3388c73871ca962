//! What `render` asks for is checked, though it changes nothing.

use crate::world::columns;

#[test]
fn properties_are_known_and_have_known_values() {
    for (properties, expected) in [
        ("title='x', ymin=5, legend=hidden", "a:long s:string z:int"),
        (
            "xcolumn=a, ycolumns=a, z, series=s",
            "a:long s:string z:int",
        ),
        ("title=5", "KQL215 `title` takes a text"),
        ("accumulate=1", "KQL215 `accumulate` takes true or false"),
        ("legend=foo", "KQL215 `foo` is no value of `legend`"),
        ("ycolumns=a, nope", "KQL201 unknown column `nope`"),
        ("tite='x'", "KQL100 unknown property `tite`"),
    ] {
        let query = format!("U | render timechart with ({properties})");
        assert_eq!(columns(&query), expected, "{properties}");
    }
}

#[test]
fn a_star_leaves_out_columns_that_are_keys_as_they_are() {
    for (query, expected) in [
        ("arg_max(a, *) by s", "s:string a:long z:int"),
        ("arg_max(a, *) by k = s", "k:string a:long z:int"),
        (
            "arg_max(z, *) by toreal(a)",
            "a:real z:int a1:long s:string",
        ),
        ("arg_max(a, s, *)", "a:long s:string z:int"),
        (
            "arg_max(*) by s",
            "KQL217 `*` cannot stand here in `arg_max`",
        ),
    ] {
        let query = format!("U | summarize {query}");
        assert_eq!(columns(&query), expected, "{query}");
    }
}
