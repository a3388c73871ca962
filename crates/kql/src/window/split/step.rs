//! The rule of each operator. They are stated where they are applied; an operator that has none
//! here, such as one that this crate learns later, is taken to mix rows of different times.

use std::collections::HashMap;

use super::combine::{combine, needs_order};
use super::merge::{Cause, Grain, Misaligned, Parts, State, both, grain};
use super::{Combine, MergeKey, MergeStep, Mode, Splitting, Verdict};
use crate::catalog::INGESTION_COLUMN;
use crate::hir::{
    AggregateCall, Expr, ExprKind, JoinKind, MvApply, ParsePart, Plan, PlanKind, SortKey,
    UnionInput,
};
use crate::span::Span;
use crate::types::ScalarType;
use crate::window::{REFERENCE_FUNCTIONS, constant};

pub(super) struct Steps {
    mode: Mode,
    shared: HashMap<u32, State>,
}

impl Steps {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            shared: HashMap::new(),
        }
    }

    pub(super) fn verdict(mut self, plan: &Plan) -> Splitting {
        let (verdict, alignment, cause) = match self.state(plan) {
            State::Fixed => {
                let reason = "no table with a time is read, so each part gives the whole answer";
                (Verdict::Neither, None, Cause::new(plan.span, reason))
            }
            State::Neither(cause) => (Verdict::Neither, None, cause),
            State::Parts(parts) => {
                let cause = parts.cause.unwrap_or_else(|| {
                    Cause::new(plan.span, "each row is made of rows of one moment")
                });
                let verdict = if parts.steps.is_empty() {
                    Verdict::Independent
                } else {
                    Verdict::Mergeable(parts.steps)
                };
                (verdict, parts.alignment, cause)
            }
        };
        Splitting {
            verdict,
            alignment,
            reason: cause.reason,
            span: cause.span,
        }
    }

    fn state(&mut self, plan: &Plan) -> State {
        self.checked(plan).unwrap_or_else(State::Neither)
    }

    fn checked(&mut self, plan: &Plan) -> Result<State, Cause> {
        match &*plan.kind {
            // The window is put on a table with a time; its rows are cut with it. Other tables are
            // the same for all parts.
            PlanKind::Table {
                time_column: None,
                name,
                ..
            } if plan.schema.is_open() => {
                let reason = format!("nothing is known of the times of `{name}`");
                return Err(Cause::new(plan.span, reason));
            }
            PlanKind::Table {
                time_column: None, ..
            } => return Ok(State::Fixed),
            PlanKind::Table {
                time_column: Some(column),
                ..
            } => {
                let mut times = vec![None; plan.schema.len()];
                let tells = match self.mode {
                    Mode::Event => Some(*column),
                    Mode::Ingestion => plan.schema.index_of(INGESTION_COLUMN),
                };
                if let Some(column) = tells {
                    times[column] = Some(Grain::Exact);
                }
                return Ok(State::Parts(Parts {
                    alignment: None,
                    times,
                    steps: Vec::new(),
                    cause: None,
                }));
            }
            PlanKind::Shared { id, input } => {
                if let Some(known) = self.shared.get(id) {
                    return Ok(known.clone());
                }
                let state = self.state(input);
                self.shared.insert(*id, state.clone());
                return Ok(state);
            }
            // Nobody here knows what a function of the source reads, or how many rows it looks at.
            PlanKind::CatalogFunction { name, .. }
                if REFERENCE_FUNCTIONS.contains(&name.as_str()) =>
            {
                return Ok(State::Fixed);
            }
            PlanKind::CatalogFunction { name, .. } => {
                let reason = format!("nothing is known of the rows that `{name}` reads");
                return Err(Cause::new(plan.span, reason));
            }
            _ => {}
        }
        // `toscalar` and `in (table)` need the whole answer of their table for each row.
        let mut tables = Vec::new();
        plan.each_expression(|expr| tables.extend(expr.table().map(|table| (table, expr.span))));
        for (table, span) in tables {
            match self.state(table) {
                State::Fixed => {}
                _ => {
                    return Err(Cause::new(
                        span,
                        "a table in it depends on the whole window",
                    ));
                }
            }
        }
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            match self.state(input) {
                State::Neither(cause) => return Err(cause),
                state => inputs.push(state),
            }
        }
        // What is made of the same is the same.
        if inputs.iter().all(|input| matches!(input, State::Fixed)) {
            return Ok(State::Fixed);
        }
        no_neighbours(plan)?;
        operator(plan, inputs).map(State::Parts)
    }
}

/// An operator with an input that depends on the window.
fn operator(plan: &Plan, mut inputs: Vec<State>) -> Result<Parts, Cause> {
    let span = plan.span;
    if let PlanKind::Union { inputs: legs } = &*plan.kind {
        return union(plan, legs, inputs);
    }
    if let PlanKind::Join {
        left,
        right,
        kind,
        on,
        ..
    } = &*plan.kind
    {
        let right_state = inputs.pop().unwrap_or(State::Fixed);
        let left_state = inputs.pop().unwrap_or(State::Fixed);
        let widths = (left.schema.len(), right.schema.len());
        return join((left_state, right_state), widths, *kind, on, span);
    }
    if let PlanKind::MvApply(apply) = &*plan.kind {
        return mv_apply(apply, inputs, plan);
    }
    let mixes = || Err(mixing(plan));
    let [State::Parts(_)] = inputs.as_slice() else {
        return mixes();
    };
    let Some(State::Parts(parts)) = inputs.pop() else {
        return mixes();
    };
    match &*plan.kind {
        PlanKind::Filter { predicate, .. } => filter(parts, predicate),
        PlanKind::Project { columns, .. } => project(parts, columns, span),
        PlanKind::Aggregate {
            keys, aggregates, ..
        } => aggregate(parts, keys, aggregates, span),
        PlanKind::Distinct { .. } if !plan.schema.is_open() => distinct(parts, span),
        PlanKind::Sort { keys, .. } => sort(parts, keys, span),
        PlanKind::Take { count, .. } => take(parts, count, span),
        // The rows of an order are handed on in it; who looks at neighbours is told apart.
        PlanKind::Serialize { .. } => Ok(parts),
        PlanKind::MvExpand { columns, .. } => {
            let changed = columns.iter().map(|column| column.output).collect();
            expand(parts, changed, plan)
        }
        PlanKind::ParseKv(parse) => expand(parts, parse.columns.clone(), plan),
        PlanKind::Parse { pattern, .. } => {
            let changed = pattern.iter().filter_map(|part| match part {
                ParsePart::Column(column) => Some(*column),
                _ => None,
            });
            expand(parts, changed.collect(), plan)
        }
        _ => mixes(),
    }
}

fn mixing(plan: &Plan) -> Cause {
    let operator = plan.kind.operator();
    let reason = format!("`{operator}` may relate rows of different times");
    Cause::new(plan.span, reason)
}

/// Window functions look at rows before and behind, also beyond the ends of a part.
fn no_neighbours(plan: &Plan) -> Result<(), Cause> {
    let mut found = None;
    plan.each_expression(|expr| {
        if let ExprKind::Call { function, .. } = &expr.kind
            && function.is_window()
        {
            let reason = format!("`{}` looks at other rows than its own", function.name);
            found = Some(Cause::new(expr.span, reason));
        }
    });
    found.map_or(Ok(()), Err)
}

/// `where` looks at one row, so it may come before or after rows are put together, made distinct
/// or sorted; and groups may be chosen by their keys, which are the same in each part. It may not
/// go before `take`, nor choose groups by values that are not those of the whole group yet, nor
/// drop the one row that there is without keys: merging parts would make it anew.
fn filter(parts: Parts, predicate: &Expr) -> Result<Parts, Cause> {
    for step in &parts.steps {
        match step {
            MergeStep::Take(_) => {
                let reason = "rows are chosen after some were taken";
                return Err(Cause::new(predicate.span, reason));
            }
            MergeStep::Aggregate { keys, .. }
                if keys.is_empty() || !reads_only(predicate, keys) =>
            {
                let reason = "groups are chosen by a value that takes the whole window to know";
                return Err(Cause::new(predicate.span, reason));
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// `project`, `extend` and their like compute each row from one row. The steps that are due stay
/// possible as long as the columns they need are still there, unchanged.
fn project(parts: Parts, columns: &[Expr], span: Span) -> Result<Parts, Cause> {
    let times = columns.iter().map(|expr| grain(expr, &parts.times));
    let times = times.collect();
    let place = |old: usize| {
        columns
            .iter()
            .position(|expr| matches!(expr.kind, ExprKind::Column(at) if at == old))
    };
    let width = parts.times.len();
    let mut steps = Vec::with_capacity(parts.steps.len());
    for step in parts.steps {
        steps.push(match step {
            MergeStep::Distinct => {
                if (0..width).any(|old| place(old).is_none()) {
                    let reason = "a column that made rows distinct is dropped";
                    return Err(Cause::new(span, reason));
                }
                distinct_by_old(columns)
            }
            MergeStep::Sort(keys) => {
                let kept = keys.into_iter().map(|key| {
                    let column = place(key.column)?;
                    Some(MergeKey { column, ..key })
                });
                let kept: Option<Vec<MergeKey>> = kept.collect();
                MergeStep::Sort(kept.ok_or_else(|| {
                    Cause::new(span, "a column that rows are sorted by is dropped")
                })?)
            }
            MergeStep::Aggregate { keys, outputs } => regroup(&keys, &outputs, columns, span)?,
            MergeStep::Take(count) => MergeStep::Take(count),
        });
    }
    Ok(Parts {
        times,
        steps,
        ..parts
    })
}

/// Rows that are still to be made distinct, with columns that were computed of them. Equal rows
/// have equal ones, and those that cannot be compared are left out of it.
fn distinct_by_old(columns: &[Expr]) -> MergeStep {
    let is_old = |expr: &Expr| matches!(expr.kind, ExprKind::Column(_));
    if columns
        .iter()
        .all(|expr| is_old(expr) || expr.ty != ScalarType::Dynamic)
    {
        return MergeStep::Distinct;
    }
    let places = |old: bool| {
        let places = columns.iter().enumerate();
        let places = places.filter(move |(_, expr)| is_old(expr) == old);
        places.map(|(place, _)| place)
    };
    MergeStep::Aggregate {
        keys: places(true).collect(),
        outputs: places(false).map(|place| (place, Combine::First)).collect(),
    }
}

/// The grouping that is due, over the columns of a projection.
fn regroup(
    keys: &[usize],
    outputs: &[(usize, Combine)],
    columns: &[Expr],
    span: Span,
) -> Result<MergeStep, Cause> {
    let place = |old: usize| {
        columns
            .iter()
            .position(|expr| matches!(expr.kind, ExprKind::Column(at) if at == old))
    };
    let mut new_keys = Vec::with_capacity(keys.len());
    let mut new_outputs = Vec::with_capacity(columns.len());
    for (column, expr) in columns.iter().enumerate() {
        let old = match expr.kind {
            ExprKind::Column(old) => Some(old),
            _ => None,
        };
        let merged = outputs.iter().find(|(output, _)| Some(*output) == old);
        if old.is_some_and(|old| keys.contains(&old) && place(old) == Some(column)) {
            new_keys.push(column);
        } else if reads_only(expr, keys) {
            new_outputs.push((column, Combine::First));
        } else if let Some((_, combine)) = merged {
            let moved = match *combine {
                Combine::OfLeast(by) => place(by).map(Combine::OfLeast),
                Combine::OfGreatest(by) => place(by).map(Combine::OfGreatest),
                Combine::FirstWith(by) => place(by).map(Combine::FirstWith),
                other => Some(other),
            };
            let Some(moved) = moved else {
                let reason = "the column that chose the row of a group is dropped";
                return Err(Cause::new(span, reason));
            };
            new_outputs.push((column, moved));
        } else {
            let reason = "it is computed from a value that takes the whole window to know";
            return Err(Cause::new(expr.span, reason));
        }
    }
    if new_keys.len() < keys.len() {
        return Err(Cause::new(span, "a key of the groups is dropped"));
    }
    Ok(MergeStep::Aggregate {
        keys: new_keys,
        outputs: new_outputs,
    })
}

/// `summarize`. Where a key tells the time, or the bin of it, a group has rows of one part only,
/// if the window is cut at the bins. Else each part has a piece of the group, and the pieces merge
/// if the aggregates do. Groups of groups, and of rows that were made distinct or taken, would
/// have to be made after merging.
fn aggregate(
    parts: Parts,
    keys: &[Expr],
    aggregates: &[AggregateCall],
    span: Span,
) -> Result<Parts, Cause> {
    if !parts.is_rows() {
        let reason = "`summarize` needs the rows of the whole window merged first";
        return Err(Cause::new(span, reason));
    }
    let sorted = !parts.steps.is_empty();
    if sorted && let Some(call) = aggregates.iter().find(|call| needs_order(call)) {
        let reason = format!("`{}` keeps the order of all rows", call.function.name);
        return Err(Cause::new(call.span, reason));
    }
    let width: usize = aggregates.iter().map(|call| call.outputs.len()).sum();
    let mut times: Vec<Option<Grain>> = keys.iter().map(|key| grain(key, &parts.times)).collect();
    let telling = finest(times.iter().flatten());
    let key = times.iter().position(|time| *time == telling);
    times.resize(keys.len() + width, None);
    if let (Some(grain), Some(key)) = (telling, key) {
        let span = keys[key].span;
        let reason = "the groups of `summarize` do not span the bins of their time";
        let aligned = parts.rows(times).aligned(grain, Cause::new(span, reason));
        return aligned.map_err(|Misaligned| not_aligned(span));
    }
    let mut outputs = Vec::with_capacity(width);
    for call in aggregates {
        let column = keys.len() + outputs.len();
        let Some(combined) = combine(call, column, !keys.is_empty()) else {
            let name = call.function.name;
            let reason = format!("`{name}` of a whole does not follow from that of its parts");
            return Err(Cause::new(call.span, reason));
        };
        let columns = (column..).take(call.outputs.len());
        outputs.extend(columns.zip(combined));
    }
    let step = MergeStep::Aggregate {
        keys: (0..keys.len()).collect(),
        outputs,
    };
    let cause = Cause::new(span, "the groups of `summarize` span the window");
    Ok(parts.rows(times).then(step, cause))
}

/// What tells the time best: what needs no alignment, else the narrowest bin.
fn finest<'g>(grains: impl IntoIterator<Item = &'g Grain>) -> Option<Grain> {
    let grains = grains.into_iter().copied();
    grains.min_by_key(|grain| match grain {
        Grain::Exact => 0,
        Grain::Bin(bins) => bins.step,
    })
}

fn not_aligned(span: Span) -> Cause {
    Cause::new(span, "its bins and the others of the query do not line up")
}

/// `distinct`. Equal rows that hold a time are of one part. Else they may be in several, and are
/// made distinct once more.
fn distinct(parts: Parts, span: Span) -> Result<Parts, Cause> {
    if parts.has(|step| matches!(step, MergeStep::Distinct)) && parts.steps.len() == 1 {
        return Ok(parts);
    }
    if !parts.is_rows() {
        let reason = "`distinct` needs the rows of the whole window merged first";
        return Err(Cause::new(span, reason));
    }
    let times = parts.times.clone();
    if let Some(grain) = finest(times.iter().flatten()) {
        let cause = Cause::new(span, "equal rows do not span the bins of their time");
        let aligned = parts.rows(times).aligned(grain, cause);
        return aligned.map_err(|Misaligned| not_aligned(span));
    }
    let cause = Cause::new(span, "`distinct` drops rows that another part has too");
    Ok(parts.rows(times).then(MergeStep::Distinct, cause))
}

/// `sort` comes last, after parts are merged. What is sorted by must be a column then.
fn sort(mut parts: Parts, keys: &[SortKey], span: Span) -> Result<Parts, Cause> {
    let columns = keys.iter().map(|key| match key.expr.kind {
        ExprKind::Column(column) => Some(MergeKey {
            column,
            descending: key.descending,
            nulls_first: key.nulls_first,
        }),
        _ => None,
    });
    let Some(keys) = columns.collect::<Option<Vec<_>>>() else {
        let reason = "rows are sorted by a value that is no column of the result";
        return Err(Cause::new(span, reason));
    };
    // An order that nothing was taken from is forgotten.
    if let Some(MergeStep::Sort(_)) = parts.steps.last() {
        parts.steps.pop();
    }
    let cause = Cause::new(span, "the rows of all parts are sorted together");
    Ok(parts.then(MergeStep::Sort(keys), cause))
}

/// `take`, and so `top`. The first rows of the whole are among the first rows of the parts, and
/// any rows are any rows. Groups are not complete in a part, so the first of them are not known
/// there; and after a second order, a part no longer has what the first `take` of the whole needs.
fn take(parts: Parts, count: &Expr, span: Span) -> Result<Parts, Cause> {
    if parts.has(|step| matches!(step, MergeStep::Aggregate { .. })) {
        let reason = "the first groups are known only when the whole window is merged";
        return Err(Cause::new(span, reason));
    }
    if parts.has(|step| matches!(step, MergeStep::Take(_))) {
        return Err(Cause::new(span, "rows are taken of rows that were taken"));
    }
    let count = constant::long(count).and_then(|count| u64::try_from(count).ok());
    let Some(count) = count else {
        return Err(Cause::new(span, "the number of rows to take is computed"));
    };
    let cause = Cause::new(span, "only so many rows of all parts are taken");
    Ok(parts.then(MergeStep::Take(count), cause))
}

/// `mv-expand`, `parse` and `parse-kv` make any number of rows of each row, with some columns changed. Steps
/// other than sorting by the other columns would count other rows.
fn expand(parts: Parts, changed: Vec<usize>, plan: &Plan) -> Result<Parts, Cause> {
    let sorted_by_changed = parts.has(|step| match step {
        MergeStep::Sort(keys) => keys.iter().any(|key| changed.contains(&key.column)),
        _ => true,
    });
    if sorted_by_changed {
        let operator = plan.kind.operator();
        let reason = format!("`{operator}` needs the rows of the whole window merged first");
        return Err(Cause::new(plan.span, reason));
    }
    let mut times = parts.times.clone();
    times.resize(plan.schema.len(), None);
    for column in changed {
        if let Some(time) = times.get_mut(column) {
            *time = None;
        }
    }
    Ok(Parts { times, ..parts })
}

/// `mv-apply` makes rows of each row too, by a query that sees the items of one row and, as long
/// as it reads no table with a time, nothing else.
fn mv_apply(apply: &MvApply, inputs: Vec<State>, plan: &Plan) -> Result<Parts, Cause> {
    let mut inputs = inputs.into_iter();
    let (Some(State::Parts(parts)), Some(State::Fixed)) = (inputs.next(), inputs.next()) else {
        return Err(mixing(plan));
    };
    if !parts.is_rows() {
        let reason = "`mv-apply` needs the rows of the whole window merged first";
        return Err(Cause::new(plan.span, reason));
    }
    let mut times: Vec<Option<Grain>> = apply.kept.iter().map(|kept| parts.times[*kept]).collect();
    times.resize(plan.schema.len(), None);
    Ok(parts.rows(times))
}

/// `union` puts the rows of its legs together, in any order. A leg that no window is put on would
/// come once for each part.
fn union(plan: &Plan, legs: &[UnionInput], inputs: Vec<State>) -> Result<Parts, Cause> {
    let span = plan.span;
    let mut alignment = None;
    let mut cause = None;
    let mut times: Option<Vec<Option<Grain>>> = None;
    for (leg, input) in legs.iter().zip(inputs) {
        let parts = match input {
            State::Parts(parts) if legs.len() == 1 => {
                return project(parts, &leg.expressions(&plan.schema), span);
            }
            State::Parts(parts) if parts.is_rows() => parts,
            State::Parts(parts) => {
                let reason = "a leg of the `union` must be merged before the others are added";
                let place = parts.cause.map_or(leg.plan.span, |cause| cause.span);
                return Err(Cause::new(place, reason));
            }
            State::Fixed => {
                let reason = "this leg of the `union` has no time and comes in each part";
                return Err(Cause::new(leg.plan.span, reason));
            }
            State::Neither(cause) => return Err(cause),
        };
        let mut own = vec![None; plan.schema.len()];
        for column in &*leg.columns {
            own[column.output()] = parts.times.get(column.input()).copied().flatten();
        }
        for value in &leg.values {
            own[value.output] = grain(&value.value, &parts.times);
        }
        times = Some(match times {
            None => own,
            Some(times) => {
                let pairs = times.into_iter().zip(own);
                pairs.map(|(a, b)| a.filter(|_| a == b)).collect()
            }
        });
        alignment = both(alignment, parts.alignment).map_err(|Misaligned| not_aligned(span))?;
        cause = cause.or(parts.cause.filter(|_| parts.alignment.is_some()));
    }
    Ok(Parts {
        alignment,
        times: times.unwrap_or_default(),
        steps: Vec::new(),
        cause,
    })
}

/// `join` and `lookup`.
///
/// With a side that is the same for all parts, each row of the other side finds there what it
/// finds in the whole. That is the answer as long as rows come from matches and from the rows of
/// the cut side alone: a row of the fixed side that has no match in one part may have one in
/// another. The left side of `innerunique` has one row of each key, which for a cut side is one
/// for each part.
///
/// With two cut sides, a match must be within one part: a pair of keys must tell the time alike.
fn join(
    (left, right): (State, State),
    (left_width, right_width): (usize, usize),
    kind: JoinKind,
    on: &[(Expr, Expr)],
    span: Span,
) -> Result<Parts, Cause> {
    use JoinKind::{
        FullOuter, Inner, InnerUnique, LeftAnti, LeftOuter, LeftSemi, RightAnti, RightOuter,
        RightSemi,
    };
    let merged_first = |parts: &Parts| {
        let place = parts.cause.as_ref().map_or(span, |cause| cause.span);
        Cause::new(
            place,
            "a side of the `join` must be merged before it is joined",
        )
    };
    let side = |state: State| match state {
        State::Fixed => Ok(None),
        State::Neither(cause) => Err(cause),
        State::Parts(parts) if parts.is_rows() => Ok(Some(parts)),
        State::Parts(parts) => Err(merged_first(&parts)),
    };
    let (left, right) = (side(left)?, side(right)?);
    // Unmatched rows of the other side have nulls in the columns of a side.
    let null_left = matches!(kind, RightOuter | FullOuter);
    let null_right = matches!(kind, LeftOuter | FullOuter);
    let times_of = |parts: &Option<Parts>, width: usize, null: bool| match parts {
        Some(parts) if !null => parts.times.clone(),
        _ => vec![None; width],
    };
    let left_times = times_of(&left, left_width, null_left);
    let right_times = times_of(&right, right_width, null_right);
    let times = match kind {
        LeftSemi | LeftAnti => left_times,
        RightSemi | RightAnti => right_times,
        _ => [left_times, right_times].concat(),
    };
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (Some(left), None) => {
            return match kind {
                Inner | LeftOuter | LeftSemi | LeftAnti => Ok(left.rows(times)),
                InnerUnique => Err(Cause::new(
                    span,
                    "`join` of kind innerunique keeps one row of each key of the whole window",
                )),
                _ => Err(unmatched(span)),
            };
        }
        (None, Some(right)) => {
            return match kind {
                Inner | InnerUnique | RightOuter | RightSemi | RightAnti => Ok(right.rows(times)),
                _ => Err(unmatched(span)),
            };
        }
        (None, None) => return Err(unmatched(span)),
    };
    let pairs = on.iter().filter_map(|(a, b)| {
        let (a, b) = (grain(a, &left.times)?, grain(b, &right.times)?);
        (a == b).then_some(a)
    });
    let telling = finest(&pairs.collect::<Vec<_>>());
    let Some(grain) = telling else {
        let reason = "`join` relates rows of different times: no pair of its keys is a bin of both";
        return Err(Cause::new(span, reason));
    };
    let alignment =
        both(left.alignment, right.alignment).map_err(|Misaligned| not_aligned(span))?;
    let cause = Cause::new(
        span,
        "the matches of `join` do not span the bins of their time",
    );
    let parts = Parts { alignment, ..left };
    let aligned = parts.rows(times).aligned(grain, cause);
    aligned.map_err(|Misaligned| not_aligned(span))
}

fn unmatched(span: Span) -> Cause {
    let reason = "whether a row of a table without a time has a match takes the whole window";
    Cause::new(span, reason)
}

/// Whether an expression reads these columns alone.
fn reads_only(expr: &Expr, columns: &[usize]) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match expr.kind {
            ExprKind::Column(column) if !columns.contains(&column) => return false,
            ExprKind::Further(_) => return false,
            _ => {}
        }
        pending.extend(expr.operands());
    }
    true
}
