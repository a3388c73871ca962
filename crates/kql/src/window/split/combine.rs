//! How what an aggregate gives for parts of a group becomes what it gives for the group.

use super::Combine;
use crate::hir::AggregateCall;
use crate::types::ScalarType;
use crate::window::constant;

/// The most elements that `makelist` and `makeset` gather.
const RETIRED_LIMIT: u64 = 128;

/// How the columns that a call yields merge; the first of them is at `column`. `None` where the
/// values of parts do not tell the value of the whole: the average of averages is not the average,
/// and the number of distinct values is not the sum of those of parts.
///
/// `keyed` tells whether there are keys. Without them a part without rows has a row all the same,
/// whose text is empty instead of null, and whose row of an aggregate that takes or chooses one is
/// made up.
pub(super) fn combine(call: &AggregateCall, column: usize, keyed: bool) -> Option<Vec<Combine>> {
    let is_text = call.outputs.first() == Some(&ScalarType::String);
    let one = |combine| Some(vec![combine]);
    let and_of = |first, other: fn(usize) -> Combine| {
        let others = call.outputs.iter().skip(1);
        let others = others.map(|_| other(column));
        Some(std::iter::once(first).chain(others).collect())
    };
    match call.function.name {
        "count" | "countif" | "sum" | "sumif" => one(Combine::Add),
        // No text is null, so the empty text of no rows would be the least.
        "min" | "minif" | "arg_min" if is_text && !keyed => None,
        "arg_min" | "arg_max" if !keyed && call.outputs.len() > 1 => None,
        "minif" if is_text => None,
        "min" | "minif" => one(Combine::Least),
        "max" | "maxif" => one(Combine::Greatest),
        "arg_min" => and_of(Combine::Least, Combine::OfLeast),
        "arg_max" => and_of(Combine::Greatest, Combine::OfGreatest),
        "make_set" => one(Combine::Union(limit(call, 1)?)),
        "make_set_if" => one(Combine::Union(limit(call, 2)?)),
        "makeset" => one(Combine::Union(limit(call, 1)?.or(Some(RETIRED_LIMIT)))),
        "make_list" => one(Combine::Concatenate(limit(call, 1)?)),
        "make_list_if" => one(Combine::Concatenate(limit(call, 2)?)),
        "make_list_with_nulls" => one(Combine::Concatenate(None)),
        "makelist" => one(Combine::Concatenate(
            limit(call, 1)?.or(Some(RETIRED_LIMIT)),
        )),
        // A bag that is cut has any of its keys.
        "make_bag" if call.arguments.len() == 1 => one(Combine::MergeBags),
        "make_bag_if" if call.arguments.len() == 2 => one(Combine::MergeBags),
        "take_any" if keyed => and_of(Combine::First, Combine::FirstWith),
        "binary_all_and" if keyed => one(Combine::BitAnd),
        "binary_all_or" if keyed => one(Combine::BitOr),
        "binary_all_xor" if keyed => one(Combine::BitXor),
        "hll" | "hll_if" | "hll_merge" => one(Combine::MergeHll),
        _ => None,
    }
}

/// Whether the value depends on the order of the rows.
pub(super) fn needs_order(call: &AggregateCall) -> bool {
    matches!(
        call.function.name,
        "make_list" | "make_list_if" | "make_list_with_nulls" | "makelist"
    )
}

/// The most elements of an array, if limited. `None` where the limit is not told by the query.
#[expect(clippy::option_option, reason = "unlimited is not unknown")]
fn limit(call: &AggregateCall, argument: usize) -> Option<Option<u64>> {
    match call.arguments.get(argument) {
        None => Some(None),
        Some(limit) => constant::long(limit).and_then(|limit| u64::try_from(limit).ok().map(Some)),
    }
}
