//! `parse` and `parse-where`: the pattern becomes one regular expression, a function extracts its
//! groups as text, and projections above convert them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result as DataFusionResult;
use datafusion::functions::core::get_field;
use datafusion::logical_expr::{
    Case, ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, lit,
};
use kql::hir::{self, ParseKind, ParsePart, Plan};
use kql::types::{ScalarType, Schema};
use regex::Regex;

use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};
use crate::error::EngineError;
use crate::function;

/// Name of the field that tells whether the text matched.
const MATCHED: &str = "matched";

/// The pattern as written.
pub(super) struct Pattern<'p> {
    pub(super) parts: &'p [ParsePart],
    pub(super) kind: ParseKind,
    pub(super) flags: &'p str,
}

impl Lowering<'_> {
    pub(super) fn parse(
        &self,
        input: &Plan,
        text: &hir::Expr,
        pattern: &Pattern<'_>,
        drop_unmatched: bool,
        output: &Plan,
    ) -> Result<Relation> {
        let input = self.with_windows(self.plan(input)?, [text])?;
        let source = pattern.regex(&output.schema);
        let regex = Regex::new(&source).map_err(|error| EngineError::Invalid {
            what: format!("the pattern of parse is not a regular expression: {error}"),
            span: output.span,
        })?;
        let targets: Vec<usize> = pattern
            .parts
            .iter()
            .filter_map(|part| match part {
                ParsePart::Column(position) => Some(*position),
                ParsePart::Skip | ParsePart::Text(_) => None,
            })
            .collect();
        let groups = pattern.groups(&output.schema);
        let extract = ScalarUDF::new_from_impl(Extract::new(regex, groups));
        let found = extract.call(vec![self.value(text, &input)?]);

        let hidden = input.hidden();
        let found_name = self.hidden_name();
        let mut columns = input.columns();
        columns.extend(hidden.clone());
        columns.push(found.alias(&found_name));
        let inputs = input.columns();
        let plan = LogicalPlanBuilder::from(input.plan).project(columns)?;

        let field = |name: String| get_field().call(vec![column(&found_name), lit(name)]);
        let matched_name = self.hidden_name();
        let mut converted = Vec::with_capacity(targets.len());
        let mut columns = inputs.clone();
        columns.extend(hidden.clone());
        columns.push(field(MATCHED.to_owned()).alias(&matched_name));
        for (position, target) in targets.iter().enumerate() {
            let ty = output.schema.columns()[*target].ty;
            let mut value = field(format!("c{position}"));
            if ty != ScalarType::String {
                value = function::convert(ScalarType::String, ty).call(vec![value]);
            }
            let name = self.hidden_name();
            columns.push(value.alias(&name));
            converted.push((*target, ty, name));
        }
        let plan = plan.project(columns)?;

        let mut matched = column(&matched_name);
        if pattern.kind == ParseKind::Simple {
            for (_, _, name) in converted
                .iter()
                .filter(|(_, ty, _)| *ty != ScalarType::String)
            {
                matched = matched.and(column(name).is_not_null());
            }
        }
        let mut columns = Vec::with_capacity(output.schema.len());
        for (position, out) in output.schema.columns().iter().enumerate() {
            let value = match converted.iter().find(|(target, _, _)| *target == position) {
                Some((_, ty, name)) => {
                    let branch = (Box::new(matched.clone()), Box::new(column(name)));
                    let otherwise = Box::new(lit(literal::missing(*ty)?));
                    Expr::Case(Case::new(None, vec![branch], Some(otherwise)))
                }
                None => inputs[position].clone(),
            };
            columns.push(value.alias(output_name(&out.name)));
        }
        let width = columns.len();
        columns.extend(hidden);
        let is_match = self.hidden_name();
        if drop_unmatched {
            columns.push(matched.alias(&is_match));
        }
        let parsed = Relation {
            order: input.order,
            groups: input.groups,
            ..Relation::unordered(plan.project(columns)?.build()?, width)
        };
        if drop_unmatched {
            return self.filtered(parsed, column(&is_match));
        }
        Ok(parsed)
    }
}

impl Pattern<'_> {
    /// The pattern as one regular expression with a group per column.
    fn regex(&self, schema: &Schema) -> String {
        let is_regex = self.kind == ParseKind::Regex;
        let mut regex = if is_regex {
            match self.flags {
                "" => String::new(),
                flags => format!("(?{flags})"),
            }
        } else {
            "(?s)".to_owned()
        };
        if !is_regex && !matches!(self.parts.first(), Some(ParsePart::Skip)) {
            regex.push('^');
        }
        for (position, part) in self.parts.iter().enumerate() {
            let next = self.parts.get(position + 1);
            match part {
                ParsePart::Skip => regex.push_str(".*?"),
                ParsePart::Text(text) if is_regex => regex.push_str(text),
                ParsePart::Text(text) => regex.push_str(&regex::escape(text)),
                ParsePart::Column(target) => {
                    let ty = schema.columns()[*target].ty;
                    let by_type = is_regex || matches!(next, Some(ParsePart::Skip));
                    let group = match number_pattern(ty) {
                        Some(number) if by_type => number,
                        _ if is_regex => ".*",
                        _ => ".*?",
                    };
                    write!(regex, "({group})").expect("writing to a string does not fail");
                    if next.is_none() {
                        regex.push('$');
                    }
                }
            }
        }
        regex
    }

    /// Which group of [`Pattern::regex`] each column is: texts of `kind=regex` have groups too.
    fn groups(&self, schema: &Schema) -> Vec<usize> {
        let mut groups = Vec::new();
        let mut next = 1;
        for part in self.parts {
            match part {
                ParsePart::Text(text) if self.kind == ParseKind::Regex => {
                    next += Regex::new(text).map_or(0, |regex| regex.captures_len() - 1);
                }
                ParsePart::Skip | ParsePart::Text(_) => {}
                ParsePart::Column(position) => {
                    debug_assert!(*position < schema.len(), "columns are in the output");
                    groups.push(next);
                    next += 1;
                }
            }
        }
        groups
    }
}

fn number_pattern(ty: ScalarType) -> Option<&'static str> {
    match ty {
        ScalarType::Int | ScalarType::Long => Some(r"[-+]?\d+"),
        ScalarType::Real | ScalarType::Decimal => Some(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"),
        _ => None,
    }
}

/// Text in, a struct of [`MATCHED`] and the groups `c0`, `c1`, … out.
#[derive(Debug)]
struct Extract {
    regex: Regex,
    groups: Vec<usize>,
    fields: Fields,
    signature: Signature,
}

impl Extract {
    fn new(regex: Regex, groups: Vec<usize>) -> Self {
        let captures = (0..groups.len())
            .map(|position| Field::new(format!("c{position}"), DataType::Utf8View, false));
        let matched = Field::new(MATCHED, DataType::Boolean, false);
        let fields = std::iter::once(matched).chain(captures).collect();
        // It always gives the same, but only what claims to be volatile is computed once: else
        // the optimizer repeats it in each filter above that reads one of the columns.
        let signature = Signature::exact(vec![DataType::Utf8View], Volatility::Volatile);
        Self {
            regex,
            groups,
            fields,
            signature,
        }
    }
}

impl PartialEq for Extract {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.groups == other.groups
    }
}

impl Eq for Extract {}

impl std::hash::Hash for Extract {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.regex.as_str().hash(state);
        self.groups.hash(state);
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &'static str {
        "kql_parse"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Struct(self.fields.clone()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let texts = arguments.args[0].to_array(arguments.number_rows)?;
        let texts = texts.as_string_view();
        let mut locations = self.regex.capture_locations();
        let mut matched = Vec::with_capacity(texts.len());
        let mut builders: Vec<StringViewBuilder> = self
            .groups
            .iter()
            .map(|_| StringViewBuilder::with_capacity(texts.len()))
            .collect();
        for row in 0..texts.len() {
            let text = if texts.is_valid(row) {
                texts.value(row)
            } else {
                ""
            };
            let found = self.regex.captures_read(&mut locations, text).is_some();
            matched.push(found);
            for (builder, group) in builders.iter_mut().zip(&self.groups) {
                let capture = if found { locations.get(*group) } else { None };
                builder.append_value(capture.map_or("", |(from, to)| &text[from..to]));
            }
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(BooleanArray::from(matched))];
        columns.extend(
            builders
                .into_iter()
                .map(|mut b| Arc::new(b.finish()) as ArrayRef),
        );
        let found = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
