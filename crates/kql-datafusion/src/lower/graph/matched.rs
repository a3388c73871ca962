//! Patterns of `graph-match` and `graph-shortest-paths`. Conditions on one node or edge, and those
//! on all of a path, are evaluated for the whole graph before the search; the rest for matches.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use kql::hir::{self, ExprKind, GraphMatch, GraphPart, GraphPaths, Plan};

use super::super::detached::Rows;
use super::super::window::address;
use super::super::{Lowering, Result, output_name};
use super::Source;
use super::part::{Part, graph_calls};
use crate::error::EngineError;
use crate::function;
use crate::node::graph::{Fold, Hop, MatchColumn, Pattern, Place};
use crate::types::arrow_type;
use kql::types::ScalarType;

/// Most edges of a match.
const EDGES_MAX: usize = 1_000;

/// A pattern with what is projected of its matches.
pub(super) struct Lowered {
    pub(super) pattern: Pattern,
    pub(super) schema: SchemaRef,
    pub(super) columns: Vec<Expr>,
}

/// What a column of a match is made of: an expression over the nodes or the edges.
#[derive(Clone)]
struct Spec {
    place: Place,
    value: Expr,
    fold: Fold,
}

impl Spec {
    fn part(&self) -> GraphPart {
        match self.place {
            Place::Node(_) | Place::Inner(_) => GraphPart::Nodes,
            Place::Edges(_) => GraphPart::Edges,
        }
    }
}

/// The elements of a pattern, and the rows that they stand for.
struct Scope<'p> {
    matched: &'p GraphMatch,
    /// For each element its place among the nodes or among the edges.
    places: Vec<usize>,
    nodes: Part,
    edges: Part,
    node_width: usize,
    edge_width: usize,
}

impl Scope<'_> {
    fn part(&mut self, part: GraphPart) -> &mut Part {
        match part {
            GraphPart::Nodes => &mut self.nodes,
            GraphPart::Edges => &mut self.edges,
        }
    }

    fn place(&self, element: usize) -> Place {
        match self.matched.elements[element].part {
            GraphPart::Nodes => Place::Node(self.places[element]),
            GraphPart::Edges => Place::Edges(self.places[element]),
        }
    }

    fn is_path(&self, element: usize) -> bool {
        self.matched.elements[element].length.is_some()
    }

    /// The element of a column, and which of the element's columns it is; none for the whole.
    fn element(&self, mut column: usize) -> Option<(usize, Option<usize>)> {
        for (index, element) in self.matched.elements.iter().enumerate() {
            element.name.as_ref()?;
            let width = match element.part {
                GraphPart::Nodes => self.node_width,
                GraphPart::Edges => self.edge_width,
            };
            if column <= width {
                return Some((index, column.checked_sub(1)));
            }
            column -= width + 1;
        }
        None
    }

    /// A column of the binder's schema of matches.
    fn column(&mut self, column: usize) -> Option<Spec> {
        let (element, property) = self.element(column)?;
        let (place, is_path) = (self.place(element), self.is_path(element));
        let part = self.matched.elements[element].part;
        let part = self.part(part);
        let value = match property {
            None => part.bag()?,
            Some(property) if is_path => part.dynamic(property),
            Some(property) => part.column(property),
        };
        let fold = if is_path { Fold::List } else { Fold::One };
        Some(Spec { place, value, fold })
    }
}

impl Lowering<'_> {
    pub(super) fn pattern(
        &self,
        source: &Source<'_>,
        matched: &GraphMatch,
        columns: Option<&[hir::Expr]>,
        output: &Plan,
    ) -> Result<Lowered> {
        let (places, nodes, hops) = self.places(matched, output)?;
        let mut scope = Scope {
            matched,
            places,
            nodes: source.part(self, GraphPart::Nodes)?,
            edges: source.part(self, GraphPart::Edges)?,
            node_width: source.nodes.len(),
            edge_width: source.make.edges.schema.len(),
        };
        let calls = graph_calls(matched.predicate.iter().chain(columns.unwrap_or_default()));
        let schema = Self::match_types(matched, source);
        let width = schema.len();
        let call_types = calls.iter().map(|call| arrow_type(call.ty));
        let mut rows = self.rows(schema.into_iter().map(arrow_type).chain(call_types))?;
        for (index, call) in calls.iter().enumerate() {
            let name = rows.schema.field(width + index).name().clone();
            rows.relation.windows.insert(address(call), name);
        }
        let predicate = matched.predicate.as_ref();
        let predicate = predicate.map(|predicate| self.predicate(predicate, &rows.relation));
        let predicate = predicate.transpose()?;
        let columns = match columns {
            Some(columns) => columns
                .iter()
                .map(|column| self.value(column, &rows.relation))
                .collect::<Result<Vec<_>>>()?,
            None => (0..width)
                .map(|column| rows.relation.column(column))
                .collect(),
        };
        let mut specs = Specs {
            known: vec![None; rows.schema.fields().len()],
            width,
            calls,
        };
        let mut pattern = Pattern {
            nodes,
            hops,
            paths: matched.paths,
            cycles: matched.cycles,
            values: Vec::new(),
            node_conditions: Vec::new(),
            edge_conditions: Vec::new(),
            inner_conditions: Vec::new(),
            columns: Vec::new(),
            predicate: None,
        };
        let mut rest = Vec::new();
        for condition in predicate.map(split_conjunction_owned).into_iter().flatten() {
            if let Some(condition) =
                self.place_condition(condition, &rows, &mut specs, &mut scope, &mut pattern)?
            {
                rest.push(condition);
            }
        }
        let used: HashSet<usize> = rest
            .iter()
            .chain(&columns)
            .flat_map(Expr::column_refs)
            .filter_map(|column| rows.position(column))
            .collect();
        for column in 0..rows.schema.fields().len() {
            if !used.contains(&column) {
                pattern.columns.push(None);
                continue;
            }
            let spec = specs.get(self, column, &mut scope, output)?;
            let value = self.detached(spec.value.clone(), &scope.part(spec.part()).rows)?;
            pattern.columns.push(Some(MatchColumn {
                place: spec.place,
                value: pattern.values.len(),
                fold: spec.fold,
            }));
            pattern.values.push((spec.part(), value));
        }
        let rest = conjunction(rest).map(|rest| self.detached(rest, &rows));
        pattern.predicate = rest.transpose()?;
        let names = output.schema.columns().iter();
        let columns = columns.into_iter().zip(names);
        let columns = columns.map(|(value, column)| value.alias(output_name(&column.name)));
        let schema: &ArrowSchema = rows.schema.as_ref().as_ref();
        Ok(Lowered {
            pattern,
            schema: Arc::new(schema.clone()),
            columns: columns.collect(),
        })
    }

    /// The types of the columns of a match.
    fn match_types(matched: &GraphMatch, source: &Source<'_>) -> Vec<ScalarType> {
        let mut types = Vec::new();
        for element in matched
            .elements
            .iter()
            .filter(|element| element.name.is_some())
        {
            let columns = match element.part {
                GraphPart::Nodes => source.nodes.columns(),
                GraphPart::Edges => source.make.edges.schema.columns(),
            };
            types.push(ScalarType::Dynamic);
            types.extend(columns.iter().map(|column| match &element.length {
                Some(_) => ScalarType::Dynamic,
                None => column.ty,
            }));
        }
        types
    }

    /// The places of the elements, how many are for nodes, and those for edges.
    fn places(&self, matched: &GraphMatch, output: &Plan) -> Result<(Vec<usize>, usize, Vec<Hop>)> {
        if matched.paths != GraphPaths::All && matched.chains.len() > 1 {
            let what = "`graph-shortest-paths` takes one chain of nodes and edges".to_owned();
            let span = output.span;
            return Err(EngineError::Invalid { what, span });
        }
        let mut places = vec![0; matched.elements.len()];
        let mut nodes = 0;
        for (place, element) in places.iter_mut().zip(&matched.elements) {
            if element.part == GraphPart::Nodes {
                *place = nodes;
                nodes += 1;
            }
        }
        let mut hops = Vec::new();
        let mut edges = 0_usize;
        for chain in &matched.chains {
            for steps in chain.windows(3).step_by(2) {
                let [left, edge, right] = [steps[0], steps[1], steps[2]];
                let (least, most) = match &matched.elements[edge.element].length {
                    Some((least, most)) => (self.path_end(least)?, self.path_end(most)?),
                    None => (1, 1),
                };
                edges = edges.saturating_add(most);
                places[edge.element] = hops.len();
                hops.push(Hop {
                    left: places[left.element],
                    right: places[right.element],
                    direction: edge.direction,
                    least,
                    most,
                });
            }
        }
        if edges > EDGES_MAX {
            let what = format!("a pattern of {edges} edges; {EDGES_MAX} are possible");
            let span = output.span;
            return Err(EngineError::Invalid { what, span });
        }
        Ok((places, nodes, hops))
    }

    fn path_end(&self, end: &hir::Expr) -> Result<usize> {
        match self.constant(end)? {
            ScalarValue::Int64(Some(number)) if number >= 0 => {
                Ok(usize::try_from(number).unwrap_or(usize::MAX))
            }
            _ => Err(EngineError::Invalid {
                what: "the length of a path must be a number from 0".to_owned(),
                span: end.span,
            }),
        }
    }

    /// Gives a condition to the place that it is about; back if it is about several.
    fn place_condition(
        &self,
        condition: Expr,
        rows: &Rows,
        specs: &mut Specs<'_>,
        scope: &mut Scope<'_>,
        pattern: &mut Pattern,
    ) -> Result<Option<Expr>> {
        let columns: Vec<usize> = condition
            .column_refs()
            .into_iter()
            .filter_map(|column| rows.position(column))
            .collect();
        let output = &scope.matched.graph;
        let mut found = Vec::with_capacity(columns.len());
        for column in &columns {
            found.push(specs.get(self, *column, scope, output)?);
        }
        let Some(first) = found.first() else {
            return Ok(Some(condition));
        };
        let (place, part) = (first.place, first.part());
        let is_for_all = matches!(condition, Expr::Column(_)) && first.fold == Fold::All;
        let is_of_one = found
            .iter()
            .all(|spec| spec.place == place && spec.fold == Fold::One);
        if !is_for_all && !is_of_one {
            return Ok(Some(condition));
        }
        let value = condition.transform(|expr| {
            let position = match &expr {
                Expr::Column(column) => rows.position(column),
                _ => None,
            };
            let position =
                position.and_then(|position| columns.iter().position(|c| *c == position));
            Ok::<_, DataFusionError>(match position {
                Some(position) => Transformed::yes(found[position].value.clone()),
                None => Transformed::no(expr),
            })
        })?;
        let value = self.detached(value.data, &scope.part(part).rows)?;
        let (conditions, place) = match place {
            Place::Node(place) => (&mut pattern.node_conditions, place),
            Place::Edges(place) => (&mut pattern.edge_conditions, place),
            Place::Inner(place) => (&mut pattern.inner_conditions, place),
        };
        conditions.push((place, pattern.values.len()));
        pattern.values.push((part, value));
        Ok(None)
    }

    /// What a call of a function of patterns comes to.
    fn call_spec(&self, call: &hir::Expr, scope: &mut Scope<'_>) -> Result<Spec> {
        let refused = || EngineError::not_supported("this call in a pattern", call.span);
        let ExprKind::Call {
            function,
            arguments,
        } = &call.kind
        else {
            return Err(refused());
        };
        let path = arguments.first().ok_or_else(refused)?;
        let (element, is_inner) = path_of(path, scope).ok_or_else(refused)?;
        let mut place = scope.place(element);
        if (is_inner || function.name == "inner_nodes")
            && let Place::Edges(edges) = place
        {
            place = Place::Inner(edges);
        }
        let part = match place {
            Place::Node(_) | Place::Inner(_) => GraphPart::Nodes,
            Place::Edges(_) => GraphPart::Edges,
        };
        let is_path = scope.is_path(element);
        let part = scope.part(part);
        let (value, fold) = match (function.name, arguments.get(1)) {
            ("any", Some(value)) => (self.part_value(value, part)?, Fold::Any),
            ("all", Some(value)) => (self.part_value(value, part)?, Fold::All),
            ("map", Some(value)) => {
                let mapped = self.part_value(value, part)?;
                let mapped = match value.ty {
                    ScalarType::Dynamic => mapped,
                    ty => function::convert(ty, ScalarType::Dynamic).call(vec![mapped]),
                };
                (mapped, Fold::List)
            }
            ("inner_nodes", None) => (part.bag().ok_or_else(refused)?, Fold::List),
            _ => {
                let fold = if is_path { Fold::List } else { Fold::One };
                (part.told(call)?, fold)
            }
        };
        Ok(Spec { place, value, fold })
    }
}

/// What the columns of a match are made of, as far as somebody asked.
struct Specs<'e> {
    known: Vec<Option<Spec>>,
    /// Columns of elements; those of calls come behind.
    width: usize,
    calls: Vec<&'e hir::Expr>,
}

impl Specs<'_> {
    fn get(
        &mut self,
        lowering: &Lowering<'_>,
        column: usize,
        scope: &mut Scope<'_>,
        plan: &Plan,
    ) -> Result<Spec> {
        if let Some(spec) = &self.known[column] {
            return Ok(spec.clone());
        }
        let spec = match column.checked_sub(self.width) {
            Some(call) => lowering.call_spec(self.calls[call], scope)?,
            None => scope
                .column(column)
                .ok_or_else(|| EngineError::not_supported("this column of a graph", plan.span))?,
        };
        self.known[column] = Some(spec.clone());
        Ok(spec)
    }
}

/// The element that is a path or a node, and whether the nodes between its edges are meant.
fn path_of(path: &hir::Expr, scope: &Scope<'_>) -> Option<(usize, bool)> {
    match &path.kind {
        ExprKind::Column(column) => {
            let (element, property) = scope.element(*column)?;
            property.is_none().then_some((element, false))
        }
        ExprKind::Call {
            function,
            arguments,
        } if function.name == "inner_nodes" => match arguments.as_slice() {
            [path] => Some((path_of(path, scope)?.0, true)),
            _ => None,
        },
        ExprKind::Convert(operand) => path_of(operand, scope),
        _ => None,
    }
}
