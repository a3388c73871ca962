//! Conditions without columns, for who simplifies a query before it becomes a plan.

use std::cell::RefCell;
use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir;

use super::relation::Relation;
use super::{Lowering, Result};

impl Lowering<'_> {
    /// Tells whether a condition without columns is true; none for what cannot be told before the
    /// query runs. The conditions that one search makes for thousands of columns are few.
    pub(crate) fn truth(&self) -> impl Fn(&hir::Expr) -> Option<bool> {
        let known: RefCell<HashMap<Expr, Option<bool>>> = RefCell::default();
        move |condition| {
            let no_columns = LogicalPlanBuilder::empty(true).build().ok()?;
            let no_columns = Relation::unordered(no_columns, 0);
            let value = self.value(condition, &no_columns).ok()?;
            if let Some(known) = known.borrow().get(&value) {
                return *known;
            }
            let found = self.is_true(&value).ok();
            known.borrow_mut().insert(value, found);
            found
        }
    }

    fn is_true(&self, condition: &Expr) -> Result<bool> {
        let value = self.constant_value(condition.clone())?;
        Ok(matches!(value, ScalarValue::Boolean(Some(true))))
    }
}
