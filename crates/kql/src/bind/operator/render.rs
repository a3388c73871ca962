//! `render`: how a result is to be drawn. It changes nothing; it is kept for whoever draws.

use crate::bind::property::property_text;
use crate::bind::scope::Binding;
use crate::bind::table::Table;
use crate::bind::{Binder, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Render};
use crate::syntax::ast::{self, ExprKind};
use crate::types::Value;

/// The kinds of `render`.
const CHARTS: &[&str] = &[
    "3Dchart",
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "sankey",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
];

/// What some properties may say.
fn words(property: &str) -> Option<&'static [&'static str]> {
    Some(match property {
        "kind" => &["default", "unstacked", "stacked", "stacked100", "map"],
        "legend" => &["visible", "hidden"],
        "xaxis" | "yaxis" => &["linear", "log"],
        "ysplit" => &["none", "axes", "panels"],
        "accumulate" => &["true", "false"],
        _ => return None,
    })
}

impl Binder<'_> {
    pub(super) fn remember_render(
        &mut self,
        table: &Table,
        kind: &ast::Name,
        properties: &[ast::Property],
    ) {
        if !CHARTS.contains(&&*kind.text) {
            let charts = CHARTS.iter().copied();
            self.unknown(code::PROPERTY, "chart", &kind.text, kind.span, charts);
        }
        let mut kept = Vec::with_capacity(properties.len());
        for property in properties {
            let name = &*property.name.text;
            if let Some(words) = words(name) {
                if let Ok(word) = self.property_word(property, words) {
                    kept.push((name.to_owned(), word.to_owned()));
                }
                continue;
            }
            if let Some(text) = self.drawn(property, table) {
                kept.push((name.to_owned(), text));
            }
        }
        self.render = Some(Render {
            kind: kind.text.to_string(),
            properties: kept,
        });
    }

    /// A property's value: a column, a constant, or the name of one.
    fn drawn(&mut self, property: &ast::Property, table: &Table) -> Option<String> {
        if let ExprKind::Name(name) = &property.value.kind {
            let is_column = matches!(
                &*property.name.text,
                "anomalycolumns" | "series" | "xcolumn" | "ycolumns"
            );
            if is_column {
                if table.schema().index_of(&name.text).is_none() && !table.may_have(&name.text) {
                    self.unknown_column(name, table.schema());
                }
                return Some(name.text.to_string());
            }
            return match self.scope.find(&name.text) {
                Some(Binding::Scalar {
                    expr:
                        hir::Expr {
                            kind: hir::ExprKind::Literal(Value::String(text)),
                            ..
                        },
                    ..
                }) => Some(text.to_string()),
                Some(_) => None,
                None => {
                    let message = format!("`{}` takes a text or a number", property.name.text);
                    self.error(code::PROPERTY, name.span, message);
                    None
                }
            };
        }
        let text = property_text(property);
        if text.is_none() {
            let message = format!("`{}` is not shown", property.name.text);
            self.report(
                Diagnostic::warning(code::IGNORED, property.value.span, message)
                    .with_help("use a word or a text"),
            );
        }
        text
    }
}
