//! What a plan or an expression is made of, so that passes over the tree need not know every
//! variant.

use super::{Expr, ExprKind, Plan, PlanKind};

/// Writes the accessors once for shared and once for exclusive access.
macro_rules! parts {
    ($inputs:ident, $expressions:ident, $operands:ident, $table:ident $(, $exclusive:tt)?) => {
        impl Plan {
            /// The plans that this one reads, those of subqueries over its rows included, but not
            /// tables inside expressions, nor what is behind a [`PlanKind::Shared`].
            pub fn $inputs(&$($exclusive)? self) -> Vec<&$($exclusive)? Plan> {
                match &$($exclusive)? *self.kind {
                    PlanKind::Table { .. }
                    | PlanKind::ExternalData { .. }
                    | PlanKind::Values { .. }
                    | PlanKind::Print { .. }
                    | PlanKind::Range { .. }
                    | PlanKind::Rows
                    | PlanKind::Shared { .. } => Vec::new(),
                    PlanKind::Filter { input, .. }
                    | PlanKind::Project { input, .. }
                    | PlanKind::Aggregate { input, .. }
                    | PlanKind::Distinct { input }
                    | PlanKind::Sort { input, .. }
                    | PlanKind::Take { input, .. }
                    | PlanKind::Sample { input, .. }
                    | PlanKind::MvExpand { input, .. }
                    | PlanKind::Parse { input, .. }
                    | PlanKind::Serialize { input } => vec![input],
                    PlanKind::Join { left, right, .. } => vec![left, right],
                    PlanKind::Union { inputs } => {
                        inputs.into_iter().map(|leg| &$($exclusive)? leg.plan).collect()
                    }
                }
            }

            /// The expressions that this plan itself evaluates.
            pub fn $expressions(&$($exclusive)? self) -> Vec<&$($exclusive)? Expr> {
                match &$($exclusive)? *self.kind {
                    PlanKind::Table { .. }
                    | PlanKind::Values { .. }
                    | PlanKind::Rows
                    | PlanKind::Distinct { .. }
                    | PlanKind::Serialize { .. }
                    | PlanKind::Shared { .. } => Vec::new(),
                    PlanKind::Print { columns } | PlanKind::Project { columns, .. } => {
                        columns.into_iter().collect()
                    }
                    PlanKind::ExternalData { uris, .. } => uris.into_iter().collect(),
                    PlanKind::Range { from, to, step } => vec![from, to, step],
                    PlanKind::Filter { predicate, .. } => vec![predicate],
                    PlanKind::Aggregate { keys, aggregates, .. } => {
                        let calls = aggregates.into_iter();
                        let arguments =
                            calls.flat_map(|call| &$($exclusive)? call.arguments);
                        keys.into_iter().chain(arguments).collect()
                    }
                    PlanKind::Sort { keys, .. } => {
                        keys.into_iter().map(|key| &$($exclusive)? key.expr).collect()
                    }
                    PlanKind::Take { count, .. } | PlanKind::Sample { count, .. } => vec![count],
                    PlanKind::Join { on, .. } => {
                        on.into_iter().flat_map(|(left, right)| [left, right]).collect()
                    }
                    PlanKind::Union { inputs } => {
                        let columns = inputs.into_iter().flat_map(|leg| &$($exclusive)? leg.columns);
                        columns.map(|column| &$($exclusive)? column.value).collect()
                    }
                    PlanKind::MvExpand { columns, .. } => {
                        columns.into_iter().map(|column| &$($exclusive)? column.value).collect()
                    }
                    PlanKind::Parse { text, .. } => vec![text],
                }
            }
        }

        impl Expr {
            /// The operands of this expression. Tables inside of it are not among them: they read
            /// rows of their own.
            pub fn $operands(&$($exclusive)? self) -> Vec<&$($exclusive)? Expr> {
                match &$($exclusive)? self.kind {
                    ExprKind::Column(_)
                    | ExprKind::Literal(_)
                    | ExprKind::Now
                    | ExprKind::ToScalar(_) => Vec::new(),
                    ExprKind::Binary { left, right, .. } => vec![left, right],
                    ExprKind::Negate(operand) | ExprKind::Convert(operand) => vec![operand],
                    ExprKind::InList { value, list, .. } => {
                        std::iter::once(&$($exclusive)? **value).chain(list).collect()
                    }
                    ExprKind::InTable { value, .. } => vec![value],
                    ExprKind::Between { value, low, high, .. } => vec![value, low, high],
                    ExprKind::Call { arguments, .. } => arguments.into_iter().collect(),
                    ExprKind::Member { base, .. } => vec![base],
                    ExprKind::Index { base, index } => vec![base, index],
                }
            }

            /// The table that this expression itself reads: of `toscalar` and of `in (table)`.
            pub fn $table(&$($exclusive)? self) -> Option<&$($exclusive)? Plan> {
                match &$($exclusive)? self.kind {
                    ExprKind::ToScalar(table) | ExprKind::InTable { table, .. } => Some(table),
                    _ => None,
                }
            }
        }
    };
}

parts!(inputs, expressions, operands, table);
parts!(inputs_mut, expressions_mut, operands_mut, table_mut, mut);

impl Plan {
    /// Calls `visit` on every expression of this plan and their operands, not of its inputs.
    /// Iterative, because generated queries hold chains of thousands of operators.
    pub fn each_expression<'p>(&'p self, mut visit: impl FnMut(&'p Expr)) {
        let mut pending = self.expressions();
        while let Some(expr) = pending.pop() {
            visit(expr);
            pending.extend(expr.operands());
        }
    }
}

impl PlanKind {
    /// The operator that the step comes from, for messages.
    pub fn operator(&self) -> &'static str {
        match self {
            Self::Table { .. } | Self::Rows | Self::Shared { .. } => "table",
            Self::ExternalData { .. } => "externaldata",
            Self::Values { .. } => "datatable",
            Self::Print { .. } => "print",
            Self::Range { .. } => "range",
            Self::Filter { .. } => "where",
            Self::Project { .. } => "project",
            Self::Aggregate { .. } => "summarize",
            Self::Distinct { .. } => "distinct",
            Self::Sort { .. } => "sort",
            Self::Take { .. } => "take",
            Self::Sample { .. } => "sample",
            Self::Join { .. } => "join",
            Self::Union { .. } => "union",
            Self::MvExpand { .. } => "mv-expand",
            Self::Parse { .. } => "parse",
            Self::Serialize { .. } => "serialize",
        }
    }
}
