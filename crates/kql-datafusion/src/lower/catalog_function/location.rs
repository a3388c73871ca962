//! `geo_info_from_ip_address`: its table is read before the query runs, and what is made of it
//! serves later queries as well.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir;
use kql::span::Span;

use super::super::relation::Relation;
use super::super::{Lowering, Result};
use crate::error::EngineError;
use crate::function::{self, Locations};
use crate::lookup;

/// What was made of a table last.
static LATEST: Mutex<Option<Made>> = Mutex::new(None);

/// Locations, and the table they were made of.
type Made = (Weak<dyn TableProvider>, Arc<Locations>);

fn latest(provider: &Arc<dyn TableProvider>) -> Option<Arc<Locations>> {
    let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let (of, locations) = latest.as_ref()?;
    let is_same = of.upgrade().is_some_and(|of| Arc::ptr_eq(&of, provider));
    is_same.then(|| Arc::clone(locations))
}

impl Lowering<'_> {
    /// Reads the table of locations, unless that is done.
    pub(in super::super) async fn load_locations(&mut self, span: Span) -> Result<()> {
        if self.locations.is_some() {
            return Ok(());
        }
        let source = self.source(lookup::LOCATIONS, None, span)?;
        let provider = Arc::clone(&source.table.provider);
        if let Some(locations) = latest(&provider) {
            self.locations = Some(locations);
            return Ok(());
        }
        let columns = lookup::LOCATION_COLUMNS
            .iter()
            .map(|(name, ty)| Ok(source.column(name, *ty)?.alias(*name)))
            .collect::<Result<Vec<_>>>()?;
        let plan = LogicalPlanBuilder::from(source.relation.plan)
            .project(columns)?
            .build()?;
        let batches = self.collect(plan, lookup::LOCATIONS).await?;
        let locations = Arc::new(Locations::new(&batches));
        // The rows are not needed any more, and with them goes their memory.
        self.reservations.pop();
        *LATEST.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Arc::downgrade(&provider), Arc::clone(&locations)));
        self.locations = Some(locations);
        Ok(())
    }

    pub(in super::super) fn location(
        &self,
        address: &hir::Expr,
        span: Span,
        input: &Relation,
    ) -> Result<Expr> {
        let locations = self.locations.as_ref().ok_or_else(|| {
            EngineError::not_supported(format!("`{}` in this place", lookup::LOCATIONS), span)
        })?;
        let locate = function::locate(Arc::clone(locations));
        Ok(locate.call(vec![self.value(address, input)?]))
    }
}
