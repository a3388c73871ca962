//! Messages as people see them.

use insta::assert_snapshot;

use super::world::messages;

#[test]
fn a_misspelt_column() {
    let query = ["Events", r#"| where FileNam == "cmd.exe""#].join("\n");
    assert_snapshot!(messages(&query), @r#"
    error[KQL201]: unknown column `FileNam`
     --> hunt.kql:2:9
      |
    2 | | where FileNam == "cmd.exe"
      |         ^^^^^^^
      = help: did you mean `FileName`?
    "#);
}

#[test]
fn a_column_in_the_wrong_case() {
    let query = ["Events", "| project DeviceID"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL201]: unknown column `DeviceID`
     --> hunt.kql:2:11
      |
    2 | | project DeviceID
      |           ^^^^^^^^
      = help: did you mean `DeviceId`? names are case-sensitive
    ");
}

#[test]
fn a_misspelt_table() {
    let query = ["Event", "| take 5"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL202]: unknown table `Event`
     --> hunt.kql:1:1
      |
    1 | Event
      | ^^^^^
      = help: did you mean `Events`?
    ");
}

#[test]
fn a_misspelt_function() {
    let query = ["Events", r#"| where tolowr(FileName) == "a""#].join("\n");
    assert_snapshot!(messages(&query), @r#"
    error[KQL203]: unknown function `tolowr`
     --> hunt.kql:2:9
      |
    2 | | where tolowr(FileName) == "a"
      |         ^^^^^^
      = help: did you mean `tolower`?
    "#);
}

#[test]
fn one_mistake_gives_one_message() {
    let query = [
        "Events",
        "| extend Size = FileSiz * 2",
        "| where Size > 10",
        "| summarize max(Size) by Size, DeviceId",
        "| project max_Size",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL201]: unknown column `FileSiz`
     --> hunt.kql:2:17
      |
    2 | | extend Size = FileSiz * 2
      |                 ^^^^^^^
      = help: did you mean `FileSize`?
    ");
}

#[test]
fn several_mistakes_give_several_messages() {
    let query = [
        "Events",
        r#"| where FileNam == "a" and DeviceIdd == "b""#,
        "| project Missing",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r#"
    error[KQL201]: unknown column `FileNam`
     --> hunt.kql:2:9
      |
    2 | | where FileNam == "a" and DeviceIdd == "b"
      |         ^^^^^^^
      = help: did you mean `FileName`?
    error[KQL201]: unknown column `DeviceIdd`
     --> hunt.kql:2:28
      |
    2 | | where FileNam == "a" and DeviceIdd == "b"
      |                            ^^^^^^^^^
      = help: did you mean `DeviceId`?
    error[KQL201]: unknown column `Missing`
     --> hunt.kql:3:11
      |
    3 | | project Missing
      |           ^^^^^^^
      = help: the columns here are `Timestamp`, `DeviceId`, `FileName`, `FileSize`, `AdditionalFields`
    "#);
}

#[test]
fn text_is_not_a_number() {
    let query = ["Events", "| where FileName > 5"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL207]: `>` is not defined for string and long
     --> hunt.kql:2:18
      |
    2 | | where FileName > 5
      |                  ^
      = help: convert one side, as in `tolong()` or `todatetime()`
    ");
}

#[test]
fn texts_do_not_add_up() {
    let query = ["Events", "| extend Path = FileName + DeviceId"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL207]: `+` is not defined for string and string
     --> hunt.kql:2:26
      |
    2 | | extend Path = FileName + DeviceId
      |                          ^
      = help: join texts with `strcat()`
    ");
}

#[test]
fn a_condition_that_is_none() {
    let query = ["Events", "| where FileSize"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL214]: the condition is of type long, not bool
     --> hunt.kql:2:9
      |
    2 | | where FileSize
      |         ^^^^^^^^
      = help: compare it with a value
    ");
}

#[test]
fn a_dynamic_group_key() {
    let query = ["Events", "| summarize count() by AdditionalFields.Kind"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL213]: cannot group by a value of type dynamic
     --> hunt.kql:2:24
      |
    2 | | summarize count() by AdditionalFields.Kind
      |                        ^^^^^^^^^^^^^^^^^^^^^
      = help: convert it first, as in `tostring()` or `tolong()`
    ");
}

#[test]
fn an_aggregate_out_of_place() {
    let query = ["Events", "| where count() > 5"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL212]: the aggregate `count` cannot stand here
     --> hunt.kql:2:9
      |
    2 | | where count() > 5
      |         ^^^^^^^
      = help: aggregates stand in `summarize`, and not inside of one another
    ");
}

#[test]
fn a_column_outside_of_an_aggregate() {
    let query = ["Events", "| summarize FileSize by DeviceId"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL212]: the column `FileSize` stands outside of an aggregate
     --> hunt.kql:2:13
      |
    2 | | summarize FileSize by DeviceId
      |             ^^^^^^^^
      = help: aggregate it, as in `max(FileSize)`, or group by it: `by FileSize`
    ");
}

#[test]
fn wrong_arguments() {
    let query = [
        "Events",
        "| extend a = strlen(), b = array_length(FileName), c = startofday(FileName)",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL205]: `strlen` takes 1 argument, 0 given
     --> hunt.kql:2:14
      |
    2 | | extend a = strlen(), b = array_length(FileName), c = startofday(FileName)
      |              ^^^^^^^^
    error[KQL206]: argument 1 of `array_length` is of type string, not a dynamic array
     --> hunt.kql:2:41
      |
    2 | | extend a = strlen(), b = array_length(FileName), c = startofday(FileName)
      |                                         ^^^^^^^^
      = help: read the text with `parse_json()` first
    error[KQL206]: argument 1 of `startofday` is of type string, not datetime
     --> hunt.kql:2:67
      |
    2 | | extend a = strlen(), b = array_length(FileName), c = startofday(FileName)
      |                                                                   ^^^^^^^^
      = help: convert it with `todatetime()`
    ");
}

#[test]
fn a_property_that_is_none() {
    let query = [
        "Events",
        "| join kind=outer U on $left.DeviceId == $right.s",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL215]: `outer` is no value of `kind`
     --> hunt.kql:2:13
      |
    2 | | join kind=outer U on $left.DeviceId == $right.s
      |             ^^^^^
      = help: use one of inner, innerunique, leftouter, rightouter, fullouter, leftsemi, rightsemi, leftanti, rightanti, anti, leftantisemi, rightantisemi
    ");
}

#[test]
fn join_keys_of_different_types() {
    let query = ["Events", "| join U on $left.DeviceId == $right.a"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL216]: the keys of a join have different types: string and long
     --> hunt.kql:2:13
      |
    2 | | join U on $left.DeviceId == $right.a
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: convert one side with `extend` before the join
    ");
}

#[test]
fn a_name_defined_twice() {
    let query = ["let x = 1;", "let x = 2;", "U | where a == x"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL209]: `x` is already defined
     --> hunt.kql:2:5
      |
    2 | let x = 2;
      |     ^
    ");
}

#[test]
fn a_column_twice() {
    let query = "U | project x = a, x = s";
    assert_snapshot!(messages(query), @r"
    error[KQL208]: there is already a column `x` here
     --> hunt.kql:1:20
      |
    1 | U | project x = a, x = s
      |                    ^^^^^
      = help: give one of them another name: `name = expression`
    ");
}

#[test]
fn access_into_a_text() {
    let query = ["Events", "| extend x = FileName.Kind"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL207]: a value of type string has no properties or elements
     --> hunt.kql:2:14
      |
    2 | | extend x = FileName.Kind
      |              ^^^^^^^^^^^^^
      = help: read the text with `parse_json()` first
    ");
}

#[test]
fn warnings_let_the_query_run() {
    let query = ["set unheardof = 1;", "union isfuzzy=true U, Missing"].join("\n");
    assert_snapshot!(messages(&query), @r"
    warning[KQL223]: the option `unheardof` is unknown and has no effect
     --> hunt.kql:1:5
      |
    1 | set unheardof = 1;
      |     ^^^^^^^^^
    warning[KQL224]: there is no table `Missing`; the union leaves it out
     --> hunt.kql:2:23
      |
    2 | union isfuzzy=true U, Missing
      |                       ^^^^^^^
    ");
}

#[test]
fn rows_without_an_order() {
    let query = [
        "Events",
        "| sort by Timestamp asc",
        "| summarize count() by FileName",
        "| extend n = row_number()",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL222]: `row_number` needs rows in a known order
     --> hunt.kql:4:14
      |
    4 | | extend n = row_number()
      |              ^^^^^^^^^^^^
      = help: add `| serialize` or `| sort by` in front of this operator
    ");
}

#[test]
fn neighbours_of_a_row() {
    let query = [
        "Events",
        "| sort by Timestamp asc",
        "| extend a = prev(tolower(FileName))",
        "| extend b = next(FileName, 0)",
        "| extend c = prev(FileName, 1, FileName)",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL206]: argument 1 of `prev` must be a column
     --> hunt.kql:3:19
      |
    3 | | extend a = prev(tolower(FileName))
      |                   ^^^^^^^^^^^^^^^^^
      = help: compute the column with `extend` first
    error[KQL211]: `next` looks at least 1 row away
     --> hunt.kql:4:29
      |
    4 | | extend b = next(FileName, 0)
      |                             ^
    error[KQL211]: the default of `prev` must be a constant
     --> hunt.kql:5:32
      |
    5 | | extend c = prev(FileName, 1, FileName)
      |                                ^^^^^^^^
    ");
}

#[test]
fn an_order_in_other_words() {
    let query = ["Events", "| sort by FileSize descending, DeviceId"].join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL100]: unknown order `descending`
     --> hunt.kql:2:20
      |
    2 | | sort by FileSize descending, DeviceId
      |                    ^^^^^^^^^^
      = help: did you mean `desc`?
    ");
}
