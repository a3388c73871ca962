//! Holds a hunt's query against the tables of its source, and what reads its result against the
//! result's columns.

use kql::catalog::{INGESTION_COLUMN, MemoryCatalog, TableInfo};
use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::hir;
use kql::lint::{LintContext, RequiredColumn};
use kql::span::Span;
use kql::types::Schema;
use kql::window::Mode;

use super::Builder;
use crate::hunt::header::OneOrMany;
use crate::hunt::{Detect, EntityMapping, RESULTS, query};
use crate::id::SourceName;
use crate::problem::code;
use crate::run::result_file::result_columns;
use crate::template;
use crate::yaml::Excerpt;

impl Builder<'_> {
    /// Binds the query; the columns of its result, as its file names them, if it is right.
    pub(super) fn bind_query(
        &mut self,
        source: Option<&SourceName>,
        detect: &Detect,
    ) -> Option<Schema> {
        let catalog = (self.surroundings.catalogs)(source);
        let context = self.lint_context(detect);
        let (bound, problems) = query::bind(&self.hunt.file, &self.hunt.query, &*catalog, &context);
        self.problems.extend(problems);
        let bound = bound?;
        let services = self.surroundings.services;
        let is_service =
            source.is_some_and(|name| services.is_some_and(|names| names.contains(name.as_str())));
        if self.window_mode() == Mode::Ingestion && !is_service {
            self.check_arrival(&bound);
        }
        if bound.has_several_results() {
            let file = &self.hunt.file;
            let problem = several_results(self.hunt.query.file_span(bound.plan.span));
            self.problems.push(file.problem(problem));
            return None;
        }
        Some(result_columns(&bound.plan.schema))
    }

    /// Windows by time of ingestion need tables that tell it.
    fn check_arrival(&mut self, bound: &hir::Query) {
        let reads = kql::window::reads(self.hunt.query.text(), bound);
        let Some(read) = reads.iter().find(|read| read.lacks_arrival()) else {
            return;
        };
        let message = format!(
            "a window by time of ingestion needs a datetime column `{INGESTION_COLUMN}`, and \
             `{}` has none",
            read.table
        );
        let help = "let its files have one, or leave this out and give `delay` the time that \
                    events take to arrive";
        self.report(
            code::UNSUPPORTED,
            &["window", "time"],
            message,
            Some(help.into()),
        );
    }

    /// How the query is run, and what reads its rows. Columns of entities and of the key are
    /// checked where they are written.
    fn lint_context(&self, detect: &Detect) -> LintContext {
        let defaults = self.surroundings.defaults;
        let lookback = self
            .first(|header| header.window.as_ref()?.lookback.as_ref())
            .copied()
            .or(defaults.window.and_then(|window| window.lookback));
        let lookback = lookback.and_then(|lookback| query::ticks(lookback.delta()));
        let actions = self.first(|header| header.actions.as_ref());
        let told = actions.unwrap_or(&defaults.actions);
        let title = self.first(|header| header.title.as_ref());
        let title = title.filter(|_| matches!(detect, Detect::Threshold(_)));
        let columns = title.map_or_else(Vec::new, |title| template::row_columns(title));
        LintContext {
            window_injected: true,
            lookback: lookback.filter(|lookback| *lookback > 0),
            // Those who are told see the first rows.
            result_stored: told.is_empty(),
            required_columns: columns
                .into_iter()
                .map(|name| RequiredColumn {
                    name,
                    reader: "the title".to_owned(),
                })
                .collect(),
            ..LintContext::default()
        }
    }

    /// Binds what reads the result: the detection, and the columns that findings are made of.
    pub(super) fn bind_findings(
        &mut self,
        results: Schema,
        detect: &Detect,
        entities: &[EntityMapping],
        key: &[String],
    ) {
        let columns = match detect {
            Detect::Threshold(_) => Some(results),
            Detect::Query(query) => self.bind_detection(query, results),
        };
        let Some(columns) = columns else { return };
        for (index, column) in key.iter().enumerate() {
            let place = match self.first(|header| header.dedupe.as_ref()?.key.as_ref()) {
                Some(OneOrMany::Many(_)) => Some(index),
                _ => None,
            };
            self.check_column(&columns, column, &["dedupe", "key"], place);
        }
        for entity in entities {
            let written = self.first(|header| header.entities.as_ref());
            let place = match written.and_then(|entities| entities.get(&entity.kind)) {
                Some(OneOrMany::Many(all)) => all.iter().position(|one| *one == entity.column),
                _ => None,
            };
            let path = ["entities", entity.kind.as_str()];
            self.check_column(&columns, &entity.column, &path, place);
        }
    }

    fn bind_detection(&mut self, query: &str, results: Schema) -> Option<Schema> {
        let mut catalog = MemoryCatalog::new();
        catalog.insert(
            RESULTS,
            TableInfo {
                schema: results,
                time_column: None,
            },
        );
        let mut bound = kql::compile(query, &catalog);
        if let Some(several) = bound.query.take_if(|query| query.has_several_results()) {
            bound.diagnostics.push(several_results(several.plan.span));
        }
        let layer = self.layers.layer_of(&["detect", "query"]);
        let node = layer
            .document
            .entry("detect")
            .and_then(|detect| detect.node.entry("query"))
            .map(|entry| &entry.node);
        let mut found = Vec::new();
        for mut diagnostic in bound.diagnostics {
            if let Some(node) = node {
                let excerpt = Excerpt::of_scalar(&layer.file.text, node, query);
                diagnostic.span = excerpt.file_span(diagnostic.span);
            }
            found.push(layer.file.problem(diagnostic));
        }
        self.problems.extend(found);
        Some(bound.query?.plan.schema)
    }

    fn check_column(
        &mut self,
        columns: &Schema,
        column: &str,
        path: &[&str],
        index: Option<usize>,
    ) {
        if columns.column(column).is_some() {
            return;
        }
        let names: Vec<&str> = columns
            .columns()
            .iter()
            .map(|column| &*column.name)
            .collect();
        let help = match did_you_mean(column, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("let the query keep it; the result has {}", names.join(", ")),
        };
        let index = index.map(|index| index.to_string());
        let full: Vec<&str> = path.iter().copied().chain(index.as_deref()).collect();
        let message = format!("the result has no column `{column}`");
        self.report(code::UNKNOWN_COLUMN, &full, message, Some(help));
    }
}

/// A run keeps one file of rows, which one detection reads.
fn several_results(span: Span) -> Diagnostic {
    let message = "the query yields several tables, and a hunt has one result";
    Diagnostic::error(code::UNSUPPORTED, span, message)
        .with_help("make a hunt of each, or put the tables together with `union`")
}
