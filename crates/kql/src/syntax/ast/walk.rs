//! What the nodes of the syntax tree are made of, so that whoever looks for something in it need
//! not know every variant. An operator that joins the tree joins here too.

mod clause;

use super::{
    Expr, ExprKind, Function, GraphOperator, LetValue, NestedLevel, OperatorKind, OrderedExpr,
    Parameter, ParsePart, Property, Script, Statement, StatementKind, TableOperator,
};

/// A node that may have others below it.
#[derive(Clone, Copy, Debug)]
pub enum Node<'t> {
    /// A statement of the query or of a function's body.
    Statement(&'t Statement),
    /// An expression.
    Expr(&'t Expr),
    /// A tabular operator.
    Operator(&'t TableOperator),
}

impl Node<'_> {
    /// The nodes directly below this one, in the order of the text.
    pub fn children(self) -> Vec<Self> {
        match self {
            Self::Statement(statement) => statement.children(),
            Self::Expr(expr) => expr.children(),
            Self::Operator(operator) => operator.children(),
        }
    }

    /// Calls `visit` on this node and all below it, in the order of the text.
    pub fn walk(self, mut visit: impl FnMut(Self)) {
        let mut pending = vec![self];
        while let Some(node) = pending.pop() {
            visit(node);
            pending.extend(node.children().into_iter().rev());
        }
    }
}

impl Script {
    /// Calls `visit` on every node, in the order of the text.
    pub fn walk<'t>(&'t self, mut visit: impl FnMut(Node<'t>)) {
        for statement in &self.statements {
            Node::Statement(statement).walk(&mut visit);
        }
    }
}

impl Statement {
    /// The nodes directly below the statement, in the order of the text.
    pub fn children(&self) -> Vec<Node<'_>> {
        match &self.kind {
            StatementKind::Let { value, .. } => match value {
                LetValue::Expr(value) => vec![Node::Expr(value)],
                LetValue::Function(function) => function_parts(function),
            },
            StatementKind::Set { value, .. } => value.iter().map(Node::Expr).collect(),
            StatementKind::DeclareParameters(parameters) => defaults(parameters).collect(),
            StatementKind::Alias { database, .. } => vec![Node::Expr(database)],
            StatementKind::Restrict(tables) => tables.iter().map(Node::Expr).collect(),
            StatementKind::Pattern { pattern, .. } => {
                let cases = pattern.iter().flat_map(|pattern| &pattern.cases);
                let bodies = cases.flat_map(|case| &case.body.statements);
                bodies.map(Node::Statement).collect()
            }
            StatementKind::Directive | StatementKind::Command { .. } => Vec::new(),
            StatementKind::Expression(expr) => vec![Node::Expr(expr)],
        }
    }
}

impl Expr {
    /// The nodes directly below the expression, in the order of the text.
    pub fn children(&self) -> Vec<Node<'_>> {
        match &self.kind {
            ExprKind::Missing
            | ExprKind::Literal(_)
            | ExprKind::Name(_)
            | ExprKind::Wildcard(_)
            | ExprKind::Star
            | ExprKind::Side(_)
            | ExprKind::TypeOf(_)
            | ExprKind::TypeOfTable { .. } => Vec::new(),
            ExprKind::Member { base, member } => pair(base, member),
            ExprKind::Index { base, index } => pair(base, index),
            ExprKind::Call { arguments, .. } => exprs(arguments).collect(),
            ExprKind::Unary { operand, .. } | ExprKind::Parenthesized(operand) => {
                vec![Node::Expr(operand)]
            }
            ExprKind::Binary { left, right, .. } => pair(left, right),
            ExprKind::In { value, list, .. } => one(value).chain(exprs(list)).collect(),
            ExprKind::Between {
                value, low, high, ..
            } => vec![Node::Expr(value), Node::Expr(low), Node::Expr(high)],
            ExprKind::Pipe { source, operators } => one(source)
                .chain(operators.iter().map(Node::Operator))
                .collect(),
            ExprKind::Source(operator) => vec![Node::Operator(operator)],
            ExprKind::DataTable { values, .. } | ExprKind::EntityGroup(values) => {
                exprs(values).collect()
            }
            ExprKind::ExternalData {
                uris, properties, ..
            } => exprs(uris).chain(values(properties)).collect(),
            ExprKind::Named { value, .. } => vec![Node::Expr(value)],
        }
    }
}

impl TableOperator {
    /// The nodes directly below the operator, in the order of the text; not the table it reads
    /// from the left.
    pub fn children(&self) -> Vec<Node<'_>> {
        match &self.kind {
            OperatorKind::Count
            | OperatorKind::AssertSchema(_)
            | OperatorKind::Consume
            | OperatorKind::Unparsed => Vec::new(),
            OperatorKind::Where { predicate: only }
            | OperatorKind::Take(only)
            | OperatorKind::Sample(only)
            | OperatorKind::Invoke(only) => vec![Node::Expr(only)],
            OperatorKind::Project(list)
            | OperatorKind::ProjectAway(list)
            | OperatorKind::ProjectKeep(list)
            | OperatorKind::ProjectRename(list)
            | OperatorKind::Extend(list)
            | OperatorKind::Distinct(list)
            | OperatorKind::Print(list)
            | OperatorKind::ProjectByNames(list)
            | OperatorKind::Serialize(list) => exprs(list).collect(),
            OperatorKind::ProjectReorder(columns) => columns
                .iter()
                .map(|(column, _)| Node::Expr(column))
                .collect(),
            OperatorKind::Summarize {
                properties,
                aggregates,
                by,
            } => values(properties)
                .chain(exprs(aggregates))
                .chain(exprs(by))
                .collect(),
            OperatorKind::Sort(by) => ordered(by).collect(),
            OperatorKind::Top { count, by } => one(count).chain(ordered(by)).collect(),
            OperatorKind::Join {
                properties,
                right,
                on,
            }
            | OperatorKind::Lookup {
                properties,
                right,
                on,
            } => values(properties)
                .chain(one(right))
                .chain(exprs(on))
                .collect(),
            OperatorKind::Union { properties, tables } => {
                values(properties).chain(exprs(tables)).collect()
            }
            OperatorKind::Search {
                properties,
                tables,
                predicate,
            }
            | OperatorKind::Find {
                properties,
                tables,
                predicate,
                ..
            } => values(properties)
                .chain(exprs(tables))
                .chain(one(predicate))
                .collect(),
            OperatorKind::Range { from, to, step, .. } => {
                vec![Node::Expr(from), Node::Expr(to), Node::Expr(step)]
            }
            OperatorKind::MvExpand {
                properties,
                columns,
                limit,
            } => values(properties)
                .chain(columns.iter().map(|(column, _)| Node::Expr(column)))
                .chain(exprs(limit))
                .collect(),
            OperatorKind::Parse {
                properties,
                text,
                pattern,
                ..
            } => values(properties)
                .chain(one(text))
                .chain(pattern.iter().filter_map(|part| match part {
                    ParsePart::Text(text) => Some(Node::Expr(text)),
                    ParsePart::Skip | ParsePart::Column { .. } => None,
                }))
                .collect(),
            OperatorKind::As { properties, .. }
            | OperatorKind::Render { properties, .. }
            | OperatorKind::GetSchema { properties } => values(properties).collect(),
            OperatorKind::Fork(branches) => {
                let branches = branches.iter();
                branches
                    .flat_map(|branch| branch.subquery.operators.iter().map(Node::Operator))
                    .collect()
            }
            OperatorKind::Graph(graph) => match &**graph {
                GraphOperator::Make {
                    nodes, partition, ..
                } => {
                    let tables = nodes.iter().map(|(table, _)| Node::Expr(table));
                    let operators = partition.iter().flat_map(|(_, operators)| operators);
                    tables.chain(operators.map(Node::Operator)).collect()
                }
                GraphOperator::Match {
                    patterns,
                    predicate,
                    project,
                    ..
                } => {
                    let lengths = patterns
                        .iter()
                        .flatten()
                        .filter_map(|step| step.length.as_ref());
                    let lengths = lengths.flat_map(|(least, most)| [least, most]);
                    let values = lengths.chain(predicate).chain(project);
                    values.map(Node::Expr).collect()
                }
                GraphOperator::Where { predicate, .. } => vec![Node::Expr(predicate)],
                GraphOperator::MarkComponents { .. } | GraphOperator::ToTable(_) => Vec::new(),
            },
            OperatorKind::Facet { with, .. } => {
                let operators = with.iter().flat_map(|with| &with.operators);
                operators.map(Node::Operator).collect()
            }
            OperatorKind::TopHitters { count, of, by } => {
                one(count).chain(one(of)).chain(exprs(by)).collect()
            }
            OperatorKind::Reduce {
                properties,
                by,
                options,
            } => values(properties)
                .chain(one(by))
                .chain(values(options))
                .collect(),
            OperatorKind::MacroExpand {
                properties,
                group,
                body,
                ..
            } => values(properties)
                .chain(one(group))
                .chain(body.statements.iter().map(Node::Statement))
                .collect(),
            OperatorKind::Evaluate {
                properties, call, ..
            } => values(properties).chain(one(call)).collect(),
            OperatorKind::SampleDistinct { count, of } => pair(count, of),
            OperatorKind::MvApply(apply) => apply.children(),
            OperatorKind::MakeSeries(series) => series.children(),
            OperatorKind::Partition(partition) => partition.children(),
            OperatorKind::TopNested(levels) => {
                levels.iter().flat_map(NestedLevel::children).collect()
            }
            OperatorKind::Scan(scan) => scan.children(),
            OperatorKind::ParseKv(parse) => parse.children(),
        }
    }
}

fn one(expr: &Expr) -> impl Iterator<Item = Node<'_>> {
    std::iter::once(Node::Expr(expr))
}

fn pair<'t>(first: &'t Expr, second: &'t Expr) -> Vec<Node<'t>> {
    vec![Node::Expr(first), Node::Expr(second)]
}

fn exprs<'t>(list: impl IntoIterator<Item = &'t Expr>) -> impl Iterator<Item = Node<'t>> {
    list.into_iter().map(Node::Expr)
}

fn values(properties: &[Property]) -> impl Iterator<Item = Node<'_>> {
    properties
        .iter()
        .map(|property| Node::Expr(&property.value))
}

fn ordered(list: &[OrderedExpr]) -> impl Iterator<Item = Node<'_>> {
    list.iter().map(|ordered| Node::Expr(&ordered.expr))
}

fn defaults(parameters: &[Parameter]) -> impl Iterator<Item = Node<'_>> {
    let defaults = parameters.iter().filter_map(|one| one.default.as_ref());
    defaults.map(Node::Expr)
}

fn function_parts(function: &Function) -> Vec<Node<'_>> {
    let body = function.body.statements.iter().map(Node::Statement);
    defaults(&function.parameters).chain(body).collect()
}
