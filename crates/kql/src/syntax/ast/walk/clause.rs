//! The parts of the operators that have clauses of their own.

use super::{Node, defaults, exprs, one, ordered, values};
use crate::syntax::ast::{
    MakeSeries, MvApply, NestedLevel, ParseKv, Partition, PartitionBody, Scan, SeriesRange,
    Subquery,
};

fn operators(subquery: &Subquery) -> impl Iterator<Item = Node<'_>> {
    subquery.operators.iter().map(Node::Operator)
}

impl MvApply {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        values(&self.properties)
            .chain(self.columns.iter().map(|(column, _)| Node::Expr(column)))
            .chain(exprs(&self.limit))
            .chain(exprs(&self.id))
            .chain(operators(&self.subquery))
            .collect()
    }
}

impl MakeSeries {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        let aggregates = self.aggregates.iter();
        let aggregates =
            aggregates.flat_map(|(aggregate, default)| one(aggregate).chain(exprs(default)));
        let range: Vec<Node<'_>> = match &self.range {
            SeriesRange::Step { from, to, step } => {
                let ends = exprs(from.as_deref()).chain(exprs(to.as_deref()));
                ends.chain(one(step)).collect()
            }
            SeriesRange::Range { arguments, .. } => exprs(arguments).collect(),
        };
        values(&self.properties)
            .chain(aggregates)
            .chain(one(&self.axis))
            .chain(range)
            .chain(exprs(&self.by))
            .collect()
    }
}

impl Partition {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        let parts = values(&self.properties).chain(one(&self.by));
        match &self.body {
            PartitionBody::Operators(subquery) => parts.chain(operators(subquery)).collect(),
            PartitionBody::Query(query) => parts.chain(one(query)).collect(),
        }
    }
}

impl NestedLevel {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        exprs(&self.count)
            .chain(one(&self.of))
            .chain(exprs(&self.others))
            .chain(one(&self.by.expr))
            .collect()
    }
}

impl Scan {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        let steps = self.steps.iter().flat_map(|step| {
            let set = step.assignments.iter().map(|(_, value)| Node::Expr(value));
            one(&step.condition).chain(set)
        });
        values(&self.properties)
            .chain(ordered(&self.order))
            .chain(exprs(&self.partition))
            .chain(defaults(&self.declared))
            .chain(steps)
            .collect()
    }
}

impl ParseKv {
    pub(super) fn children(&self) -> Vec<Node<'_>> {
        one(&self.text).chain(values(&self.properties)).collect()
    }
}
