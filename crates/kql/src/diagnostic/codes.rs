//! What the codes of diagnostics mean, each with a query that has the mistake and the same query
//! without it. Codes are 1xx for syntax, 2xx for names and types, 3xx for what is not supported.
//!
//! A code that is given away stays given away: allow comments and suppressions name it.

use std::fmt;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code, such as `KQL201`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// Why it is a mistake, and what to do.
    pub text: &'static str,
    /// Text that has the mistake; empty where a short one says nothing.
    pub bad: &'static str,
    /// The same without it.
    pub good: &'static str,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n\n{}", self.code, self.title, self.text)?;
        for (word, example) in [("Wrong", self.bad), ("Right", self.good)] {
            if example.is_empty() {
                continue;
            }
            write!(f, "\n\n{word}:\n")?;
            for line in example.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

/// What the codes of the parser and the binder mean, in their order.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "KQL100",
        title: "the text does not go on as KQL does",
        text: "Something else is expected at this place: a bracket, a name, a value. The \
               message says what is expected and what stands there. If the place itself looks \
               right, look at what stands before it: a comma, a pipe or a quotation mark may \
               be missing there.",
        bad: r#"DeviceProcessEvents
| where FileName in "cmd.exe""#,
        good: r#"DeviceProcessEvents
| where FileName in ("cmd.exe")"#,
    },
    Explanation {
        code: "KQL101",
        title: "a character that has no meaning in a query",
        text: "Outside of texts and comments, this character is no part of KQL. Typographic \
               quotation marks and dashes come from word processors; comments begin with \
               `//`.",
        bad: "DeviceProcessEvents
| where FileName == “cmd.exe”",
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL102",
        title: "a text or a literal that is not closed",
        text: "A text in quotation marks ends on the line on which it begins. A text of \
               several lines stands between ``` and ```. Literals such as \
               `datetime(2026-01-15)` end with a parenthesis.",
        bad: r#"DeviceProcessEvents
| where FileName == "cmd.exe"#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL103",
        title: "an escape sequence that does not exist",
        text: "In a text in quotation marks, a backslash begins an escape sequence. Write two \
               of them for one, or put `@` before the text, in which a backslash is a \
               backslash.",
        bad: r#"DeviceProcessEvents
| where FolderPath has "C:\Windows""#,
        good: r#"DeviceProcessEvents
| where FolderPath has @"C:\Windows""#,
    },
    Explanation {
        code: "KQL104",
        title: "a literal that cannot be read",
        text: "What stands in the parentheses of a literal such as `datetime(…)`, \
               `timespan(…)` or `guid(…)` is no value of that type. To convert a value that \
               is computed, use `todatetime(…)` and its like.",
        bad: "DeviceProcessEvents
| where Timestamp > datetime(2026-13-45)",
        good: "DeviceProcessEvents
| where Timestamp > datetime(2026-01-15)",
    },
    Explanation {
        code: "KQL105",
        title: "a number that is too large",
        text: "The number does not fit the type that its form stands for: a whole number is a \
               `long`, of 64 bits.",
        bad: "print 99999999999999999999",
        good: "print real(99999999999999999999)",
    },
    Explanation {
        code: "KQL106",
        title: "an operator that does not exist",
        text: "After a pipe stands the name of an operator, in lower case.",
        bad: r#"DeviceProcessEvents
| filterr FileName == "cmd.exe""#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL107",
        title: "a pipe is missing",
        text: "Operators are separated by `|`.",
        bad: r#"DeviceProcessEvents
| where FileName == "cmd.exe"
take 10"#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe"
| take 10"#,
    },
    Explanation {
        code: "KQL108",
        title: "a semicolon is missing",
        text: "Each statement of a query ends with `;`, but for the last.",
        bad: r#"let Names = dynamic(["cmd.exe"])
DeviceProcessEvents
| where FileName in (Names)"#,
        good: r#"let Names = dynamic(["cmd.exe"]);
DeviceProcessEvents
| where FileName in (Names)"#,
    },
    Explanation {
        code: "KQL109",
        title: "a keyword stands where a name is expected",
        text: "Some words cannot be names as they are. In brackets and quotation marks, any \
               text is a name.",
        bad: "DeviceProcessEvents
| extend first = FileName",
        good: "DeviceProcessEvents
| extend ['first'] = FileName",
    },
    Explanation {
        code: "KQL110",
        title: "the query is nested too deep",
        text: "Parentheses, calls and sub-queries nest within each other only so deep. Name \
               parts with `let` or `extend`; a long list of conditions is often an `in (…)` \
               or a `has_any (…)`.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL111",
        title: "comparisons in a row",
        text: "A comparison yields true or false and cannot be compared further without \
               parentheses.",
        bad: "DeviceProcessEvents
| where 1 < ProcessId < 100",
        good: "DeviceProcessEvents
| where 1 < ProcessId and ProcessId < 100",
    },
    Explanation {
        code: "KQL112",
        title: "an operator of another language",
        text: "`!`, a single `=`, `&&`, `||` and `<>` mean nothing in a KQL condition, or not \
               what they mean elsewhere.",
        bad: r#"DeviceProcessEvents
| where FileName == "cmd.exe" && ProcessId > 4"#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe" and ProcessId > 4"#,
    },
    Explanation {
        code: "KQL113",
        title: "a dynamic literal that is not JSON",
        text: "`dynamic(…)` holds JSON and constants only. For values that are computed there \
               are `pack_array(…)` and `bag_pack(…)`.",
        bad: "print Names = dynamic([cmd])",
        good: r#"print Names = dynamic(["cmd"])"#,
    },
    Explanation {
        code: "KQL114",
        title: "brackets that do not match",
        text: "An opening bracket is not closed, or a closing one closes nothing. The note \
               says where the open one stands.",
        bad: r#"DeviceProcessEvents
| where (FileName == "cmd.exe""#,
        good: r#"DeviceProcessEvents
| where (FileName == "cmd.exe")"#,
    },
    Explanation {
        code: "KQL115",
        title: "a type that does not exist",
        text: "The types are bool, datetime, decimal, dynamic, guid, int, long, real, string \
               and timespan.",
        bad: r#"datatable(Name: text) ["a"]"#,
        good: r#"datatable(Name: string) ["a"]"#,
    },
    Explanation {
        code: "KQL116",
        title: "a query as an argument needs parentheses",
        text: "Where a function takes a table, a pipeline stands in parentheses of its own. So \
               does a `datatable` or `externaldata` among the operands of `union`.",
        bad: "let First = (T: (FileName: string)) { T | take 1 };
First(DeviceProcessEvents | take 9)",
        good: "let First = (T: (FileName: string)) { T | take 1 };
First((DeviceProcessEvents | take 9))",
    },
    Explanation {
        code: "KQL117",
        title: "a value of `datatable` is not constant",
        text: "The values of `datatable` are literals. Compute columns with `extend` behind \
               it.",
        bad: r#"let Limit = 5;
datatable(Name: string, Count: long) ["a", Limit]"#,
        good: r#"datatable(Name: string, Count: long) ["a", 5]"#,
    },
    Explanation {
        code: "KQL118",
        title: "`=` is read as `==`",
        text: "Kusto takes a single `=` in `where`, if a bool follows, as a name for the \
               condition. A comparison was meant, so write `==`.",
        bad: "datatable(IsRemote: bool)[true]
| where IsRemote = true",
        good: "datatable(IsRemote: bool)[true]
| where IsRemote == true",
    },
    Explanation {
        code: "KQL119",
        title: "the query is too long",
        text: "A query text has at most 4 MiB; Kusto itself takes two million characters. What is \
               longer is a list of values, which belongs in a table that the query joins.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL120",
        title: "`materialize` outside of `let`",
        text: "`materialize` keeps the rows of a query for all uses of a name, and so it is the \
               whole value of a `let`.",
        bad: "DeviceInfo
| join kind=inner (materialize(DeviceProcessEvents | take 9)) on DeviceId",
        good: "let Processes = materialize(DeviceProcessEvents | take 9);
DeviceInfo
| join kind=inner Processes on DeviceId",
    },
    Explanation {
        code: "KQL190",
        title: "the text cannot be formatted",
        text: "Its words would not mean the same in another layout, or its brackets do not match \
               within a management command, of which only the text is known. The text is left \
               as it is; nothing else is wrong with it.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL201",
        title: "an unknown column or name",
        text: "Neither the table at this point nor the query has this name. Names are \
               case-sensitive. After `project` and `summarize`, only the columns that they \
               yield are left.",
        bad: r#"DeviceProcessEvents
| where FileNam == "cmd.exe""#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL202",
        title: "an unknown table",
        text: "No table has this name in the tables that the query is checked against. `huntd \
               check --catalog` chooses among Defender's and Sentinel's; `catalog.tables` of \
               the configuration declares others; `--any-table` takes any name.",
        bad: "DeviceProcessEvent
| take 10",
        good: "DeviceProcessEvents
| take 10",
    },
    Explanation {
        code: "KQL203",
        title: "an unknown function",
        text: "KQL has no function of this name, and the query defines none. Names of \
               functions are lower-case.",
        bad: "DeviceProcessEvents
| extend Name = lowercase(FileName)",
        good: "DeviceProcessEvents
| extend Name = tolower(FileName)",
    },
    Explanation {
        code: "KQL204",
        title: "an unknown type",
        text: "The word names no type of KQL.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL205",
        title: "the wrong number of arguments",
        text: "A function takes as many arguments as its page in the reference says.",
        bad: "DeviceProcessEvents
| extend Name = tolower(FileName, 1)",
        good: "DeviceProcessEvents
| extend Name = tolower(FileName)",
    },
    Explanation {
        code: "KQL206",
        title: "an argument of the wrong type",
        text: "The function does not take a value of this type at this place. Convert it \
               first, as in `tostring(…)` or `tolong(…)`.",
        bad: "DeviceProcessEvents
| extend Day = startofday(FileName)",
        good: "DeviceProcessEvents
| extend Day = startofday(Timestamp)",
    },
    Explanation {
        code: "KQL207",
        title: "values of types that do not go together",
        text: "An operator such as `==` or `+` takes values of certain types only. Numbers \
               are not compared with texts, nor times with numbers.",
        bad: "DeviceProcessEvents
| where Timestamp > 5",
        good: "DeviceProcessEvents
| where Timestamp > ago(5d)",
    },
    Explanation {
        code: "KQL208",
        title: "two columns of one name",
        text: "A table has one column of a name. Give one of them another: `Name = \
               expression`.",
        bad: "DeviceProcessEvents
| project FileName, FileName",
        good: "DeviceProcessEvents
| project FileName, Folder = FolderPath",
    },
    Explanation {
        code: "KQL209",
        title: "a name that is defined twice",
        text: "Two `let` statements, or two parameters, have the same name.",
        bad: "let A = 1;
let A = 2;
print A",
        good: "let A = 1;
let B = 2;
print A + B",
    },
    Explanation {
        code: "KQL210",
        title: "a table where a value is expected, or the other way round",
        text: "`toscalar(…)` takes the first value of a table.",
        bad: "let Newest = DeviceProcessEvents | summarize max(Timestamp);
DeviceProcessEvents
| where Timestamp == Newest",
        good: "let Newest = toscalar(DeviceProcessEvents | summarize max(Timestamp));
DeviceProcessEvents
| where Timestamp == Newest",
    },
    Explanation {
        code: "KQL211",
        title: "a value that must be constant",
        text: "Numbers of rows, options and some arguments are known before the query runs: \
               they cannot depend on a row.",
        bad: "DeviceProcessEvents
| take -1",
        good: "DeviceProcessEvents
| take 10",
    },
    Explanation {
        code: "KQL212",
        title: "an aggregate at the wrong place",
        text: "Aggregates such as `count()` stand in `summarize`, not inside of one another; \
               and what `summarize` yields is grouped by or aggregated.",
        bad: "DeviceProcessEvents
| where count() > 5",
        good: "DeviceProcessEvents
| summarize Rows = count() by DeviceId
| where Rows > 5",
    },
    Explanation {
        code: "KQL213",
        title: "a dynamic value that must be converted first",
        text: "Rows cannot be grouped, joined or sorted by a value of type dynamic, of which \
               nobody knows what it is.",
        bad: "AlertEvidence
| extend Fields = parse_json(AdditionalFields)
| summarize count() by Fields.Name",
        good: "AlertEvidence
| extend Fields = parse_json(AdditionalFields)
| summarize count() by Name = tostring(Fields.Name)",
    },
    Explanation {
        code: "KQL214",
        title: "a condition that is not true or false",
        text: "A condition is a value of type bool: compare the value with another.",
        bad: "DeviceProcessEvents
| where FileName",
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL215",
        title: "an option that does not exist",
        text: "An operator does not have this option, or the option not this value.",
        bad: "DeviceProcessEvents
| join kind=iner DeviceInfo on DeviceId",
        good: "DeviceProcessEvents
| join kind=inner DeviceInfo on DeviceId",
    },
    Explanation {
        code: "KQL216",
        title: "the condition of a join",
        text: "Tables are joined on columns of both sides, or on equalities `$left.A == \
               $right.B`, the left side first.",
        bad: "DeviceProcessEvents
| join DeviceInfo on $left.DeviceId > $right.DeviceId",
        good: "DeviceProcessEvents
| join DeviceInfo on $left.DeviceId == $right.DeviceId",
    },
    Explanation {
        code: "KQL217",
        title: "something that cannot stand here",
        text: "It has a meaning in KQL, but not at this place.",
        bad: r#"DeviceProcessEvents
| where $left.FileName == "cmd.exe""#,
        good: r#"DeviceProcessEvents
| where FileName == "cmd.exe""#,
    },
    Explanation {
        code: "KQL218",
        title: "the query is too large",
        text: "Functions and names are written out where they are used. What they become is \
               beyond all measure here, or nests too deep.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL219",
        title: "the query yields no table",
        text: "A query ends with an expression that is a table.",
        bad: r#"let Names = dynamic(["cmd.exe"]);"#,
        good: r#"let Names = dynamic(["cmd.exe"]);
DeviceProcessEvents
| where FileName in (Names)"#,
    },
    Explanation {
        code: "KQL220",
        title: "values that do not fill their rows",
        text: "A `datatable` has as many values as it has columns, or a multiple of that.",
        bad: r#"datatable(Name: string, Count: long) ["a", 1, "b"]"#,
        good: r#"datatable(Name: string, Count: long) ["a", 1, "b", 2]"#,
    },
    Explanation {
        code: "KQL221",
        title: "an argument that is converted",
        text: "The argument of a function of the query is of another type than the parameter, \
               and is converted. What cannot be converted becomes null.",
        bad: "let Twice = (x: long) { 2 * x };
print Twice(1.5)",
        good: "let Twice = (x: long) { 2 * x };
print Twice(1)",
    },
    Explanation {
        code: "KQL222",
        title: "rows have no order here",
        text: "`prev()`, `next()`, `row_number()` and their like need rows in an order. `sort \
               by` gives them one, and `serialize` takes that which they happen to have.",
        bad: "DeviceProcessEvents
| extend Before = prev(FileName)",
        good: "DeviceProcessEvents
| sort by Timestamp asc
| extend Before = prev(FileName)",
    },
    Explanation {
        code: "KQL223",
        title: "something without effect",
        text: "It is allowed to stand here and does nothing.",
        bad: "DeviceProcessEvents
| summarize Rows = count(FileName)",
        good: "DeviceProcessEvents
| summarize Rows = count()",
    },
    Explanation {
        code: "KQL224",
        title: "a table that a union leaves out",
        text: "With `isfuzzy=true`, a union leaves out tables that do not exist. The warning \
               says which, since a misspelt name is left out, too.",
        bad: "union isfuzzy=true DeviceProcessEvent, DeviceFileEvents",
        good: "union isfuzzy=true DeviceProcessEvents, DeviceFileEvents",
    },
    Explanation {
        code: "KQL301",
        title: "an operator that is not supported",
        text: "The operator is part of KQL, but huntd does not know yet what it yields. \
               `docs/reference/kql-support.md` lists what is supported.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL303",
        title: "a form that is not supported",
        text: "The form is part of KQL, but huntd does not know yet what it means.",
        bad: "",
        good: "",
    },
];
