//! `render`: changes nothing; what it asks for is checked and kept for whoever draws.

use crate::bind::property::property_text;
use crate::bind::table::Table;
use crate::bind::{Binder, code};
use crate::diagnostic::Diagnostic;
use crate::hir::Render;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{ScalarType, Value};

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

/// What a property of `render` takes.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Columns,
    Flag,
    Number,
    Words(&'static [&'static str]),
}

const AXES: Takes = Takes::Words(&["linear", "log"]);

/// The properties of `render`.
const PROPERTIES: &[(&str, Takes)] = &[
    ("accumulate", Takes::Flag),
    ("anomalycolumns", Takes::Columns),
    (
        "kind",
        Takes::Words(&["default", "unstacked", "stacked", "stacked100", "map"]),
    ),
    ("legend", Takes::Words(&["visible", "hidden"])),
    ("series", Takes::Columns),
    ("title", Takes::Text),
    ("xaxis", AXES),
    ("xcolumn", Takes::Columns),
    ("xtitle", Takes::Text),
    ("yaxis", AXES),
    ("ycolumns", Takes::Columns),
    ("ymax", Takes::Number),
    ("ymin", Takes::Number),
    ("ysplit", Takes::Words(&["none", "axes", "panels"])),
    ("ytitle", Takes::Text),
];

impl Binder<'_> {
    pub(super) fn render(&mut self, table: &Table, kind: &ast::Name, properties: &[ast::Property]) {
        if !CHARTS.contains(&&*kind.text) {
            let charts = CHARTS.iter().copied();
            self.unknown(code::PROPERTY, "chart", &kind.text, kind.span, charts);
        }
        let mut kept = Vec::with_capacity(properties.len());
        for property in properties {
            let name = &property.name;
            let known = PROPERTIES
                .iter()
                .find_map(|(known, takes)| (**known == *name.text).then_some(*takes));
            // The parser has reported an unknown one.
            let Some(takes) = known else {
                continue;
            };
            self.check_render_property(table, property, takes);
            if let Some(text) = property_text(property) {
                kept.push((name.text.to_string(), text));
                continue;
            }
            let message = format!("`{}` is not shown", name.text);
            self.report(
                Diagnostic::warning(code::IGNORED, property.value.span, message)
                    .with_help("use a word or a text"),
            );
        }
        self.render = Some(Render {
            kind: kind.text.to_string(),
            properties: kept,
        });
    }

    fn check_render_property(&mut self, table: &Table, property: &ast::Property, takes: Takes) {
        let value = &property.value;
        let literal = match &value.kind {
            ExprKind::Literal(literal) => Some(literal),
            _ => None,
        };
        let unknown = match &value.kind {
            ExprKind::Name(name) => self.scope.find(&name.text).is_none(),
            _ => false,
        };
        let wanted = match takes {
            Takes::Text if unknown => "a text",
            Takes::Number if unknown => "a number",
            Takes::Text if literal.is_some_and(|literal| !is_text(literal.ty)) => "a text",
            Takes::Flag if literal.is_none_or(|literal| literal.ty != ScalarType::Bool) => {
                "true or false"
            }
            Takes::Number if literal.is_some_and(|literal| is_text(literal.ty)) => "a number",
            Takes::Words(words) => {
                let _ = self.property_word(property, words);
                return;
            }
            Takes::Columns => return self.check_columns(table, property),
            Takes::Text | Takes::Flag | Takes::Number => return,
        };
        let message = format!("`{}` takes {wanted}", property.name.text);
        self.error(code::PROPERTY, value.span, message);
    }

    /// The columns that a property names, one or a list of them.
    fn check_columns(&mut self, table: &Table, property: &ast::Property) {
        let text = match &property.value.kind {
            ExprKind::Name(name) => name.text.to_string(),
            // A list, as it is written.
            ExprKind::Literal(ast::Literal {
                value: Value::String(text),
                ..
            }) => text.to_string(),
            _ => return,
        };
        for column in text.split(',').map(str::trim) {
            let schema = table.schema();
            let is_plain = column
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_');
            if !is_plain
                || schema.is_open()
                || schema.index_of(column).is_some()
                || table.may_have(column)
            {
                continue;
            }
            let name = ast::Name {
                text: column.into(),
                span: property.value.span,
            };
            let schema = schema.clone();
            self.unknown_column(&name, &schema);
        }
    }
}

fn is_text(ty: ScalarType) -> bool {
    matches!(ty, ScalarType::String | ScalarType::Dynamic)
}
