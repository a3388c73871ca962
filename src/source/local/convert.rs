//! Columns of Parquet files in KQL's types, where the scan has no shorter way.
//!
//! Strings are never null (`""` instead), instants count nanoseconds in UTC, nested values become
//! JSON text. What a plain cast does not say, such as text in a column declared as a number, goes
//! through the same builder as the text formats.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DurationNanosecondArray, FixedSizeBinaryArray, Int64Array,
    StringViewArray, StringViewBuilder, TimestampNanosecondArray,
};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kql::types::ScalarType;
use kql_datafusion::types::{UTC, arrow_type};

use super::column::{Cell, ColumnBuilder};
use super::json_text::append_quoted;
use super::prune::nanoseconds_in;

/// An array of a file in a KQL type.
pub(super) fn convert(
    array: &ArrayRef,
    tag: Option<ScalarType>,
    ty: ScalarType,
) -> Result<ArrayRef, String> {
    let from = array.data_type();
    if let DataType::Dictionary(_, value) = from {
        return convert(&plain_cast(array, value)?, tag, ty);
    }
    let is_tagged = tag == Some(ty);
    match (ty, from) {
        (ScalarType::String, _) => string(array),
        (_, from) if *from == arrow_type(ty) && (is_tagged || !is_text_type(ty)) => {
            Ok(Arc::clone(array))
        }
        (ScalarType::Dynamic | ScalarType::Guid, from) if is_tagged && is_text(from) => {
            plain_cast(array, &DataType::Utf8View)
        }
        (ScalarType::TimeSpan, DataType::Int64) if is_tagged => {
            let values = array.as_primitive::<Int64Type>();
            Ok(Arc::new(DurationNanosecondArray::new(
                values.values().clone(),
                values.nulls().cloned(),
            )))
        }
        (ScalarType::DateTime, DataType::Timestamp(unit, _)) => {
            let values = scaled(array, nanoseconds_in(*unit))?;
            let instants =
                TimestampNanosecondArray::new(values.values().clone(), values.nulls().cloned());
            Ok(Arc::new(instants.with_timezone(UTC)))
        }
        (ScalarType::TimeSpan, DataType::Duration(unit)) => {
            let values = scaled(array, nanoseconds_in(*unit))?;
            Ok(Arc::new(DurationNanosecondArray::new(
                values.values().clone(),
                values.nulls().cloned(),
            )))
        }
        (ScalarType::Guid, DataType::FixedSizeBinary(16)) => {
            Ok(guids(array.as_fixed_size_binary()))
        }
        (ScalarType::Dynamic, from) if !is_text(from) => json(array),
        (_, from) if is_text(from) => parsed(array, ty),
        (ScalarType::DateTime, DataType::Date32 | DataType::Date64) => {
            let instants = plain_cast(
                array,
                &DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, None),
            )?;
            convert(&instants, None, ty)
        }
        (_, from) if is_number(from) || *from == DataType::Boolean || from.is_temporal() => {
            plain_cast(array, &arrow_type(ty))
        }
        (_, from) => Err(format!("{from} cannot be read as {ty}")),
    }
}

fn is_text(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_text_type(ty: ScalarType) -> bool {
    matches!(
        ty,
        ScalarType::String | ScalarType::Guid | ScalarType::Dynamic
    )
}

fn is_number(ty: &DataType) -> bool {
    ty.is_numeric()
}

/// A cast that fails on what does not fit, instead of making it null.
fn plain_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let from = array.data_type();
    // Arrow's own message repeats values.
    cast_with_options(array, to, &options)
        .map_err(|_| format!("a value of type {from} does not fit {to}"))
}

fn string(array: &ArrayRef) -> Result<ArrayRef, String> {
    let is_castable = is_text(array.data_type())
        || matches!(
            array.data_type(),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        );
    let text = if is_castable {
        plain_cast(array, &DataType::Utf8View)?
    } else if array.data_type().is_nested() {
        json(array)?
    } else {
        formatted(array)?
    };
    let text = text.as_string_view();
    if text.null_count() == 0 {
        return Ok(Arc::new(text.clone()));
    }
    let filled = text.iter().map(Option::unwrap_or_default);
    Ok(Arc::new(StringViewArray::from_iter_values(filled)))
}

fn formatted(array: &ArrayRef) -> Result<ArrayRef, String> {
    let options = FormatOptions::new();
    let formatter =
        ArrayFormatter::try_new(array.as_ref(), &options).map_err(|error| error.to_string())?;
    let mut builder = StringViewBuilder::with_capacity(array.len());
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(formatter.value(row).to_string());
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// 64-bit values times a factor, saturated.
fn scaled(array: &ArrayRef, factor: i64) -> Result<Int64Array, String> {
    let values = cast(array, &DataType::Int64).map_err(|error| error.to_string())?;
    let values = values.as_primitive::<Int64Type>();
    Ok(values.unary(|value| value.saturating_mul(factor)))
}

fn guids(array: &FixedSizeBinaryArray) -> ArrayRef {
    let text = array.iter().map(|bytes| {
        let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())?;
        Some(uuid::Uuid::from_bytes(bytes).hyphenated().to_string())
    });
    Arc::new(text.collect::<StringViewArray>())
}

/// Text read as another type.
fn parsed(array: &ArrayRef, ty: ScalarType) -> Result<ArrayRef, String> {
    let text = plain_cast(array, &DataType::Utf8View)?;
    let mut column = ColumnBuilder::new(ty);
    for value in text.as_string_view() {
        column
            .append(value.map_or(Cell::Missing, Cell::Text))
            .map_err(|_| format!("a text is no {ty}"))?;
    }
    Ok(column.finish())
}

/// Each value as JSON text; null stays null.
fn json(array: &ArrayRef) -> Result<ArrayRef, String> {
    let mut builder = StringViewBuilder::with_capacity(array.len());
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
        } else {
            text.clear();
            append_json(array.as_ref(), row, &mut text)?;
            builder.append_value(&text);
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn append_json(array: &dyn Array, row: usize, out: &mut String) -> Result<(), String> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let values = array.as_struct();
            out.push('{');
            for (position, field) in fields.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                append_quoted(field.name(), out);
                out.push(':');
                append_json(values.column(position).as_ref(), row, out)?;
            }
            out.push('}');
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = formatted(entries.column(0))?;
            out.push('{');
            for (position, key) in keys.as_string_view().iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                append_quoted(key.unwrap_or_default(), out);
                out.push(':');
                append_json(entries.column(1).as_ref(), position, out)?;
            }
            out.push('}');
        }
        DataType::List(_) => append_list(array.as_list::<i32>().value(row).as_ref(), out)?,
        DataType::LargeList(_) => append_list(array.as_list::<i64>().value(row).as_ref(), out)?,
        DataType::FixedSizeList(..) => {
            append_list(array.as_fixed_size_list().value(row).as_ref(), out)?;
        }
        ty => {
            let options = FormatOptions::new();
            let formatter =
                ArrayFormatter::try_new(array, &options).map_err(|error| error.to_string())?;
            let value = formatter.value(row);
            let is_bare = ty.is_integer() || *ty == DataType::Boolean || is_decimal(ty);
            let text = value.to_string();
            // NaN and infinities are no JSON numbers.
            let is_finite = ty.is_floating() && !text.contains(['N', 'i', 'I']);
            if is_bare || is_finite {
                let _ = write!(out, "{text}");
            } else {
                append_quoted(&text, out);
            }
        }
    }
    Ok(())
}

fn is_decimal(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal128(..) | DataType::Decimal256(..))
}

fn append_list(items: &dyn Array, out: &mut String) -> Result<(), String> {
    out.push('[');
    for position in 0..items.len() {
        if position > 0 {
            out.push(',');
        }
        append_json(items, position, out)?;
    }
    out.push(']');
    Ok(())
}
