//! The syntax tree: what was written, before any name means anything.
//!
//! Kusto has one expression grammar for tables and scalars; so has this tree. Every node has a
//! span; a part that could not be read is [`ExprKind::Missing`], and a diagnostic says why.

mod clause;
mod graph;
mod walk;

pub use graph::{GraphOperator, GraphOutput, PatternStep};

use std::sync::Arc;

pub use clause::{
    MakeSeries, MvApply, NestedLevel, ParseKv, Partition, PartitionBody, Scan, ScanStep,
    SeriesRange, Subquery,
};

use crate::span::Span;
use crate::types::Value;

pub use walk::Node;

/// A query text: statements separated by `;`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// In order; the tabular expression statement that yields the result is the last of its kind.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// From its first to its last token, without the `;`.
    pub span: Span,
}

/// The statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `let name = value`
    Let {
        /// The new name.
        name: Name,
        /// What it stands for.
        value: LetValue,
    },
    /// `set name [= value]`
    Set {
        /// Option.
        name: Name,
        /// Value, if given.
        value: Option<Expr>,
    },
    /// `declare query_parameters(a: long = 1, …)`
    DeclareParameters(Vec<Parameter>),
    /// `alias database name = cluster("…").database("…")`
    Alias {
        /// The new name of the database.
        name: Name,
        /// The database.
        database: Expr,
    },
    /// `restrict access to (tables)`: nothing else can be read from here on.
    Restrict(Vec<Expr>),
    /// `declare pattern name = (parameters)[path: string] { (values).["path"] = { body }; … }`
    Pattern {
        /// Name.
        name: Name,
        /// What it stands for; `None` where only the name is declared.
        pattern: Option<Pattern>,
    },
    /// `#connect …` and the like, which Kusto's desktop tool carries out in front of the query.
    Directive,
    /// `.show tables` and other management commands, which are not read further.
    Command {
        /// Its first word, with the dot.
        keyword: Name,
    },
    /// A tabular (or, in a function body, scalar) expression.
    Expression(Expr),
}

/// What a pattern stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The parameter in brackets, which selects a table of it.
    pub path: Option<Parameter>,
    /// What it yields for which arguments.
    pub cases: Vec<PatternCase>,
}

/// `("a").["b"] = { body }`
#[derive(Clone, Debug, PartialEq)]
pub struct PatternCase {
    /// Constants for the parameters.
    pub arguments: Vec<Expr>,
    /// Constant for the path.
    pub path: Option<Expr>,
    /// What it yields.
    pub body: Script,
}

/// What a `let` binds.
#[derive(Clone, Debug, PartialEq)]
pub enum LetValue {
    /// A scalar or tabular expression.
    Expr(Expr),
    /// `(parameters) { body }`, with `view` in front or not.
    Function(Function),
}

/// A lambda.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// `view`
    pub view: bool,
    /// Parameters in order, tabular ones first.
    pub parameters: Vec<Parameter>,
    /// Statements of the body; the last one yields its value.
    pub body: Script,
    /// The whole lambda.
    pub span: Span,
}

/// A parameter of a lambda or of `declare query_parameters`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name.
    pub name: Name,
    /// Type.
    pub ty: ParameterType,
    /// Default value.
    pub default: Option<Expr>,
}

/// Type of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterType {
    /// `a: long`
    Scalar(TypeName),
    /// `T: (x: long)`, or `T: (*)`, which is `open`.
    Tabular {
        /// Listed columns.
        columns: Vec<ColumnDeclaration>,
        /// `*`: any columns.
        open: bool,
    },
}

/// `name: type`
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDeclaration {
    /// Column.
    pub name: Name,
    /// Type.
    pub ty: TypeName,
}

/// A type as written; the binder says whether it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeName {
    /// As written, such as `double`.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// An identifier, or a bracketed one (`['a b']`) without its brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name itself.
    pub text: Arc<str>,
    /// Where, brackets included.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Could not be read; a diagnostic has been reported.
    Missing,
    /// A constant.
    Literal(Literal),
    /// A name.
    Name(Name),
    /// A name with wildcards, `Device*`, where the grammar allows one.
    Wildcard(Name),
    /// `*`
    Star,
    /// `$left`, `$right`
    Side(JoinSide),
    /// `base.member`
    Member {
        /// Left of the dot.
        base: Box<Expr>,
        /// Right of the dot; a call for `database("x").Function()`.
        member: Box<Expr>,
    },
    /// `base[index]`
    Index {
        /// Left of the bracket.
        base: Box<Expr>,
        /// Inside.
        index: Box<Expr>,
    },
    /// `name(arguments)`
    Call {
        /// Function.
        function: Name,
        /// Arguments in order.
        arguments: Vec<Argument>,
    },
    /// `-x`, `+x`
    Unary {
        /// Which.
        op: UnaryOp,
        /// Operand.
        operand: Box<Expr>,
    },
    /// `a op b`
    Binary {
        /// Which.
        op: Operator,
        /// Where the operator is.
        op_span: Span,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `x in (a, b)`, `x has_any (a, b)` and their family.
    In {
        /// Which.
        op: crate::hir::InOp,
        /// Where the operator is.
        op_span: Span,
        /// Left operand.
        value: Box<Expr>,
        /// Items: scalars, or one tabular expression.
        list: Vec<Expr>,
    },
    /// `x between (low .. high)`
    Between {
        /// `!between`
        negated: bool,
        /// Where the operator is.
        op_span: Span,
        /// Tested value.
        value: Box<Expr>,
        /// Lower end.
        low: Box<Expr>,
        /// Upper end.
        high: Box<Expr>,
    },
    /// `(x)`
    Parenthesized(Box<Expr>),
    /// `source | operator | …`. A query that starts with an operator (`union`, `print`, `range`,
    /// `search`, `find`, `evaluate`) has that operator as its source.
    Pipe {
        /// Left of the first bar.
        source: Box<Expr>,
        /// The operators in order.
        operators: Vec<TableOperator>,
    },
    /// A tabular operator without a table on its left: `print …`, `range …`, `union …`.
    Source(Box<TableOperator>),
    /// `datatable(schema) [values]`
    DataTable {
        /// Columns.
        columns: Vec<ColumnDeclaration>,
        /// Values, row by row.
        values: Vec<Expr>,
    },
    /// `externaldata(schema) [uris] with (properties)`
    ExternalData {
        /// Columns.
        columns: Vec<ColumnDeclaration>,
        /// Storage connection strings.
        uris: Vec<Expr>,
        /// Properties.
        properties: Vec<Property>,
    },
    /// `entity_group [database("a"), database("b")]`
    EntityGroup(Vec<Expr>),
    /// `typeof(long)`
    TypeOf(TypeName),
    /// `typeof(*, a: long)`: columns of a table; `keeps_input` with the star.
    TypeOfTable {
        /// Listed columns.
        columns: Vec<ColumnDeclaration>,
        /// `*`: those of the input come first.
        keeps_input: bool,
    },
    /// `a = b`, `(a, b) = f()`: only where a named expression may stand.
    Named {
        /// The name, or the names of a tuple.
        names: Vec<Name>,
        /// Whether the names were in parentheses.
        tuple: bool,
        /// The value.
        value: Box<Expr>,
    },
}

/// A function argument.
pub type Argument = Expr;

/// A constant as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// The value; a typed null (`int(null)`) is [`Value::Null`].
    pub value: Value,
    /// Its type. `datetime(now)`-like forms are calls, not literals.
    pub ty: crate::types::ScalarType,
}

/// Side of a join condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinSide {
    /// `$left`
    Left,
    /// `$right`
    Right,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `+`
    Plus,
}

/// Infix operators. `:` is the term search of `search`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// One of the operators that the resolved tree knows too.
    Binary(crate::hir::BinaryOp),
    /// `x : y` of `search`.
    Colon,
    /// `!matches regex` and the like do not exist; `like`, `notlike` and other retired spellings
    /// that still parse are kept by name for the error message.
    Retired(&'static str),
}

/// `name = value` of a hint, of `with (…)`, of `render`.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// `kind`, `hint.strategy`, `withsource`, …
    pub name: Name,
    /// Its value; a bare word is a [`ExprKind::Name`], a list of words (`ycolumns = a, b`) one
    /// string as written.
    pub value: Expr,
}

/// A tabular operator.
#[derive(Clone, Debug, PartialEq)]
pub struct TableOperator {
    /// What it is.
    pub kind: OperatorKind,
    /// From its keyword to its last token.
    pub span: Span,
    /// Its keyword as written.
    pub keyword: Name,
}

/// The tabular operators. Named expressions are [`ExprKind::Named`].
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    /// `where`, `filter`
    Where {
        /// Predicate.
        predicate: Expr,
    },
    /// `project`
    Project(Vec<Expr>),
    /// `project-away`: names and wildcards.
    ProjectAway(Vec<Expr>),
    /// `project-keep`: names and wildcards.
    ProjectKeep(Vec<Expr>),
    /// `project-rename`: `new = old`.
    ProjectRename(Vec<Expr>),
    /// `project-reorder`: names and wildcards, each with an order.
    ProjectReorder(Vec<(Expr, Option<ReorderDirection>)>),
    /// `extend`
    Extend(Vec<Expr>),
    /// `summarize`
    Summarize {
        /// `hint.*`
        properties: Vec<Property>,
        /// Aggregates; may be empty.
        aggregates: Vec<Expr>,
        /// Keys; may be empty.
        by: Vec<Expr>,
    },
    /// `count`. With a name (`count as Total`) it is the [`OperatorKind::Summarize`] it means.
    Count,
    /// `distinct`: expressions or a star.
    Distinct(Vec<Expr>),
    /// `sort by`, `order by`
    Sort(Vec<OrderedExpr>),
    /// `top n by …`
    Top {
        /// How many.
        count: Expr,
        /// Keys.
        by: Vec<OrderedExpr>,
    },
    /// `take`, `limit`
    Take(Expr),
    /// `join`
    Join {
        /// `kind=`, `hint.*`
        properties: Vec<Property>,
        /// Right side.
        right: Box<Expr>,
        /// Conditions: names, or equalities of `$left` and `$right` members.
        on: Vec<Expr>,
    },
    /// `lookup`
    Lookup {
        /// `kind=`
        properties: Vec<Property>,
        /// Right side.
        right: Box<Expr>,
        /// Conditions.
        on: Vec<Expr>,
    },
    /// `union`
    Union {
        /// `kind=`, `withsource=`, `isfuzzy=`, `hint.*`
        properties: Vec<Property>,
        /// Tables: names, wildcards, parenthesized expressions.
        tables: Vec<Expr>,
    },
    /// `search`
    Search {
        /// `kind=`
        properties: Vec<Property>,
        /// `in (…)`: names, wildcards and calls; empty if not given.
        tables: Vec<Expr>,
        /// Comparisons, texts to look for, or a star.
        predicate: Expr,
    },
    /// `find`
    Find {
        /// `withsource=`, `datascope=`
        properties: Vec<Property>,
        /// `in (…)`: names, wildcards and calls; empty if not given.
        tables: Vec<Expr>,
        /// Comparisons and texts to look for.
        predicate: Expr,
        /// `project …`; `project-smart` is what it does without.
        project: Option<Vec<FindColumn>>,
    },
    /// `print`
    Print(Vec<Expr>),
    /// `range name from a to b step c`
    Range {
        /// Column.
        column: Name,
        /// First.
        from: Expr,
        /// Last.
        to: Expr,
        /// Step.
        step: Expr,
    },
    /// `mv-expand`, `mvexpand`
    MvExpand {
        /// `kind=`, `bagexpansion=`, `with_itemindex=`
        properties: Vec<Property>,
        /// Columns with `to typeof(…)`.
        columns: Vec<(Expr, Option<TypeName>)>,
        /// `limit n`
        limit: Option<Expr>,
    },
    /// `parse`, `parse-where`
    Parse {
        /// Whether rows that do not match are dropped (`parse-where`).
        drop_unmatched: bool,
        /// `kind=`, `flags=`
        properties: Vec<Property>,
        /// The text.
        text: Expr,
        /// The pattern.
        pattern: Vec<ParsePart>,
    },
    /// `serialize`
    Serialize(Vec<Expr>),
    /// `getschema`
    GetSchema {
        /// `kind=csl`
        properties: Vec<Property>,
    },
    /// `fork (…) Name=(…)`
    Fork(Vec<ForkBranch>),
    /// `facet by a, b with (…)`
    Facet {
        /// Columns to count the values of.
        by: Vec<Name>,
        /// What else is done with the rows.
        with: Option<Subquery>,
    },
    /// `top-hitters n of x by y`
    TopHitters {
        /// How many.
        count: Expr,
        /// Of what: a column.
        of: Expr,
        /// What is summed; rows are counted if not given.
        by: Option<Expr>,
    },
    /// `reduce kind=source by x with threshold=…, characters=…`
    Reduce {
        /// `kind=`
        properties: Vec<Property>,
        /// The text.
        by: Expr,
        /// `threshold`, `characters`
        options: Vec<Property>,
    },
    /// `assert-schema (a:long, …)`
    AssertSchema(Vec<ColumnDeclaration>),
    /// `project-by-names "a", dynamic(["b*"]), …`
    ProjectByNames(Vec<Expr>),
    /// `macro-expand group as X (statements)`
    MacroExpand {
        /// `isfuzzy=`, `hint.*`
        properties: Vec<Property>,
        /// An entity group, or the name of one.
        group: Expr,
        /// What the entity at hand is called in the body.
        name: Name,
        /// Statements; the last one yields the rows.
        body: Script,
    },
    /// `as name`
    As {
        /// `hint.materialized=true`
        properties: Vec<Property>,
        /// Name.
        name: Name,
    },
    /// `consume`
    Consume,
    /// `invoke f(…)`
    Invoke(Expr),
    /// `evaluate plugin(…) : (schema)`
    Evaluate {
        /// `hint.*`
        properties: Vec<Property>,
        /// The call.
        call: Expr,
        /// Declared output: columns, and whether the input's columns are kept (`*`).
        schema: Option<(Vec<ColumnDeclaration>, bool)>,
    },
    /// `make-graph` and the operators on graphs.
    Graph(Box<GraphOperator>),
    /// `render kind with (…)`
    Render {
        /// Kind.
        kind: Name,
        /// Properties.
        properties: Vec<Property>,
    },
    /// `sample n`
    Sample(Expr),
    /// `sample-distinct n of x`
    SampleDistinct {
        /// How many.
        count: Expr,
        /// Of what.
        of: Expr,
    },
    /// `mv-apply`, `mvapply`
    MvApply(Box<MvApply>),
    /// `make-series`
    MakeSeries(Box<MakeSeries>),
    /// `partition`
    Partition(Box<Partition>),
    /// `top-nested`
    TopNested(Vec<NestedLevel>),
    /// `scan`
    Scan(Box<Scan>),
    /// `parse-kv`
    ParseKv(Box<ParseKv>),
    /// An operator that nests too deeply to be read; its clauses are skipped up to the next bar.
    Unparsed,
}

/// One result of `fork`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkBranch {
    /// What it is called, if it has a name.
    pub name: Option<Name>,
    /// What is done with the rows.
    pub subquery: Subquery,
}

/// An output column of `find … project`.
#[derive(Clone, Debug, PartialEq)]
pub enum FindColumn {
    /// `name[:type]`
    Column {
        /// Column.
        name: Name,
        /// Type, if given.
        ty: Option<TypeName>,
    },
    /// `*`, which adds nothing.
    Star(Span),
    /// `pack(*)`: the columns that are not listed, in a bag.
    Pack(Span),
}

/// A piece of a `parse` pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// `*`
    Skip,
    /// A string literal.
    Text(Expr),
    /// `name[:type]`
    Column {
        /// Column.
        name: Name,
        /// Type; string if not given.
        ty: Option<TypeName>,
    },
}

/// An expression of `sort by` with its order as written.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderedExpr {
    /// What to sort by.
    pub expr: Expr,
    /// `asc` or `desc`; descending if not given.
    pub descending: Option<bool>,
    /// `nulls first` or `nulls last`.
    pub nulls_first: Option<bool>,
}

/// Order of the columns that a wildcard of `project-reorder` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReorderDirection {
    /// `asc`
    Ascending,
    /// `desc`
    Descending,
    /// `granny-asc`: digits compare as numbers.
    GrannyAscending,
    /// `granny-desc`
    GrannyDescending,
}
