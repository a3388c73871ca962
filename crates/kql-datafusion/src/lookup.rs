//! The functions of hunting services that answer from a table of one's own, which
//! [`Tables::function_table`] gives: their names, and the columns that are read. Columns are found
//! by their names, in any order and case; one that is missing is null, one of another type is
//! converted.
//!
//! | function | columns |
//! |---|---|
//! | `FileProfile` | `SHA1`, `SHA256`, `MD5`, of which one is enough, and those it adds |
//! | `DeviceFromIP` | `IP`, `DeviceId`; `Timestamp`, from when on |
//! | `AssignedIPAddresses` | `DeviceId`, `DeviceName`, and those it yields |
//! | `SeenBy` | `SeenDeviceId`, which was seen by `DeviceId`, `DeviceName` |
//! | `_GetWatchlist` | any; the key is the alias; `SearchKey`, `_DTItemId`, `LastUpdatedTimeUTC` |
//! | `geo_info_from_ip_address` | `network` (CIDR or address), `country`, `state`, `city`, `latitude`, `longitude` |

use kql::catalog::watchlist_columns;
use kql::types::{Column, ScalarType, Schema, Value};

use crate::tables::Tables;

/// `FileProfile`
pub const FILE_PROFILE: &str = "FileProfile";
/// `DeviceFromIP`
pub const DEVICE_FROM_IP: &str = "DeviceFromIP";
/// `AssignedIPAddresses`
pub const ASSIGNED_ADDRESSES: &str = "AssignedIPAddresses";
/// `SeenBy`
pub const SEEN_BY: &str = "SeenBy";
/// `_GetWatchlist`, whose tables have the alias as their key.
pub const WATCHLIST: &str = "_GetWatchlist";
/// `_GetWatchlistAlias`, which lists the keys of [`WATCHLIST`].
pub const WATCHLIST_ALIASES: &str = "_GetWatchlistAlias";
/// `geo_info_from_ip_address`
pub const LOCATIONS: &str = "geo_info_from_ip_address";

/// The functions that have a table, for whoever reads which tables there are.
pub const FUNCTIONS: &[&str] = &[
    FILE_PROFILE,
    DEVICE_FROM_IP,
    ASSIGNED_ADDRESSES,
    SEEN_BY,
    WATCHLIST,
    LOCATIONS,
];

/// The columns of a watchlist: those of all, then its own.
pub(crate) fn columns(
    tables: &dyn Tables,
    function: &str,
    arguments: &[Option<&Value>],
) -> Option<Schema> {
    if function != WATCHLIST {
        return None;
    }
    let Some(Some(Value::String(alias))) = arguments.first() else {
        return None;
    };
    let own = tables.function_table(WATCHLIST, Some(alias))?.info.schema;
    let common = watchlist_columns();
    let mut columns = common.columns().to_vec();
    let further = own.columns().iter();
    columns.extend(further.filter(|column| !is_among(column, &common)).cloned());
    Some(Schema::new(columns))
}

fn is_among(column: &Column, schema: &Schema) -> bool {
    let mut columns = schema.columns().iter();
    columns.any(|other| other.name.eq_ignore_ascii_case(&column.name))
}

/// The position of a column by its name in any case.
pub(crate) fn position(schema: &Schema, name: &str) -> Option<usize> {
    let mut columns = schema.columns().iter();
    columns.position(|column| column.name.eq_ignore_ascii_case(name))
}

/// The columns of a table of locations, and what their values are converted to.
pub(crate) const LOCATION_COLUMNS: [(&str, ScalarType); 6] = [
    ("network", ScalarType::String),
    ("country", ScalarType::String),
    ("state", ScalarType::String),
    ("city", ScalarType::String),
    ("latitude", ScalarType::Real),
    ("longitude", ScalarType::Real),
];
