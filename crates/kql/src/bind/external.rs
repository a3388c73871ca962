//! `externaldata`: files that a query reads from elsewhere, and how it says they are to be read.

use super::call::is_constant;
use super::expression::Row;
use super::property::property_text;
use super::table::Table;
use super::{Attempt, Binder, Reported, code};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::hir::{Expr, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, Property};
use crate::types::ScalarType;

/// The formats of the files that Kusto ingests (ingestion-supported-formats.md).
const FORMATS: &[&str] = &[
    "apacheavro",
    "avro",
    "azmonstream",
    "csv",
    "json",
    "multijson",
    "orc",
    "parquet",
    "psv",
    "raw",
    "scsv",
    "singlejson",
    "sohsv",
    "tsv",
    "tsve",
    "txt",
    "w3clogfile",
];
/// Properties that tell how files are read (ingestion-properties.md).
const PROPERTIES: &[&str] = &[
    "format",
    "ignoreFirstRecord",
    "ingestionMapping",
    "ingestionMappingReference",
    "ingestionMappingType",
];

impl<'a> Binder<'a> {
    /// `externaldata(columns) [uris] with (properties)`
    pub(super) fn external_data(
        &mut self,
        columns: &[ast::ColumnDeclaration],
        uris: &'a [ast::Expr],
        properties: &[Property],
        span: Span,
    ) -> Attempt<Table> {
        let schema = self.declared_columns(columns);
        let uris: Vec<Attempt<Expr>> = uris.iter().map(|uri| self.uri(uri)).collect();
        let properties: Vec<Attempt<(String, String)>> = properties
            .iter()
            .map(|property| self.file_property(property))
            .collect();
        let kind = PlanKind::ExternalData {
            uris: uris.into_iter().collect::<Attempt<_>>()?,
            properties: properties.into_iter().collect::<Attempt<_>>()?,
        };
        Ok(Table::new(kind, schema?, span))
    }

    fn uri(&mut self, written: &'a ast::Expr) -> Attempt<Expr> {
        let uri = self.scalar(written, Row::NONE)?;
        if uri.ty != ScalarType::String || !is_constant(&uri) {
            let message = "the address of a file is a constant text";
            return Err(self.error(code::NOT_CONSTANT, written.span, message));
        }
        Ok(uri)
    }

    /// A property in the reference's spelling. Unknown ones have no effect, and are warned of.
    fn file_property(&mut self, property: &Property) -> Attempt<(String, String)> {
        let (name, span) = (&*property.name.text, property.value.span);
        let Some(text) = property_text(property) else {
            let message = format!("`{name}` takes a word or a text");
            return Err(self.error(code::PROPERTY, span, message));
        };
        let known = PROPERTIES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        let Some(known) = known else {
            self.unknown_file_property(&property.name);
            return Ok((name.to_owned(), text));
        };
        let value = match *known {
            "format" => self.file_format(&text, span)?,
            "ignoreFirstRecord" => {
                let lower = text.to_ascii_lowercase();
                if !matches!(&*lower, "true" | "false" | "1" | "0") {
                    let message = format!("`{text}` is no value of `{known}`");
                    let diagnostic = Diagnostic::error(code::PROPERTY, span, message);
                    return Err(self.report(diagnostic.with_help("use `true` or `false`")));
                }
                matches!(&*lower, "true" | "1").to_string()
            }
            _ => text,
        };
        Ok(((*known).to_owned(), value))
    }

    fn file_format(&mut self, text: &str, span: Span) -> Attempt<String> {
        let lower = text.to_ascii_lowercase();
        if FORMATS.contains(&&*lower) {
            return Ok(lower);
        }
        let message = format!("unknown format of files `{text}`");
        let diagnostic = Diagnostic::error(code::PROPERTY, span, message);
        let help = match did_you_mean(&lower, FORMATS.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the formats are {}", FORMATS.join(", ")),
        };
        Err(self.report(diagnostic.with_help(help)))
    }

    fn unknown_file_property(&mut self, name: &ast::Name) -> Reported {
        let message = format!("the property `{}` is unknown and has no effect", name.text);
        let diagnostic = Diagnostic::warning(code::IGNORED, name.span, message);
        let help = match did_you_mean(&name.text, PROPERTIES.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the known ones are {}", PROPERTIES.join(", ")),
        };
        self.report(diagnostic.with_help(help))
    }
}
