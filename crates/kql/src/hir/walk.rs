//! What a plan or an expression is made of, so that passes over the tree need not know every
//! variant.

use super::{
    Expr, ExprKind, Graph, GraphMatch, MakeGraph, MakeSeries, MvApply, NestedLevel, ParseKv,
    Partition, Plan, PlanKind, PluginValue, Scan, TopNested,
};

/// Writes the accessors once for shared and once for exclusive access.
macro_rules! parts {
    (
        $inputs:ident, $expressions:ident, $operands:ident, $table:ident,
        $Operands:ident, $Iter:ident $(, $exclusive:tt)?
    ) => {
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
                    | PlanKind::Reduce { input, .. }
                    | PlanKind::MvExpand { input, .. }
                    | PlanKind::Parse { input, .. }
                    | PlanKind::Serialize { input } => vec![input],
                    PlanKind::CatalogFunction { input, .. } => input.into_iter().collect(),
                    PlanKind::MvApply(MvApply { input, subquery, .. })
                    | PlanKind::Partition(Partition { input, subquery, .. }) => {
                        vec![input, subquery]
                    }
                    PlanKind::MakeSeries(MakeSeries { input, values, .. }) => vec![input, values],
                    PlanKind::TopNested(TopNested { input, levels }) => std::iter::once(input)
                        .chain(levels.into_iter().map(|level| &$($exclusive)? level.by))
                        .collect(),
                    PlanKind::Scan(Scan { input, expressions, .. }) => vec![input, expressions],
                    PlanKind::ParseKv(ParseKv { input, .. }) => vec![input],
                    PlanKind::Join { left, right, .. } => vec![left, right],
                    PlanKind::Graph(graph) => match graph {
                        Graph::Make(MakeGraph { edges, nodes, .. }) => std::iter::once(edges)
                            .chain(nodes.into_iter().map(|nodes| &$($exclusive)? nodes.table))
                            .collect(),
                        Graph::Where { graph, .. }
                        | Graph::MarkComponents { graph, .. }
                        | Graph::Match(GraphMatch { graph, .. })
                        | Graph::ToTable { graph, .. } => vec![graph],
                    },
                    PlanKind::Plugin { input, arguments, .. } => {
                        let tables = arguments.into_iter().filter_map(|argument| {
                            match &$($exclusive)? argument.value {
                                PluginValue::Table(table) => Some(table),
                                _ => None,
                            }
                        });
                        std::iter::once(input).chain(tables).collect()
                    }
                    PlanKind::Several { results } => {
                        results.into_iter().map(|result| &$($exclusive)? result.plan).collect()
                    }
                    PlanKind::Union { inputs } => {
                        inputs.into_iter().map(|leg| &$($exclusive)? leg.plan).collect()
                    }
                }
            }

            /// The expressions that this plan itself evaluates. The plain columns that legs of a
            /// union hand on are not among them.
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
                    PlanKind::Several { .. } => Vec::new(),
                    PlanKind::Reduce { text, .. } => vec![text],
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
                        let values = inputs.into_iter().flat_map(|leg| &$($exclusive)? leg.values);
                        values.map(|value| &$($exclusive)? value.value).collect()
                    }
                    PlanKind::MvExpand { columns, .. } => {
                        columns.into_iter().map(|column| &$($exclusive)? column.value).collect()
                    }
                    PlanKind::CatalogFunction { arguments, .. } => arguments.into_iter().collect(),
                    PlanKind::Parse { text, .. }
                    | PlanKind::ParseKv(ParseKv { text, .. }) => vec![text],
                    PlanKind::MvApply(MvApply { columns, .. }) => {
                        columns.into_iter().map(|column| &$($exclusive)? column.value).collect()
                    }
                    PlanKind::MakeSeries(MakeSeries {
                        keys,
                        axis,
                        from,
                        to,
                        step,
                        aggregates,
                        defaults,
                        ..
                    }) => {
                        let calls = aggregates.into_iter();
                        keys.into_iter()
                            .chain([axis, step])
                            .chain(from)
                            .chain(to)
                            .chain(calls.flat_map(|call| &$($exclusive)? call.arguments))
                            .chain(defaults.into_iter().flatten())
                            .collect()
                    }
                    PlanKind::Partition(_) => Vec::new(),
                    PlanKind::TopNested(TopNested { levels, .. }) => levels
                        .into_iter()
                        .flat_map(|level| {
                            let NestedLevel { count, value, others, aggregates, .. } = level;
                            let calls = aggregates.into_iter();
                            std::iter::once(value)
                                .chain(count)
                                .chain(others)
                                .chain(calls.flat_map(|call| &$($exclusive)? call.arguments))
                        })
                        .collect(),
                    PlanKind::Scan(Scan { partition, order, declared, .. }) => partition
                        .into_iter()
                        .chain(order.into_iter().map(|key| &$($exclusive)? key.expr))
                        .chain(declared)
                        .collect(),
                    PlanKind::Graph(graph) => match graph {
                        Graph::Make(MakeGraph { source, target, nodes, partition, .. }) => {
                            [source, target]
                                .into_iter()
                                .chain(nodes.into_iter().map(|nodes| &$($exclusive)? nodes.key))
                                .chain(partition)
                                .collect()
                        }
                        Graph::Where { predicate, .. } => vec![predicate],
                        Graph::Match(GraphMatch { elements, predicate, .. }) => elements
                            .into_iter()
                            .filter_map(|element| match &$($exclusive)? element.length {
                                Some((least, most)) => Some([least, most]),
                                None => None,
                            })
                            .flatten()
                            .chain(predicate)
                            .collect(),
                        Graph::MarkComponents { .. } | Graph::ToTable { .. } => Vec::new(),
                    },
                    PlanKind::Plugin { arguments, .. } => {
                        let mut found = Vec::with_capacity(arguments.len());
                        for argument in arguments {
                            match &$($exclusive)? argument.value {
                                PluginValue::Expr(expr) => found.push(expr),
                                PluginValue::Aggregate { calls, .. } => {
                                    let calls = calls.into_iter();
                                    found.extend(
                                        calls.flat_map(|call| &$($exclusive)? call.arguments),
                                    );
                                }
                                PluginValue::LookupColumn(_)
                                | PluginValue::Table(_)
                                | PluginValue::Schema { .. } => {}
                            }
                        }
                        found
                    }
                }
            }
        }

        impl Expr {
            /// The operands of this expression. Tables inside of it are not among them: they read
            /// rows of their own.
            pub fn $operands(&$($exclusive)? self) -> $Operands<'_> {
                match &$($exclusive)? self.kind {
                    ExprKind::Column(_)
                    | ExprKind::Further(_)
                    | ExprKind::Literal(_)
                    | ExprKind::Now
                    | ExprKind::ToScalar(_) => $Operands::few([None, None, None]),
                    ExprKind::Binary { left, right, .. } => {
                        $Operands::few([Some(left), Some(right), None])
                    }
                    ExprKind::Negate(operand)
                    | ExprKind::Convert(operand)
                    | ExprKind::Element { call: operand, .. } => {
                        $Operands::few([Some(operand), None, None])
                    }
                    ExprKind::InList { value, list, .. } => $Operands {
                        first: [Some(value), None, None],
                        rest: list.into_iter(),
                    },
                    ExprKind::InTable { value, .. } => $Operands::few([Some(value), None, None]),
                    ExprKind::Between { value, low, high, .. } => {
                        $Operands::few([Some(value), Some(low), Some(high)])
                    }
                    ExprKind::Call { arguments, .. } => $Operands {
                        first: [None, None, None],
                        rest: arguments.into_iter(),
                    },
                    ExprKind::Member { base, .. } => $Operands::few([Some(base), None, None]),
                    ExprKind::Index { base, index } => {
                        $Operands::few([Some(base), Some(index), None])
                    }
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

        /// The operands of an expression, in order. They are asked for at every turn, so they
        /// take no memory of their own.
        #[derive(Debug)]
        pub struct $Operands<'e> {
            first: [Option<&'e $($exclusive)? Expr>; 3],
            rest: std::slice::$Iter<'e, Expr>,
        }

        impl<'e> $Operands<'e> {
            fn few(first: [Option<&'e $($exclusive)? Expr>; 3]) -> Self {
                Self {
                    first,
                    rest: Default::default(),
                }
            }
        }

        impl<'e> Iterator for $Operands<'e> {
            type Item = &'e $($exclusive)? Expr;

            fn next(&mut self) -> Option<Self::Item> {
                let first = self.first.iter_mut().find_map(Option::take);
                first.or_else(|| self.rest.next())
            }
        }
    };
}

parts!(inputs, expressions, operands, table, Operands, Iter);
parts!(
    inputs_mut,
    expressions_mut,
    operands_mut,
    table_mut,
    OperandsMut,
    IterMut,
    mut
);

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
            Self::CatalogFunction { .. } => "invoke",
            Self::Several { .. } => "fork",
            Self::Reduce { .. } => "reduce",
            Self::Join { .. } => "join",
            Self::Union { .. } => "union",
            Self::MvExpand { .. } => "mv-expand",
            Self::Parse { .. } => "parse",
            Self::Plugin { .. } => "evaluate",
            Self::Graph(graph) => graph.keyword(),
            Self::Serialize { .. } => "serialize",
            Self::MvApply(_) => "mv-apply",
            Self::MakeSeries(_) => "make-series",
            Self::Partition(_) => "partition",
            Self::TopNested(_) => "top-nested",
            Self::Scan(_) => "scan",
            Self::ParseKv(_) => "parse-kv",
        }
    }
}
