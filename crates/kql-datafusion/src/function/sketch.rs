//! Asks the sketches that `hll` and `tdigest` left behind, and merges those of one row. What a
//! sketch is, and how it is filled, is in `sketch.rs` and `aggregate/sketch.rs`.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::arguments::{Arguments, Texts};
use super::json;
use super::udf::{Evaluate, KqlScalar, code};
use super::value::Datum;
use crate::sketch::{Digest, HyperLogLog, in_common, real_of_sortable, sortable_of_real};
use crate::types::ticks_to_unix_ns;

/// Functions of sketches by name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "dcount_hll" => code(|a| {
            let sketches = a.raw(0)?;
            a.longs(|row| Some(hll(&sketches, row)?.count()))
        }),
        "hll_isvalid" => code(|a| {
            let sketches = a.raw(0)?;
            a.tests(|row| hll(&sketches, row).is_some())
        }),
        "hll_merge" => code(merge_hll),
        "tdigest_isvalid" => code(|a| {
            let sketches = a.raw(0)?;
            a.tests(|row| digest(&sketches, row).is_some())
        }),
        "tdigest_merge" => code(merge_digests),
        "percentile_tdigest" => code(|a| {
            let (sketches, ranks) = (a.raw(0)?, a.reals_in(1));
            a.optional_strings(|row, out| {
                let rank = ranks.get(row)?;
                write_percentile(&digest(&sketches, row)?, rank, out)
            })
        }),
        "percentiles_array_tdigest" if arguments.get(1) == Some(&ScalarType::Dynamic) => {
            code(|a| {
                let (sketches, ranks) = (a.raw(0)?, a.raw(1)?);
                a.optional_strings(|row, out| {
                    let ranks: Vec<Option<f64>> = json::elements(ranks.get(row)?)?
                        .map(|rank| Datum::Dynamic(rank).to_real())
                        .collect();
                    write_percentiles(&digest(&sketches, row)?, &ranks, out);
                    Some(())
                })
            })
        }
        "percentiles_array_tdigest" => code(|a| {
            let sketches = a.raw(0)?;
            let ranks: Vec<_> = (1..a.len()).map(|position| a.reals_in(position)).collect();
            a.optional_strings(|row, out| {
                let ranks: Vec<Option<f64>> = ranks.iter().map(|ranks| ranks.get(row)).collect();
                write_percentiles(&digest(&sketches, row)?, &ranks, out);
                Some(())
            })
        }),
        "rank_tdigest" => code(|a| rank(a, |below, _| below)),
        "percentrank_tdigest" => code(|a| rank(a, |below, all| below / all * 100.0)),
        _ => return None,
    })
}

/// A function of so many `hll` sketches: how many values all of them have seen.
pub(crate) fn sketches_in_common(sketches: usize) -> Arc<ScalarUDF> {
    let evaluate = code(|a| {
        let sketches = (0..a.len())
            .map(|position| a.raw(position))
            .collect::<Result<Vec<_>>>()?;
        a.longs(|row| {
            let known = sketches.iter().map(|texts| hll(texts, row));
            let known: Vec<HyperLogLog> = known.collect::<Option<_>>()?;
            in_common(&known, &|| a.is_over())
        })
    });
    let types = vec![ScalarType::Dynamic; sketches];
    KqlScalar::udf("kql_sketches_in_common", &types, ScalarType::Long, evaluate)
}

fn hll(sketches: &Texts, row: usize) -> Option<HyperLogLog> {
    HyperLogLog::read(sketches.get(row)?)
}

fn digest(sketches: &Texts, row: usize) -> Option<Digest> {
    Digest::read(sketches.get(row)?)
}

/// The sketches of all arguments; what is no sketch is left out.
fn merge_hll(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let sketches = (0..arguments.len())
        .map(|position| arguments.raw(position))
        .collect::<Result<Vec<_>>>()?;
    arguments.optional_strings(|row, out| {
        let mut known = sketches.iter().filter_map(|texts| hll(texts, row));
        let mut merged = known.next()?;
        for sketch in known {
            merged.merge(&sketch);
        }
        merged.write(out);
        Some(())
    })
}

/// The digests of all arguments; null if their values have nothing in common.
fn merge_digests(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let sketches = (0..arguments.len())
        .map(|position| arguments.raw(position))
        .collect::<Result<Vec<_>>>()?;
    arguments.optional_strings(|row, out| {
        let mut known = sketches.iter().filter_map(|texts| digest(texts, row));
        let mut merged = known.next()?;
        for sketch in known {
            if !merged.merge(&sketch) {
                return None;
            }
        }
        merged.settled().write(out);
        Some(())
    })
}

/// Writes a percentile; `None` for a percentage beyond 0 to 100.
fn write_percentile(digest: &Digest, rank: f64, out: &mut String) -> Option<()> {
    if !(0.0..=100.0).contains(&rank) {
        return None;
    }
    let value = digest.percentile(rank)?;
    let datum = match digest.ty() {
        ScalarType::Real => Datum::Real(real_of_sortable(value)),
        ScalarType::DateTime => Datum::DateTime(value),
        ScalarType::TimeSpan => Datum::TimeSpan(value),
        _ => Datum::Long(value),
    };
    datum.write_json(out);
    Some(())
}

fn write_percentiles(digest: &Digest, ranks: &[Option<f64>], out: &mut String) {
    out.push('[');
    for (position, rank) in ranks.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        if rank
            .and_then(|rank| write_percentile(digest, rank, out))
            .is_none()
        {
            out.push_str("null");
        }
    }
    out.push(']');
}

/// What `tell` makes of how many values do not exceed the second argument, and of how many.
fn rank(arguments: &Arguments<'_>, tell: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (sketches, values) = (arguments.raw(0)?, arguments.input(1));
    arguments.reals(|row| {
        let digest = digest(&sketches, row)?;
        let value = values.get(row);
        let value = match digest.ty() {
            ScalarType::Real => sortable_of_real(value.to_real().filter(|real| !real.is_nan())?),
            ScalarType::DateTime => ticks_to_unix_ns(value.to_datetime()?),
            ScalarType::TimeSpan => value.to_timespan()?.saturating_mul(100),
            _ => match value {
                // A long that does not exceed a real does not exceed its floor either.
                Datum::Real(real) if real.is_nan() => return None,
                Datum::Real(real) => real.floor() as i64,
                value => value.to_long()?,
            },
        };
        let (below, all) = digest.rank(value);
        Some(tell(below, all))
    })
}
