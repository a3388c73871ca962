//! What is known of the answers of parts at one step of a plan.

use super::{Alignment, MergeStep};
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::window::constant;

/// How a step's answer over a part relates to its answer over the whole window.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// It is the same: no window is read.
    Fixed,
    /// The parts make the whole.
    Parts(Parts),
    /// They do not.
    Neither(Cause),
}

/// Why it is so, and which place of the text makes it so.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) reason: String,
    pub(super) span: Span,
}

impl Cause {
    pub(super) fn new(span: Span, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { reason, span }
    }
}

/// Parts that make the whole: their rows together, after the steps.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) alignment: Option<Alignment>,
    /// Per column, how it tells in which part a row belongs. It is never null then.
    pub(super) times: Vec<Option<Grain>>,
    /// What is done with the rows of all parts. Columns are those of this step of the plan.
    pub(super) steps: Vec<MergeStep>,
    /// What made the latest of the steps, or the alignment, necessary.
    pub(super) cause: Option<Cause>,
}

/// How exactly a column tells the time that puts a row into a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// It is that time.
    Exact,
    /// It is the same for all times between two neighbours of these.
    Bin(Alignment),
}

impl Parts {
    /// Independent rows of the same parts.
    pub(super) fn rows(self, times: Vec<Option<Grain>>) -> Self {
        Self {
            times,
            steps: Vec::new(),
            ..self
        }
    }

    pub(super) fn has(&self, is: impl Fn(&MergeStep) -> bool) -> bool {
        self.steps.iter().any(is)
    }

    /// Whether the rows are independent, apart from their order.
    pub(super) fn is_rows(&self) -> bool {
        !self.has(|step| !matches!(step, MergeStep::Sort(_)))
    }

    pub(super) fn then(mut self, step: MergeStep, cause: Cause) -> Self {
        self.steps.push(step);
        self.cause = Some(cause);
        self
    }

    /// Cuts are allowed at the bins of a grain only.
    pub(super) fn aligned(mut self, grain: Grain, cause: Cause) -> Result<Self, Misaligned> {
        if let Grain::Bin(bins) = grain {
            self.alignment = both(self.alignment, Some(bins))?;
            self.cause = Some(cause);
        }
        Ok(self)
    }
}

/// Two sets of cuts that have none in common, or none that is worth the search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Misaligned;

/// The cuts that two alignments allow.
pub(super) fn both(
    a: Option<Alignment>,
    b: Option<Alignment>,
) -> Result<Option<Alignment>, Misaligned> {
    let (Some(a), Some(b)) = (a, b) else {
        return Ok(a.or(b));
    };
    let (wide, narrow) = if a.step >= b.step { (a, b) } else { (b, a) };
    let fits = wide.step % narrow.step == 0 && (wide.offset - narrow.offset) % narrow.step == 0;
    if fits {
        return Ok(Some(wide));
    }
    if (a.offset, b.offset) != (0, 0) {
        return Err(Misaligned);
    }
    let (mut x, mut y) = (a.step, b.step);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    let step = (a.step / x).checked_mul(b.step).ok_or(Misaligned)?;
    Ok(Some(Alignment { step, offset: 0 }))
}

/// How an expression tells the part of its row, when the columns do so as `times` says.
pub(super) fn grain(expr: &Expr, times: &[Option<Grain>]) -> Option<Grain> {
    match &expr.kind {
        ExprKind::Column(column) => times.get(*column).copied().flatten(),
        ExprKind::Call {
            function,
            arguments,
        } => {
            let inner = grain(arguments.first()?, times)?;
            let bins = bins(function.name, &arguments[1..])?;
            let fits = match inner {
                Grain::Exact => true,
                Grain::Bin(inner) => {
                    bins.step % inner.step == 0 && (bins.offset - inner.offset) % inner.step == 0
                }
            };
            fits.then_some(Grain::Bin(bins))
        }
        _ => None,
    }
}

/// The bins that a function sorts datetimes into.
fn bins(function: &str, arguments: &[Expr]) -> Option<Alignment> {
    use crate::types::TICKS_PER_DAY;
    let (step, offset) = match (function, arguments) {
        ("bin" | "floor", [step]) => (constant::timespan(step)?, 0),
        ("bin_at", [step, at]) => (constant::timespan(step)?, constant::datetime(at)?),
        ("startofday" | "endofday", []) => (TICKS_PER_DAY, 0),
        // 0001-01-01 was a Monday, and weeks begin on Sundays.
        ("startofweek" | "endofweek", []) => (7 * TICKS_PER_DAY, 6 * TICKS_PER_DAY),
        // Another day than its own is no bin of a row: it would be taken for the same as that of
        // rows of the other day.
        ("startofday" | "endofday" | "startofweek" | "endofweek", [moved])
            if constant::long(moved) == Some(0) =>
        {
            return bins(function, &[]);
        }
        _ => return None,
    };
    (step > 0).then(|| Alignment {
        step,
        offset: offset.rem_euclid(step),
    })
}
