//! The resolved query: every name bound, every type known, every conversion explicit, every span
//! kept.
//!
//! Columns are addressed by position in the schema of the plan an expression reads, so nothing
//! downstream looks a name up again. Column names within one schema are unique.

mod graph;
mod plugin;
mod step;
mod union;
mod walk;

pub use graph::{
    Graph, GraphCycles, GraphDirection, GraphElement, GraphMatch, GraphPart, GraphPaths, GraphStep,
    MakeGraph, NodeNumber, NodeTable,
};
pub use plugin::{PluginArgument, PluginCall, PluginValue};
pub use walk::{Operands, OperandsMut};

use std::sync::Arc;

pub use step::{
    KeyValueOptions, MakeSeries, MvApply, NestedLevel, ParseKv, Partition, Scan, ScanOutput,
    ScanStep, TopNested,
};

pub use union::{UnionColumn, UnionInput, UnionValue};

use crate::builtin::plugin::Plugin;
use crate::builtin::{Aggregate, Scalar};
use crate::span::Span;
use crate::types::{ScalarType, Schema, Value};

/// A bound query: the table it yields, and how it asks to be drawn.
#[derive(Clone, Debug)]
pub struct Query {
    /// The plan of the last tabular statement.
    pub plan: Plan,
    /// The `render` at its end, if any; it never changes the data.
    pub render: Option<Render>,
    /// The text, where [`crate::compile`] bound it. Who runs a query with plugins whose columns
    /// depend on the rows binds it again once they are known ([`crate::compile_given`]).
    pub text: Option<Arc<str>>,
    /// The values of its parameters that it was bound with.
    pub parameters: crate::bind::Parameters,
}

impl Query {
    /// The tables that it yields, in the order written, with their names.
    pub fn results(&self) -> Vec<(Option<&Arc<str>>, &Plan)> {
        match &*self.plan.kind {
            PlanKind::Several { results } => {
                let results = results.iter();
                results
                    .map(|result| (result.name.as_ref(), &result.plan))
                    .collect()
            }
            _ => vec![(None, &self.plan)],
        }
    }

    /// Whether it may yield other than one table, as `fork` and `facet` do.
    pub fn has_several_results(&self) -> bool {
        matches!(&*self.plan.kind, PlanKind::Several { .. })
    }
}

/// `render kind with (name = value, …)`, kept as a hint for whoever draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// `table`, `timechart`, …
    pub kind: String,
    /// Properties in the order written.
    pub properties: Vec<(String, String)>,
}

/// One relational step with the schema it yields.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it does.
    pub kind: Box<PlanKind>,
    /// The columns it yields.
    pub schema: Schema,
    /// Where it is written.
    pub span: Span,
}

/// The relational steps. `extend`, `project-*`, `getschema`, `lookup`'s dropped keys and the like
/// are spelt with these by the binder.
#[derive(Clone, Debug)]
pub enum PlanKind {
    /// Reads a table of the catalog. `columns` of the schema are those of the table.
    Table {
        /// Catalog name.
        name: String,
        /// Where it is, if the query says so: `workspace("w").T`.
        place: Option<Place>,
        /// The column a window applies to.
        time_column: Option<usize>,
    },
    /// Reads files from elsewhere (`externaldata`); the schema is the declared one.
    ExternalData {
        /// Where they are: constants of type string, each with its credentials as written.
        uris: Vec<Expr>,
        /// How to read them (`format`, `ignoreFirstRecord`, …), in the order written. Known names
        /// and formats are in the reference's spelling.
        properties: Vec<(String, String)>,
    },
    /// Constant rows (`datatable`, `getschema`), one value per column.
    Values {
        /// Row-major values; each fits its column's type or is null.
        rows: Vec<Vec<Value>>,
    },
    /// One row of expressions without input (`print`), one per column.
    Print {
        /// One expression per column.
        columns: Vec<Expr>,
    },
    /// `range x from a to b step c`: constants of one type, both ends included.
    Range {
        /// First value.
        from: Expr,
        /// Last value, included.
        to: Expr,
        /// Step; of type timespan where the others are datetimes.
        step: Expr,
    },
    /// Keeps rows for which the predicate (type bool) is true; null drops the row.
    Filter {
        /// Input.
        input: Plan,
        /// Of type bool.
        predicate: Expr,
    },
    /// Computes one expression per output column; all read the input.
    Project {
        /// Input.
        input: Plan,
        /// One expression per column of the schema.
        columns: Vec<Expr>,
    },
    /// `summarize`: keys first, then the outputs of the aggregates in order. Without keys: exactly
    /// one row, even for empty input.
    Aggregate {
        /// Input.
        input: Plan,
        /// Group keys, never dynamic.
        keys: Vec<Expr>,
        /// Aggregates; some yield several columns.
        aggregates: Vec<AggregateCall>,
    },
    /// `distinct`: unique rows of the input.
    Distinct {
        /// Input.
        input: Plan,
    },
    /// `sort by`.
    Sort {
        /// Input.
        input: Plan,
        /// Most significant first.
        keys: Vec<SortKey>,
    },
    /// `take`: any `count` rows, or the first ones of a sorted input.
    Take {
        /// Input.
        input: Plan,
        /// A constant of type long.
        count: Expr,
    },
    /// `sample`: any `count` rows, chosen at random.
    Sample {
        /// Input.
        input: Plan,
        /// A constant of type long.
        count: Expr,
    },
    /// `join` of every kind. Keys are compared with Kusto's join equality: null equals null.
    Join {
        /// Left input.
        left: Plan,
        /// Right input.
        right: Plan,
        /// Kind.
        kind: JoinKind,
        /// Pairs of expressions over the left and the right input, equal types.
        on: Vec<(Expr, Expr)>,
    },
    /// `union`: rows of all inputs, any order.
    Union {
        /// The legs.
        inputs: Vec<UnionInput>,
    },
    /// Several tables at once (`fork`, `facet`). The schema of the plan itself has no columns.
    Several {
        /// In the order written.
        results: Vec<NamedResult>,
    },
    /// `reduce`: groups texts that are alike. Yields pattern, count and a representative, behind
    /// the columns of the input if `keeps_rows`.
    Reduce {
        /// Input.
        input: Plan,
        /// Of type string.
        text: Expr,
        /// The share of rows, from 0 to 1, that have what makes them alike.
        threshold: f64,
        /// Characters that end a term; if empty, all but letters and digits.
        characters: String,
        /// `kind=source`: each row with its pattern instead of one row per pattern.
        keeps_rows: bool,
    },
    /// `mv-expand`.
    MvExpand {
        /// Input.
        input: Plan,
        /// The expanded columns.
        columns: Vec<MvExpandColumn>,
        /// Whether the last column of the schema is the 0-based item index (type long).
        item_index: bool,
        /// Most rows one input row may become, if limited.
        row_limit: Option<u64>,
        /// Bags become `[key, value]` arrays instead of one-entry bags.
        bag_as_array: bool,
    },
    /// `parse` and `parse-where`. The schema lists the input's columns (those that the pattern
    /// replaces keep their place) and then the new ones.
    Parse {
        /// Input.
        input: Plan,
        /// The text, of type string, over the input.
        text: Expr,
        /// What the text is matched against.
        pattern: Vec<ParsePart>,
        /// How strictly.
        kind: ParseKind,
        /// `flags=` of `kind=regex`.
        flags: String,
        /// Drop rows that do not match (`parse-where`).
        drop_unmatched: bool,
    },
    /// Keeps the order of rows and evaluates window functions in the projection above it
    /// (`serialize`).
    Serialize {
        /// Input.
        input: Plan,
    },
    /// `mv-apply`.
    MvApply(MvApply),
    /// `make-series`.
    MakeSeries(MakeSeries),
    /// `partition`.
    Partition(Partition),
    /// `top-nested`.
    TopNested(TopNested),
    /// `scan`.
    Scan(Scan),
    /// `parse-kv`.
    ParseKv(ParseKv),
    /// `evaluate`. A plugin whose columns depend on the rows has an open schema, and so have the
    /// steps behind it that pass all columns on; [`ExprKind::Further`] reads them by name.
    Plugin {
        /// Which.
        function: &'static Plugin,
        /// Input; a table without columns and rows where there is none.
        input: Plan,
        /// What it is called with, in the order of its parameters.
        arguments: Vec<PluginArgument>,
        /// Which call it is, where its columns depend on the rows. The schema is open until they
        /// are known.
        call: Option<PluginCall>,
    },
    /// An operator that makes or reads a graph. The schema of a graph is empty.
    Graph(Graph),
    /// The rows that the operator around a subquery hands to it (`mv-apply`, `partition`, …);
    /// nothing outside such a subquery reads them.
    Rows,
    /// A function of the source that yields a table (`FileProfile`, `_GetWatchlist`). What it
    /// yields is in the schema: its own columns, behind those of the input where it keeps them.
    CatalogFunction {
        /// Catalog name.
        name: String,
        /// One argument per parameter, over the input where there is one.
        arguments: Vec<Expr>,
        /// The table it is called on.
        input: Option<Plan>,
    },
    /// A subtree that is referenced several times and computed once (`materialize`, `as`).
    Shared {
        /// Equal for references to the same subtree.
        id: u32,
        /// The subtree.
        input: Arc<Plan>,
    },
}

/// Where a table is, as the query says it. What a catalog knows of tables does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From the outermost to the innermost: `cluster("c").database("d")`.
    pub steps: Vec<(PlaceKind, Arc<str>)>,
}

impl Place {
    /// Whether it is in another cluster, of whose tables a catalog knows little.
    pub(crate) fn is_in_a_cluster(&self) -> bool {
        let first = self.steps.first();
        first.is_some_and(|(kind, _)| *kind == PlaceKind::Cluster)
    }
}

/// The functions that lead to tables of another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// `app("name")`, of Application Insights.
    App,
    /// `cluster("name")`
    Cluster,
    /// `database("name")`
    Database,
    /// `resource("id")`, of Azure Monitor.
    Resource,
    /// `workspace("name")`, of Log Analytics.
    Workspace,
}

impl PlaceKind {
    /// The function's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Cluster => "cluster",
            Self::Database => "database",
            Self::Resource => "resource",
            Self::Workspace => "workspace",
        }
    }
}

/// One of several results.
#[derive(Clone, Debug)]
pub struct NamedResult {
    /// What the query calls it, if anything.
    pub name: Option<Arc<str>>,
    /// The table.
    pub plan: Plan,
}

/// One expanded column of `mv-expand`.
#[derive(Clone, Debug)]
pub struct MvExpandColumn {
    /// The array or bag, of type dynamic, over the input.
    pub value: Expr,
    /// Position in the output schema, whose type says what elements are converted to.
    pub output: usize,
}

/// A piece of a `parse` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsePart {
    /// `*`: skips text.
    Skip,
    /// Literal text, or a regular expression for `kind=regex`.
    Text(Arc<str>),
    /// A column to extract, by its position in the output schema, whose type it takes.
    Column(usize),
}

/// Strictness of `parse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseKind {
    /// All columns or none.
    Simple,
    /// Columns that fail to convert are null, the others stay.
    Relaxed,
    /// Text parts are regular expressions.
    Regex,
}

/// Join kinds of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Inner join after the left side is made unique on the keys (the default).
    InnerUnique,
    /// All pairs.
    Inner,
    /// All left rows.
    LeftOuter,
    /// All right rows.
    RightOuter,
    /// All rows of both sides.
    FullOuter,
    /// Left rows with a match, left columns only.
    LeftSemi,
    /// Left rows without a match, left columns only.
    LeftAnti,
    /// Right rows with a match, right columns only.
    RightSemi,
    /// Right rows without a match, right columns only.
    RightAnti,
}

/// A key of `sort by`.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// Over the input, never dynamic.
    pub expr: Expr,
    /// `desc`, the default.
    pub descending: bool,
    /// `nulls first`.
    pub nulls_first: bool,
}

/// An aggregate with its arguments and the columns it yields.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Which.
    pub function: &'static Aggregate,
    /// Arguments over the input. For `arg_max(x, a, b)`: x, a, b; for `take_any(a, b)`: a, b.
    pub arguments: Vec<Expr>,
    /// Type of each column it yields; one but for `arg_max`, `arg_min` and `take_any`, which
    /// yield one per argument.
    pub outputs: Vec<ScalarType>,
    /// Where.
    pub span: Span,
}

/// A scalar expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: ScalarType,
    /// Where it is written.
    pub span: Span,
}

impl Expr {
    /// The null of a type, `""` for string.
    pub fn missing(ty: ScalarType, span: Span) -> Self {
        let value = match ty {
            ScalarType::String => Value::String("".into()),
            _ => Value::Null,
        };
        Self {
            kind: ExprKind::Literal(value),
            ty,
            span,
        }
    }
}

/// The scalar expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Column of the input, by position.
    Column(usize),
    /// A column by name whose type is known only when the query runs; of type dynamic until then.
    /// The input's schema lists it, or is open and may have it.
    Further(Arc<str>),
    /// A constant.
    Literal(Value),
    /// `now()`: the end of the window, or the start of the query.
    Now,
    /// An operator of two operands. Types of the operands are what the operator's row in
    /// [`BinaryOp`] says; the binder has inserted conversions.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `-x`.
    Negate(Box<Expr>),
    /// `x in (list)` and its family, over scalars of the operand's type. A list item of type
    /// dynamic stands for the elements of that array.
    InList {
        /// Which.
        op: InOp,
        /// Left operand.
        value: Box<Expr>,
        /// Items.
        list: Vec<Expr>,
    },
    /// `x in (table)` and its family: the first column of the plan.
    InTable {
        /// Which.
        op: InOp,
        /// Left operand.
        value: Box<Expr>,
        /// Plan whose first column is the list.
        table: Box<Plan>,
    },
    /// `x between (low .. high)`, both ends included, operands of one type.
    Between {
        /// Tested value.
        value: Box<Expr>,
        /// Lower end.
        low: Box<Expr>,
        /// Upper end.
        high: Box<Expr>,
        /// `!between`.
        negated: bool,
    },
    /// A built-in scalar function, `iff` and `case` included.
    Call {
        /// Which.
        function: &'static Scalar,
        /// Arguments, converted to what the signature asks.
        arguments: Vec<Expr>,
    },
    /// One value of a call that yields several (`series_stats`, `array_sort_asc` of several
    /// arrays). The call itself is of type dynamic; every value that the query uses holds a copy
    /// of it, so an engine does well to compute equal calls once.
    Element {
        /// The call.
        call: Box<Expr>,
        /// Which of its values, from zero, in the order of [`Scalar::columns`].
        index: usize,
    },
    /// Conversion of the operand to this expression's type with the semantics of `toint()` and
    /// so on; a failed conversion is null. Calls of `tostring`, `tolong` and their like are spelt
    /// so. To dynamic, the value itself becomes the JSON value: reading text as JSON is the
    /// function `parse_json`.
    Convert(Box<Expr>),
    /// `d.name` or `d["name"]` on a dynamic.
    Member {
        /// Of type dynamic.
        base: Box<Expr>,
        /// Property name.
        name: Arc<str>,
    },
    /// `d[i]` on a dynamic: an index of an integer type, or a key of type string.
    Index {
        /// Of type dynamic.
        base: Box<Expr>,
        /// long, int or string.
        index: Box<Expr>,
    },
    /// `toscalar(table)`: first column of the first row, null if there is none.
    ToScalar(Box<Plan>),
}

/// Operators of two operands. String operators work on strings; a dynamic operand was converted
/// to its string form by the binder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`: numbers of one type; timespans; datetime + timespan.
    Add,
    /// `-`: numbers of one type; timespans; datetime - timespan; datetime - datetime.
    Subtract,
    /// `*`: numbers of one type; timespan * number (long or real).
    Multiply,
    /// `/`: numbers of one type; timespan / number; timespan / timespan gives real.
    Divide,
    /// `%`: numbers of one type, never negative; timespans; datetime % timespan.
    Modulo,
    /// `==`, operands of one type; total when exactly one side is null.
    Equal,
    /// `!=` (`<>`), the negation of `==`.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `and`, three-valued.
    And,
    /// `or`, three-valued.
    Or,
    /// `=~` and the rest of the string operators.
    String {
        /// Which.
        op: StringOp,
        /// The `!` form.
        negated: bool,
        /// The `_cs` form; `=~` is never, `matches regex` always case-sensitive.
        case_sensitive: bool,
    },
}

/// String operators of one string and one pattern (datatypes-string-operators.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StringOp {
    /// `=~`
    EqualIgnoringCase,
    /// `has`: a whole term.
    Has,
    /// `hasprefix`: a term starts with it.
    HasPrefix,
    /// `hassuffix`: a term ends with it.
    HasSuffix,
    /// `contains`: a substring.
    Contains,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `matches regex`
    MatchesRegex,
}

/// Set operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InOp {
    /// `in`
    In,
    /// `!in`
    NotIn,
    /// `in~`
    InIgnoringCase,
    /// `!in~`
    NotInIgnoringCase,
    /// `has_any`: one of the terms.
    HasAny,
    /// `has_all`: each of the terms.
    HasAll,
}
