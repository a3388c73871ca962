//! The operators with several clauses of their own: `mv-apply`, `make-series`, `partition`,
//! `top-nested`, `scan` and `parse-kv`. Small operators are variants of
//! [`OperatorKind`](super::OperatorKind) itself.

use super::TypeName;
use super::{ColumnDeclaration, Expr, Name, OrderedExpr, Parameter, Property, TableOperator};
use crate::span::Span;

/// Operators in parentheses that run over rows which the operator around them hands to them:
/// `(where x > 1 | count)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// In order; the first has no bar in front of it.
    pub operators: Vec<TableOperator>,
    /// Parentheses included.
    pub span: Span,
}

/// `mv-apply with_itemindex=i a = x to typeof(long), … limit n id k on (…)`
#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    /// `with_itemindex=`
    pub properties: Vec<Property>,
    /// Columns with `to typeof(…)`.
    pub columns: Vec<(Expr, Option<TypeName>)>,
    /// `limit n`
    pub limit: Option<Expr>,
    /// `id k`
    pub id: Option<Expr>,
    /// What is done to the items of each row.
    pub subquery: Subquery,
}

/// `make-series a = sum(x) default=0, … on t from … to … step … by k`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// `kind=`, `hint.*`
    pub properties: Vec<Property>,
    /// Aggregates, each with the value of empty bins.
    pub aggregates: Vec<(Expr, Option<Expr>)>,
    /// `on axis`
    pub axis: Expr,
    /// Ends and step.
    pub range: SeriesRange,
    /// Keys; may be empty.
    pub by: Vec<Expr>,
}

/// The bins of `make-series`.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesRange {
    /// `from a to b step c`
    Step {
        /// First bin, if given.
        from: Option<Box<Expr>>,
        /// End, not part of the series, if given.
        to: Option<Box<Expr>>,
        /// Width.
        step: Box<Expr>,
    },
    /// `in range(a, b, c)`, the older form.
    Range {
        /// `a`, `b` and `c`; other numbers of arguments are the binder's to refuse.
        arguments: Vec<Expr>,
        /// Parentheses included.
        span: Span,
    },
}

/// `partition by column (…)`
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// `hint.*`
    pub properties: Vec<Property>,
    /// The column whose values tell the parts.
    pub by: Expr,
    /// What is done to each part.
    pub body: PartitionBody,
}

/// What `partition` does to each part.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBody {
    /// `(operators)` over the rows of the part.
    Operators(Subquery),
    /// `{query}`, which does not see the rows of the part.
    Query(Box<Expr>),
}

/// A level of `top-nested`.
#[derive(Clone, Debug, PartialEq)]
pub struct NestedLevel {
    /// How many values, all if not given.
    pub count: Option<Expr>,
    /// `of expression`
    pub of: Expr,
    /// `with others = value`
    pub others: Option<Expr>,
    /// `by aggregate`, with its order.
    pub by: OrderedExpr,
}

/// `scan with_match_id=m order by t partition by k declare (x: long = 0) with (step …)`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// `with_match_id=`, `kind=`
    pub properties: Vec<Property>,
    /// `order by`
    pub order: Vec<OrderedExpr>,
    /// `partition by`
    pub partition: Vec<Expr>,
    /// `declare (name: type = default)`
    pub declared: Vec<Parameter>,
    /// In order.
    pub steps: Vec<ScanStep>,
}

/// `step name optional output=all: condition => x = value, …;`
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    /// Its name, by which later conditions call its last row.
    pub name: Name,
    /// `optional`
    pub optional: bool,
    /// `output=`: `all`, `last` or `none`.
    pub output: Option<Name>,
    /// When a row matches.
    pub condition: Expr,
    /// What it sets.
    pub assignments: Vec<(Name, Expr)>,
}

/// `parse-kv text as (a: long, …) with (pair_delimiter = ";", …)`
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKv {
    /// The text.
    pub text: Expr,
    /// The keys to extract.
    pub columns: Vec<ColumnDeclaration>,
    /// `pair_delimiter`, `kv_delimiter`, `quote`, `escape`, `greedy`, `regex`.
    pub properties: Vec<Property>,
}
