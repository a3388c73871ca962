//! A table and the operators behind it, as one list, whatever names and parentheses were used to
//! write it; and what its operators do to rows.

use crate::syntax::ast::{Expr, ExprKind, OperatorKind, TableOperator};

/// A table and what becomes of it.
pub(super) struct Pipeline<'a> {
    /// Where rows come from.
    pub(super) source: &'a Expr,
    /// What is done to them, in order.
    pub(super) operators: Vec<&'a TableOperator>,
}

impl Pipeline<'_> {
    /// Whether some operator leaves out rows.
    pub(super) fn is_reduced(&self) -> bool {
        self.operators.iter().any(|operator| reduces(operator))
    }

    /// The operator in the place of a table (`union`, `range`, …), if there is one.
    pub(super) fn source_operator(&self) -> Option<&TableOperator> {
        match &self.source.kind {
            ExprKind::Source(operator) => Some(operator),
            _ => None,
        }
    }
}

/// Whether an operator may leave out rows. One that is not known may.
pub(super) fn reduces(operator: &TableOperator) -> bool {
    !matches!(
        &operator.kind,
        OperatorKind::Project(_)
            | OperatorKind::ProjectAway(_)
            | OperatorKind::ProjectKeep(_)
            | OperatorKind::ProjectRename(_)
            | OperatorKind::ProjectReorder(_)
            | OperatorKind::Extend(_)
            | OperatorKind::Sort(_)
            | OperatorKind::MvExpand { .. }
            | OperatorKind::Parse {
                drop_unmatched: false,
                ..
            }
            | OperatorKind::Serialize(_)
            | OperatorKind::As { .. }
            | OperatorKind::Render { .. }
    )
}

/// Whether an operator hands on each row it gets in the order it gets them, possibly fewer, with
/// other columns.
pub(super) fn keeps_order(operator: &TableOperator) -> bool {
    matches!(
        &operator.kind,
        OperatorKind::Where { .. }
            | OperatorKind::Project(_)
            | OperatorKind::ProjectAway(_)
            | OperatorKind::ProjectKeep(_)
            | OperatorKind::ProjectRename(_)
            | OperatorKind::ProjectReorder(_)
            | OperatorKind::Extend(_)
            | OperatorKind::Parse { .. }
            | OperatorKind::Serialize(_)
            | OperatorKind::As { .. }
            | OperatorKind::MvExpand { .. }
            | OperatorKind::Take(_)
            | OperatorKind::Top { .. }
    )
}
