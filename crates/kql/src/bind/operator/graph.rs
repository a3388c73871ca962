//! `make-graph` and the operators on graphs.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::bind::expression::Row;
use crate::bind::graph::{Element, Graph, schema_of};
use crate::bind::scope::Binding;
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    self, Expr, GraphCycles, GraphElement, GraphMatch, GraphPart, GraphPaths, GraphStep, MakeGraph,
    NodeNumber, NodeTable, PlanKind,
};
use crate::span::Span;
use crate::syntax::ast::{self, GraphOperator, GraphOutput};
use crate::types::{Column, ScalarType, Schema};

impl<'a> Binder<'a> {
    pub(super) fn graph(
        &mut self,
        table: Table,
        operator: &'a GraphOperator,
        keyword: &ast::Name,
        span: Span,
    ) -> Attempt<Table> {
        match operator {
            GraphOperator::Make {
                source,
                target,
                nodes,
                node_id,
                partition,
            } => {
                let by = partition.as_ref().map(|(column, _)| column);
                let by = by
                    .map(|column| self.graph_key(&table, column))
                    .transpose()?;
                let ends = [source, target];
                let made = self.make_graph(table, ends, nodes, node_id.as_ref(), by, span)?;
                let operators = partition.iter().flat_map(|(_, operators)| operators);
                Ok(operators.fold(made, |made, operator| self.operator(made, operator)))
            }
            GraphOperator::Match {
                shortest,
                properties,
                patterns,
                predicate,
                project,
            } => {
                let graph = self.graph_of(&table, keyword)?;
                let known: &[&str] = if *shortest {
                    &["output", "cycles"]
                } else {
                    &["cycles"]
                };
                let (paths, cycles) = self.path_choice(properties, known, *shortest)?;
                let (elements, chains) = self.chains(patterns)?;
                let known: Rc<[Element]> = named(&graph, &elements).into();
                let schema = schema_of(&known);
                let mut rows = Table::new(PlanKind::Rows, schema.clone(), span);
                rows.elements = Some(Rc::clone(&known));
                let predicate = predicate.as_ref();
                let predicate =
                    predicate.map(|predicate| self.predicate(predicate, Row::of(&rows)));
                let predicate = predicate.transpose()?;
                let mut matches = table.then(schema, span, |graph| {
                    PlanKind::Graph(hir::Graph::Match(GraphMatch {
                        graph,
                        elements,
                        chains,
                        paths,
                        cycles,
                        predicate,
                    }))
                });
                matches.elements = Some(known);
                if project.is_empty() {
                    return Ok(matches);
                }
                Ok(self.project(matches, project, span))
            }
            GraphOperator::MarkComponents { properties } => {
                let graph = self.graph_of(&table, keyword)?;
                let mut name: Arc<str> = "ComponentId".into();
                let mut strong = false;
                for property in self.properties(properties, &["kind", "with_component_id"]) {
                    if &*property.name.text == "kind" {
                        strong = self.property_word(property, &["weak", "strong"])? == "strong";
                    } else {
                        name = self.property_name(property)?.text;
                    }
                }
                let mut nodes = graph.nodes.columns().to_vec();
                nodes.push(Column::new(name, ScalarType::Long));
                let marked = Graph {
                    nodes: Schema::new(nodes),
                    edges: graph.edges.clone(),
                };
                let mut result = table.then(Schema::default(), span, |graph| {
                    PlanKind::Graph(hir::Graph::MarkComponents { graph, strong })
                });
                result.graph = Some(Rc::new(marked));
                Ok(result)
            }
            GraphOperator::Where { part, predicate } => {
                let graph = self.graph_of(&table, keyword)?;
                let columns = match part {
                    GraphPart::Nodes => &graph.nodes,
                    GraphPart::Edges => &graph.edges,
                };
                let mut rows = Table::new(PlanKind::Rows, columns.clone(), span);
                rows.elements = Some(Rc::new([]));
                let predicate = self.predicate(predicate, Row::of(&rows))?;
                let part = *part;
                let mut result = table.then(Schema::default(), span, |graph| {
                    PlanKind::Graph(hir::Graph::Where {
                        graph,
                        part,
                        predicate,
                    })
                });
                result.graph = Some(graph);
                Ok(result)
            }
            GraphOperator::ToTable(outputs) => {
                let graph = self.graph_of(&table, keyword)?;
                self.graph_to_table(&table, &graph, outputs, span)
            }
        }
    }

    /// What `output=` and `cycles=` ask for.
    fn path_choice(
        &mut self,
        properties: &[ast::Property],
        known: &[&str],
        shortest: bool,
    ) -> Attempt<(GraphPaths, GraphCycles)> {
        let mut paths = if shortest {
            GraphPaths::AnyShortest
        } else {
            GraphPaths::All
        };
        let mut cycles = GraphCycles::UniqueEdges;
        for property in self.properties(properties, known) {
            if &*property.name.text == "output" {
                if self.property_word(property, &["any", "all"])? == "all" {
                    paths = GraphPaths::AllShortest;
                }
                continue;
            }
            cycles = match self.property_word(property, &["all", "none", "unique_edges"])? {
                "all" => GraphCycles::All,
                "none" => GraphCycles::None,
                _ => GraphCycles::UniqueEdges,
            };
        }
        Ok((paths, cycles))
    }

    /// The elements of patterns, those with a name first, and where they stand.
    fn chains(
        &mut self,
        patterns: &'a [Vec<ast::PatternStep>],
    ) -> Attempt<(Vec<GraphElement>, Vec<Vec<GraphStep>>)> {
        let mut elements: Vec<GraphElement> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut places: HashMap<*const ast::PatternStep, usize> = HashMap::new();
        let steps = || patterns.iter().flatten();
        let named = steps().filter(|step| step.name.is_some());
        for step in named.chain(steps().filter(|step| step.name.is_none())) {
            let name = step.name.as_ref();
            if let Some(name) = name
                && let Some(known) = known.get(&*name.text)
            {
                if step.part == GraphPart::Edges || elements[*known].part == GraphPart::Edges {
                    let message = format!("the edge `{}` stands in two places", name.text);
                    return Err(self.error(code::MISPLACED, name.span, message));
                }
                places.insert(step, *known);
                continue;
            }
            let length = match &step.length {
                Some((least, most)) => Some((self.path_end(least)?, self.path_end(most)?)),
                None => None,
            };
            if let Some(name) = name {
                known.insert(&name.text, elements.len());
            }
            places.insert(step, elements.len());
            elements.push(GraphElement {
                name: name.map(|name| Arc::clone(&name.text)),
                part: step.part,
                length,
            });
        }
        let step = |step: &ast::PatternStep| GraphStep {
            element: places[&std::ptr::from_ref(step)],
            direction: step.direction,
        };
        let chains = patterns.iter();
        let chains = chains.map(|chain| chain.iter().map(step).collect());
        Ok((elements, chains.collect()))
    }

    /// Fewest or most edges of a path.
    fn path_end(&mut self, end: &'a ast::Expr) -> Attempt<Expr> {
        let end = self.scalar(end, Row::NONE)?;
        Ok(coerce::convert(end, ScalarType::Long))
    }

    fn make_graph(
        &mut self,
        edges: Table,
        [source, target]: [&ast::Name; 2],
        nodes: &'a [(ast::Expr, ast::Name)],
        node_id: Option<&ast::Name>,
        partition: Option<Expr>,
        span: Span,
    ) -> Attempt<Table> {
        let source = self.graph_key(&edges, source)?;
        let target = self.graph_key(&edges, target)?;
        let mut columns: Vec<Column> = Vec::new();
        if let Some(name) = node_id {
            columns.push(Column::new(Arc::clone(&name.text), target.ty));
        }
        let edge_columns = edges.schema().clone();
        let mut tables = Vec::with_capacity(nodes.len());
        for (table, name) in nodes {
            let table = self.table(table)?;
            let key = self.graph_key(&table, name)?;
            for column in table.schema().columns() {
                if !columns.iter().any(|known| known.name == column.name) {
                    columns.push(column.clone());
                }
            }
            tables.push(NodeTable {
                table: table.plan,
                key,
            });
        }
        let node_columns = Schema::new(columns);
        let kind = PlanKind::Graph(hir::Graph::Make(MakeGraph {
            edges: edges.plan,
            source,
            target,
            nodes: tables,
            node_columns: node_columns.clone(),
            partition,
        }));
        let mut made = Table::new(kind, Schema::default(), span);
        made.graph = Some(Rc::new(Graph {
            nodes: node_columns,
            edges: edge_columns,
        }));
        Ok(made)
    }

    /// A column that nodes are known by.
    fn graph_key(&mut self, table: &Table, name: &ast::Name) -> Attempt<Expr> {
        if let Some(further) = table.further(&name.text, name.span) {
            return Ok(further);
        }
        match table.schema().index_of(&name.text) {
            Some(index) if table.schema().columns()[index].ty == ScalarType::Dynamic => Err(self
                .report(
                    Diagnostic::error(
                        code::DYNAMIC_PLACE,
                        name.span,
                        "nodes cannot be known by a value of type dynamic",
                    )
                    .with_help("convert the column first: `extend Key = tostring(…)`"),
                )),
            Some(index) => Ok(table.column(index, name.span)),
            None if table.may_have(&name.text) => Err(Reported),
            None => Err(self.unknown_column(name, table.schema())),
        }
    }

    /// One table, or several that later statements read by their names.
    fn graph_to_table(
        &mut self,
        table: &Table,
        graph: &Graph,
        outputs: &'a [GraphOutput],
        span: Span,
    ) -> Attempt<Table> {
        let mut last = None;
        for output in outputs {
            if outputs.len() > 1 && output.name.is_none() {
                let message = "several tables of a graph need names";
                return Err(self.report(
                    Diagnostic::error(code::MISPLACED, span, message)
                        .with_help("write `nodes as Nodes, edges as Edges`"),
                ));
            }
            let mut columns = Vec::new();
            let mut numbers = Vec::new();
            for property in &output.properties {
                let name = self.property_name(property)?.text;
                columns.push(Column::new(name, ScalarType::Long));
                numbers.push(match &*property.name.text {
                    "with_source_id" => NodeNumber::Source,
                    "with_target_id" => NodeNumber::Target,
                    _ => NodeNumber::Node,
                });
            }
            let rest = match output.part {
                GraphPart::Nodes => &graph.nodes,
                GraphPart::Edges => &graph.edges,
            };
            for column in rest.columns() {
                let taken = |name: &str| columns.iter().any(|known: &Column| *known.name == *name);
                let name = free_name(&column.name, taken);
                columns.push(Column::new(name, column.ty));
            }
            let part = output.part;
            let made = table.clone().then(Schema::new(columns), span, |graph| {
                PlanKind::Graph(hir::Graph::ToTable {
                    graph,
                    part,
                    numbers,
                })
            });
            if let Some(name) = output.name.as_ref().filter(|_| outputs.len() > 1) {
                let binding = Binding::table(made.clone());
                self.tables_to_come.push((name.text.clone(), binding));
            }
            last = Some(made);
        }
        last.ok_or(Reported)
    }
}

/// What the named elements of a pattern are in expressions.
fn named(graph: &Graph, elements: &[GraphElement]) -> Vec<Element> {
    let elements = elements.iter().filter_map(|element| {
        Some(Element {
            name: Arc::clone(element.name.as_ref()?),
            columns: match element.part {
                GraphPart::Nodes => graph.nodes.clone(),
                GraphPart::Edges => graph.edges.clone(),
            },
            is_path: element.length.is_some(),
            inner: graph.nodes.clone(),
        })
    });
    elements.collect()
}
