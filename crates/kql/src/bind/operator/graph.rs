//! `make-graph` and the operators on graphs.

use std::rc::Rc;
use std::sync::Arc;

use crate::bind::expression::Row;
use crate::bind::graph::{Element, Graph, schema_of};
use crate::bind::scope::Binding;
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::PlanKind;
use crate::span::Span;
use crate::syntax::ast::{self, GraphOperator, GraphOutput, GraphPart};
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
                if let Some((column, _)) = partition {
                    self.graph_key(&table, column)?;
                }
                let made =
                    self.make_graph(table, [source, target], nodes, node_id.as_ref(), span)?;
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
                self.properties(properties, known);
                let elements = elements(&graph, patterns);
                let operator = if *shortest {
                    "graph-shortest-paths"
                } else {
                    "graph-match"
                };
                let mut matches = step(table, operator, schema_of(&elements), span);
                let elements: Rc<[Element]> = elements.into();
                matches.elements = Some(Rc::clone(&elements));
                if let Some(predicate) = predicate {
                    let predicate = self.predicate(predicate, Row::of(&matches))?;
                    matches =
                        matches.then_same(span, |input| PlanKind::Filter { input, predicate });
                    matches.elements = Some(elements);
                }
                if project.is_empty() {
                    return Ok(matches);
                }
                Ok(self.project(matches, project, span))
            }
            GraphOperator::MarkComponents { properties } => {
                let graph = self.graph_of(&table, keyword)?;
                let mut name: Arc<str> = "ComponentId".into();
                for property in self.properties(properties, &["kind", "with_component_id"]) {
                    if &*property.name.text == "kind" {
                        self.property_word(property, &["weak", "strong"])?;
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
                let mut result = step(table, "graph-mark-components", Schema::default(), span);
                result.graph = Some(Rc::new(marked));
                Ok(result)
            }
            GraphOperator::Where { part, predicate } => {
                let graph = self.graph_of(&table, keyword)?;
                let (operator, columns) = match part {
                    GraphPart::Nodes => ("graph-where-nodes", &graph.nodes),
                    GraphPart::Edges => ("graph-where-edges", &graph.edges),
                };
                let mut rows = Table::new(PlanKind::Rows, columns.clone(), span);
                rows.elements = Some(Rc::new([]));
                let predicate = self.predicate(predicate, Row::of(&rows))?;
                let mut result = table.then(Schema::default(), span, |input| PlanKind::Graph {
                    operator,
                    inputs: vec![input],
                    expressions: vec![predicate],
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

    fn make_graph(
        &mut self,
        edges: Table,
        ends: [&ast::Name; 2],
        nodes: &'a [(ast::Expr, ast::Name)],
        node_id: Option<&ast::Name>,
        span: Span,
    ) -> Attempt<Table> {
        let mut key = ScalarType::String;
        for end in ends {
            key = self.graph_key(&edges, end)?;
        }
        let mut columns: Vec<Column> = Vec::new();
        if let Some(name) = node_id {
            columns.push(Column::new(Arc::clone(&name.text), key));
        }
        let edge_columns = edges.schema().clone();
        let mut inputs = vec![edges.plan];
        for (table, name) in nodes {
            let table = self.table(table)?;
            self.graph_key(&table, name)?;
            for column in table.schema().columns() {
                if !columns.iter().any(|known| known.name == column.name) {
                    columns.push(column.clone());
                }
            }
            inputs.push(table.plan);
        }
        let kind = PlanKind::Graph {
            operator: "make-graph",
            inputs,
            expressions: Vec::new(),
        };
        let mut made = Table::new(kind, Schema::default(), span);
        made.graph = Some(Rc::new(Graph {
            nodes: Schema::new(columns),
            edges: edge_columns,
        }));
        Ok(made)
    }

    /// The type of a column that nodes are known by.
    fn graph_key(&mut self, table: &Table, name: &ast::Name) -> Attempt<ScalarType> {
        if table.further(&name.text, name.span).is_some() {
            return Ok(ScalarType::Dynamic);
        }
        match table.schema().column(&name.text).map(|column| column.ty) {
            Some(ScalarType::Dynamic) => Err(self.report(
                Diagnostic::error(
                    code::DYNAMIC_PLACE,
                    name.span,
                    "nodes cannot be known by a value of type dynamic",
                )
                .with_help("convert the column first: `extend Key = tostring(…)`"),
            )),
            Some(ty) => Ok(ty),
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
            for property in &output.properties {
                let name = self.property_name(property)?.text;
                columns.push(Column::new(name, ScalarType::Long));
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
            let made = step(table.clone(), "graph-to-table", Schema::new(columns), span);
            if let Some(name) = output.name.as_ref().filter(|_| outputs.len() > 1) {
                let binding = Binding::table(made.clone());
                self.tables_to_come.push((name.text.clone(), binding));
            }
            last = Some(made);
        }
        last.ok_or(Reported)
    }
}

/// A step that reads the graph that `table` is.
fn step(table: Table, operator: &'static str, schema: Schema, span: Span) -> Table {
    table.then(schema, span, |input| PlanKind::Graph {
        operator,
        inputs: vec![input],
        expressions: Vec::new(),
    })
}

/// The named nodes and edges of patterns; one name in several places is one element.
fn elements(graph: &Graph, patterns: &[Vec<ast::PatternStep>]) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    for step in patterns.iter().flatten() {
        let Some(name) = &step.name else { continue };
        if elements.iter().any(|element| element.name == name.text) {
            continue;
        }
        elements.push(Element {
            name: Arc::clone(&name.text),
            columns: match step.part {
                GraphPart::Nodes => graph.nodes.clone(),
                GraphPart::Edges => graph.edges.clone(),
            },
            is_path: step.length.is_some(),
            inner: graph.nodes.clone(),
        });
    }
    elements
}
