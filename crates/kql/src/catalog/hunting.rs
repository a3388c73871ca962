//! Functions that Defender's hunting service and Sentinel bring along and that yield tables.
//! Their parameters and columns are facts of the vendor's reference pages.

use super::{FunctionInfo, FunctionInput, FunctionParameter};
use crate::types::ScalarType::{self, Bool, DateTime, Dynamic, Long, String};
use crate::types::{Column, Schema, Value};

/// Names of the functions.
pub(super) const NAMES: &[&str] = &[
    "AssignedIPAddresses",
    "DeviceFromIP",
    "FileProfile",
    "SeenBy",
    "_GetWatchlist",
    "_GetWatchlistAlias",
];

/// The function called `name`.
pub(super) fn function(name: &str) -> Option<FunctionInfo> {
    use FunctionInput::{Extends, None, Replaces};
    Some(match name {
        "FileProfile" => info(
            Extends,
            vec![
                optional("x", String, Value::String("SHA1".into())),
                optional("y", Long, Value::Long(100)),
            ],
            FILE_PROFILE,
        ),
        "DeviceFromIP" => info(
            Extends,
            vec![
                optional("x", String, Value::String("IP".into())),
                optional("y", DateTime, Value::Null),
            ],
            &[("IP", String), ("DeviceId", String)],
        ),
        "AssignedIPAddresses" => info(
            None,
            vec![required("x", String), optional("y", DateTime, Value::Null)],
            ASSIGNED_ADDRESSES,
        ),
        "SeenBy" => info(
            Replaces,
            vec![optional("x", String, Value::String("DeviceId".into()))],
            &[("DeviceId", String), ("DeviceName", String)],
        ),
        "_GetWatchlist" => {
            let mut watchlist = info(
                None,
                vec![
                    required("watchlistAlias", String),
                    optional("keys", Dynamic, Value::Null),
                ],
                WATCHLIST,
            );
            watchlist.columns = watchlist.columns.opened(true);
            watchlist
        }
        "_GetWatchlistAlias" => info(None, Vec::new(), &[("WatchlistAlias", String)]),
        _ => return Option::None,
    })
}

const FILE_PROFILE: &[(&str, ScalarType)] = &[
    ("SHA1", String),
    ("SHA256", String),
    ("MD5", String),
    ("FileSize", Long),
    ("GlobalPrevalence", Long),
    ("GlobalFirstSeen", DateTime),
    ("GlobalLastSeen", DateTime),
    ("Signer", String),
    ("Issuer", String),
    ("SignerHash", String),
    ("IsCertificateValid", Bool),
    ("IsRootSignerMicrosoft", Bool),
    ("SignatureState", String),
    ("IsExecutable", Bool),
    ("ThreatName", String),
    ("Publisher", String),
    ("SoftwareName", String),
    ("ProfileAvailability", String),
];

const ASSIGNED_ADDRESSES: &[(&str, ScalarType)] = &[
    ("Timestamp", DateTime),
    ("IPAddress", String),
    ("IPType", String),
    ("NetworkAdapterType", String),
    ("ConnectedNetworks", Dynamic),
];

/// The columns of every watchlist, before those of its own.
pub fn watchlist_columns() -> Schema {
    let columns = WATCHLIST.iter();
    columns.map(|(name, ty)| Column::new(*name, *ty)).collect()
}

/// The columns of every watchlist. It has others of its own, which only the workspace knows.
const WATCHLIST: &[(&str, ScalarType)] = &[
    ("_DTItemId", String),
    ("LastUpdatedTimeUTC", DateTime),
    ("SearchKey", String),
    ("WatchlistItem", Dynamic),
];

fn info(
    input: FunctionInput,
    parameters: Vec<FunctionParameter>,
    columns: &[(&str, ScalarType)],
) -> FunctionInfo {
    let columns = columns.iter();
    FunctionInfo {
        input,
        parameters,
        columns: columns
            .map(|(name, ty)| Column::new(*name, *ty))
            .collect::<Schema>(),
    }
}

fn required(name: &str, ty: ScalarType) -> FunctionParameter {
    FunctionParameter {
        name: name.to_owned(),
        ty,
        default: None,
    }
}

fn optional(name: &str, ty: ScalarType, default: Value) -> FunctionParameter {
    FunctionParameter {
        default: Some(default),
        ..required(name, ty)
    }
}
