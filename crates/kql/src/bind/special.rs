//! Functions whose arguments or results need more than a signature: `now`, `case`, `toscalar`,
//! `column_ifexists`, and those that look at the columns of the row.

use std::sync::Arc;

use super::call::convert_all;
use super::expression::Row;
use super::table::Table;
use super::{Attempt, Binder, Value, code, coerce};
use crate::builtin;
use crate::catalog::INGESTION_COLUMN;
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

/// Units of `datetime_add`, `datetime_diff` and `datetime_part`.
const DATE_PARTS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
];
/// Further parts of `datetime_part`.
const FURTHER_PARTS: &[&str] = &["week_of_year", "dayofyear", "dayOfYear"];

impl<'a> Binder<'a> {
    /// A call that is more than a built-in with a signature; `None` for all others.
    pub(super) fn special_call(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Option<Attempt<Value>> {
        let scalar = match &*function.text {
            "toscalar" => self.first_value(arguments, span),
            "materialize" => {
                return Some(self.materialize(arguments, span).map(Value::Table));
            }
            "table" | "external_table" | "materialized_view" | "stored_query_result" => {
                let table = self.table_function(function, arguments, span);
                return Some(table.map(Value::Table));
            }
            "now" => self.now(function, arguments, span, row),
            "ago" => self.ago(function, arguments, span, row),
            "case" => self.case(arguments, span, row),
            "extract" if arguments.len() == 4 => self.typed_extract(function, arguments, span, row),
            "extractjson" | "extract_json" | "percentile_tdigest" if arguments.len() == 3 => {
                self.typed_extract(function, arguments, span, row)
            }
            "bin_auto" if self.bin_auto.size.is_some() => {
                self.bin_auto(function, arguments, span, row)
            }
            "replace" => self.replace(function, arguments, span, row),
            "column_ifexists" | "columnifexists" => self.column_if_exists(arguments, span, row),
            "ingestion_time" => self.ingestion_time(function, arguments, span, row),
            "pack_array" | "estimate_data_size" if is_star(arguments) => {
                self.call_of_row(function, span, row)
            }
            "column_names_of" => self.column_names(arguments, span),
            "iscolumnexists" => self.is_column_exists(arguments, span, row),
            "bag_pack" | "pack" | "pack_dictionary" => {
                self.bag_pack(function, arguments, span, row)
            }
            "bag_pack_columns" => self.bag_pack_columns(arguments, span, row),
            "pack_all" => self.pack_all(arguments, span, row),
            "datetime_add" | "datetime_diff" | "datetime_part" | "datepart" => {
                self.date_part(function, arguments, span, row)
            }
            _ => return None,
        };
        Some(scalar.map(Value::Scalar))
    }

    /// `toscalar(table)`: computed once, however often the name it is bound to is used.
    fn first_value(&mut self, arguments: &'a [ast::Argument], span: Span) -> Attempt<Expr> {
        let argument = self.only_argument("toscalar", arguments, span)?;
        let table = match self.value(argument, Row::NONE) {
            Ok(Value::Scalar(scalar)) => return Ok(scalar),
            Ok(Value::Table(table)) => table,
            Err(reported) => return Err(reported),
        };
        if table.open || !table.broken.is_empty() {
            return Err(super::Reported);
        }
        let Some(column) = table.schema().columns().first().cloned() else {
            let message = "`toscalar` needs a table with a column";
            return Err(self.error(code::TABLE_OR_SCALAR, argument.span, message));
        };
        let shared = self.share(table, span);
        Ok(Expr {
            kind: ExprKind::ToScalar(Box::new(shared.plan)),
            ty: column.ty,
            span,
        })
    }

    fn materialize(&mut self, arguments: &'a [ast::Argument], span: Span) -> Attempt<Table> {
        let argument = self.only_argument("materialize", arguments, span)?;
        let table = self.table(argument)?;
        Ok(self.share(table, span))
    }

    /// `table("T")` and its like: a table by its name as a text.
    fn table_function(
        &mut self,
        function: &ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
    ) -> Attempt<Table> {
        let name = self.table_argument_name(function, arguments, span)?;
        // The read is where its name is written.
        let place = arguments.first().map_or(span, |argument| argument.span);
        self.catalog_table(&name, place)
    }

    /// The name that is the first argument of `table("T")` and its like. The second one, which
    /// part of the data to read or which mapping to use, changes no column.
    pub(super) fn table_argument_name(
        &mut self,
        function: &ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
    ) -> Attempt<Arc<str>> {
        let (Some(argument), ..=2) = (arguments.first(), arguments.len()) else {
            let message = format!(
                "`{}` takes the name of a table, {} arguments given",
                function.text,
                arguments.len()
            );
            return Err(self.error(code::ARGUMENT_COUNT, span, message));
        };
        for further in &arguments[1..] {
            self.scalar(further, Row::NONE)?;
        }
        let name = self.scalar(argument, Row::NONE)?;
        match name.kind {
            ExprKind::Literal(Constant::String(text)) => Ok(text),
            _ => Err(self.error(
                code::NOT_CONSTANT,
                argument.span,
                format!("`{}` takes the name as a constant text", function.text),
            )),
        }
    }

    pub(super) fn only_argument(
        &mut self,
        function: &str,
        arguments: &'a [ast::Argument],
        span: Span,
    ) -> Attempt<&'a ast::Expr> {
        if let [argument] = arguments {
            return Ok(argument);
        }
        let message = format!("`{function}` takes 1 argument, {} given", arguments.len());
        Err(self.error(code::ARGUMENT_COUNT, span, message))
    }

    fn now(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let now = now(span);
        let mut arguments = self.checked("now", function, arguments, span, row)?;
        match arguments.pop() {
            Some(offset) => self.typed(BinaryOp::Add, span, now, offset),
            None => Ok(now),
        }
    }

    fn ago(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let mut arguments = self.checked("ago", function, arguments, span, row)?;
        let back = arguments.pop().expect("the signature has one argument");
        let mut result = self.typed(BinaryOp::Subtract, span, now(span), back)?;
        result.span = span;
        Ok(result)
    }

    /// The arguments checked against the declaration of `name` and converted to it.
    fn checked(
        &mut self,
        name: &str,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Vec<Expr>> {
        let declared = builtin::scalar(name).expect("special functions are declared");
        let arguments = self.arguments(arguments, row)?;
        let (_, arguments) = self.fit(&function.text, declared.signatures, arguments, span)?;
        Ok(arguments)
    }

    fn case(&mut self, arguments: &'a [ast::Argument], span: Span, row: Row<'_>) -> Attempt<Expr> {
        if arguments.len() < 3 || arguments.len().is_multiple_of(2) {
            return Err(self.report(
                Diagnostic::error(
                    code::ARGUMENT_COUNT,
                    span,
                    format!(
                        "`case` takes pairs of a condition and a value, and a last value, \
                         {} arguments given",
                        arguments.len()
                    ),
                )
                .with_help("add the value for the case that no condition holds"),
            ));
        }
        let last = arguments.len() - 1;
        let mut bound = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            bound.push(if index % 2 == 0 && index != last {
                self.predicate(argument, row)
            } else {
                self.scalar(argument, row)
            });
        }
        let mut bound = bound.into_iter().collect::<Attempt<Vec<_>>>()?;
        let is_value = |index: usize| index % 2 == 1 || index == last;
        let values = bound
            .iter()
            .enumerate()
            .filter(|(index, _)| is_value(*index));
        let ty = coerce::common_or_dynamic(values.map(|(_, value)| value.ty));
        for (index, value) in bound.iter_mut().enumerate() {
            if is_value(index) {
                convert_all(std::slice::from_mut(value), ty);
            }
        }
        Ok(builtin("case", bound, ty, span))
    }

    /// `extract(…, typeof(T))`: the text converted to `T`.
    fn typed_extract(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let (last, first) = arguments.split_last().expect("the caller counted them");
        let ast::ExprKind::TypeOf(type_name) = &last.kind else {
            let message = format!("the last argument of `{}` is `typeof(type)`", function.text);
            return Err(self.error(code::ARGUMENT_TYPE, last.span, message));
        };
        let ty = self.type_named(type_name);
        let declared = builtin::scalar(&function.text).expect("special functions are declared");
        let bound = self.arguments(first, row)?;
        let text = self.builtin_call(declared, function, bound, span)?;
        Ok(coerce::convert(text, ty?))
    }

    /// The retired `replace(regex, rewrite, text)` is `replace_regex(text, regex, rewrite)`.
    fn replace(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let mut arguments = self.checked("replace", function, arguments, span, row)?;
        arguments.rotate_right(1);
        Ok(builtin(
            "replace_regex",
            arguments,
            ScalarType::String,
            span,
        ))
    }

    /// `bin_auto(value)` under `set query_bin_auto_size`: the other two functions of bins.
    fn bin_auto(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let mut arguments = self.checked("bin_auto", function, arguments, span, row)?;
        arguments.extend(self.bin_auto.size.clone());
        arguments.extend(self.bin_auto.at.clone());
        let name = if arguments.len() == 3 {
            "bin_at"
        } else {
            "bin"
        };
        let declared = builtin::scalar(name).expect("functions of bins are declared");
        self.builtin_call(declared, function, arguments, span)
    }

    fn column_if_exists(
        &mut self,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let [name, otherwise] = arguments else {
            let message = format!(
                "`column_ifexists` takes 2 arguments, {} given",
                arguments.len()
            );
            return Err(self.error(code::ARGUMENT_COUNT, span, message));
        };
        let text = self.column_text(name)?;
        let otherwise = self.scalar(otherwise, row);
        let Some(table) = row.table else {
            return otherwise;
        };
        match table.schema().index_of(&text) {
            Some(index) => Ok(table.column(index, span)),
            None if table.may_have(&text) => Err(super::Reported),
            None => match table.further(&text, span) {
                Some(column) => otherwise.and(Ok(column)),
                None => otherwise,
            },
        }
    }

    /// `ingestion_time()`: the column of that name where the table has one, else a call that tells
    /// what the source knows of the record behind the row.
    fn ingestion_time(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        self.checked("ingestion_time", function, arguments, span, row)?;
        if let Some(table) = row.table
            && row.aggregation.is_none()
            && let Some(index) = table.schema().index_of(INGESTION_COLUMN)
            && table.schema().columns()[index].ty == ScalarType::DateTime
        {
            return Ok(table.column(index, span));
        }
        let ty = ScalarType::DateTime;
        Ok(builtin("ingestion_time", Vec::new(), ty, span))
    }

    /// `f(*)`: a call with all columns of the row.
    fn call_of_row(&mut self, function: &'a ast::Name, span: Span, row: Row<'_>) -> Attempt<Expr> {
        let Some(table) = row.table else {
            let message = format!(
                "`{}(*)` takes the columns of a row, and there is none here",
                function.text
            );
            return Err(self.error(code::MISPLACED, span, message));
        };
        if table.open || !table.broken.is_empty() {
            return Err(super::Reported);
        }
        let columns = 0..table.schema().len();
        let arguments = columns.map(|index| table.column(index, span)).collect();
        let declared = builtin::scalar(&function.text).expect("special functions are declared");
        self.builtin_call(declared, function, arguments, span)
    }

    /// `column_names_of(table)`: a constant.
    fn column_names(&mut self, arguments: &'a [ast::Argument], span: Span) -> Attempt<Expr> {
        let argument = self.only_argument("column_names_of", arguments, span)?;
        let table = self.table(argument)?;
        let columns = table.schema().columns().iter();
        let names: Vec<String> = columns.map(|column| json_text(&column.name)).collect();
        let value = Constant::Dynamic(format!("[{}]", names.join(",")).into());
        let kind = ExprKind::Literal(value);
        let ty = ScalarType::Dynamic;
        Ok(Expr { kind, ty, span })
    }

    fn is_column_exists(
        &mut self,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let argument = self.only_argument("iscolumnexists", arguments, span)?;
        let text = self.column_text(argument)?;
        let exists = row
            .table
            .is_some_and(|table| table.schema().index_of(&text).is_some());
        Ok(Expr {
            kind: ExprKind::Literal(Constant::Bool(exists)),
            ty: ScalarType::Bool,
            span,
        })
    }

    fn column_text(&mut self, argument: &'a ast::Expr) -> Attempt<Arc<str>> {
        let name = self.scalar(argument, Row::NONE)?;
        match name.kind {
            ExprKind::Literal(Constant::String(text)) => Ok(text),
            _ => Err(self.error(
                code::NOT_CONSTANT,
                argument.span,
                "the name of the column must be a constant text",
            )),
        }
    }

    fn date_part(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let declared = builtin::scalar(&function.text).expect("special functions are declared");
        let bound = self.arguments(arguments, row)?;
        if let Some(part) = bound.first()
            && let ExprKind::Literal(Constant::String(text)) = &part.kind
        {
            let further: &[&str] = match declared.name {
                "datetime_part" => FURTHER_PARTS,
                _ => &[],
            };
            let known = DATE_PARTS.iter().chain(further);
            if !known.clone().any(|known| known.eq_ignore_ascii_case(text)) {
                let what = "part of a datetime";
                let (text, span) = (Arc::clone(text), part.span);
                let known = known.copied();
                return Err(self.unknown(code::ARGUMENT_TYPE, what, &text, span, known));
            }
        }
        let in_weeks = declared.name == "datetime_diff"
            && bound.first().is_some_and(|part| {
                matches!(&part.kind, ExprKind::Literal(Constant::String(text))
                    if text.eq_ignore_ascii_case("week"))
            });
        let call = self.builtin_call(declared, function, bound, span)?;
        // Kusto counts weeks, and only weeks, as reals.
        Ok(if in_weeks {
            coerce::convert(call, ScalarType::Real)
        } else {
            call
        })
    }

    /// The type that a type name stands for.
    pub(super) fn type_named(&mut self, name: &ast::TypeName) -> Attempt<ScalarType> {
        ScalarType::from_name(&name.text).ok_or_else(|| {
            let types = ScalarType::ALL.iter().map(|ty| ty.as_str());
            self.unknown(code::UNKNOWN_TYPE, "type", &name.text, name.span, types)
        })
    }
}

fn is_star(arguments: &[ast::Argument]) -> bool {
    matches!(arguments, [argument] if matches!(argument.kind, ast::ExprKind::Star))
}

/// A text as JSON.
fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                json.push_str("\\u00");
                let code = u32::from(control);
                json.extend(
                    [code / 16, code % 16]
                        .map(|digit| char::from_digit(digit, 16).expect("it is below 16")),
                );
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

fn now(span: Span) -> Expr {
    Expr {
        kind: ExprKind::Now,
        ty: ScalarType::DateTime,
        span,
    }
}

/// A call of a built-in that needs no check.
pub(super) fn builtin(name: &str, arguments: Vec<Expr>, ty: ScalarType, span: Span) -> Expr {
    let function = builtin::scalar(name).expect("special functions are declared");
    let kind = ExprKind::Call {
        function,
        arguments,
    };
    Expr { kind, ty, span }
}
