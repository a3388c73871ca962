//! Tables that are known of a service.

use std::fmt;

use kql::catalog::SharedCatalog;

/// A catalog that is part of what is shown of a source; it shows nothing of itself.
pub(super) struct Known(pub(super) SharedCatalog);

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(…)")
    }
}
