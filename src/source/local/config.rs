//! Settings of a source of kind `local`. Reading them touches nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use kql::types::ScalarType;
use kql_datafusion::lookup;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A folder of telemetry: `<Table>/**/*.{parquet,ndjson,jsonl,json,csv}[.gz|.zst]`, or
/// `<Table>.<ext>`. Files and folders whose name starts with `.`, `_` or `#` are left alone. New
/// files are seen by the next query.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// The folder, or a single file that is a table of its own.
    pub path: PathBuf,
    /// What a malformed line or an unreadable file does. Default: `fail`.
    #[serde(default)]
    pub on_error: OnError,
    /// Tables whose columns or time column are not those that huntd knows or finds.
    #[serde(default)]
    pub tables: BTreeMap<String, TableConfig>,
    /// What folders named `date=YYYY-MM-DD` mean. Default: `event`.
    #[serde(default)]
    pub date_partitions: DatePartitions,
    /// What a well-known table is that has no file. Default: `error`.
    #[serde(default)]
    pub missing_tables: MissingTables,
    /// Most memory one query may take, in MiB; sorts and joins spill to disk beyond it, other
    /// operators fail with a message that names this setting. Default: 1024.
    #[serde(default = "default_memory_mib_max")]
    pub memory_mib_max: u64,
    /// What `externaldata` of queries may read. Default: nothing.
    #[serde(default)]
    pub externaldata: ExternalDataConfig,
    /// Tables of the source that answer functions of hunting services, such as
    /// `{FileProfile: KnownFiles, geo_info_from_ip_address: Networks}`. Functions: `FileProfile`,
    /// `DeviceFromIP`, `AssignedIPAddresses`, `SeenBy`, `geo_info_from_ip_address`.
    #[serde(default)]
    pub functions: BTreeMap<HuntingFunction, String>,
    /// Tables of the source that `_GetWatchlist` yields, by alias.
    #[serde(default)]
    pub watchlists: BTreeMap<String, String>,
}

/// What `externaldata` of queries may read.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExternalDataConfig {
    /// Full paths of folders and `https` addresses; files and addresses below them may be read.
    /// Default: none, which switches `externaldata` off.
    pub allow: Vec<String>,
    /// Most MiB of one file, also once it is decompressed. Default: 64.
    pub mib_max: u64,
}

impl Default for ExternalDataConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            mib_max: 64,
        }
    }
}

/// A function of a hunting service that a table can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum HuntingFunction {
    /// What is known of a file: `SHA1`, `SHA256` or `MD5`, and `GlobalPrevalence`, `Signer` …
    FileProfile,
    /// Which device had an address: `IP`, `DeviceId`, and `Timestamp`, from when on.
    DeviceFromIP,
    /// Addresses of a device: `DeviceId`, `DeviceName`, `Timestamp`, `IPAddress` …
    AssignedIPAddresses,
    /// Which onboarded devices saw one: `SeenDeviceId`, `DeviceId`, `DeviceName`.
    SeenBy,
    /// Where addresses are: `network` (CIDR), `country`, `state`, `city`, `latitude`,
    /// `longitude`.
    #[serde(rename = "geo_info_from_ip_address")]
    GeoInfoFromIpAddress,
}

impl HuntingFunction {
    /// The function called `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            lookup::FILE_PROFILE => Some(Self::FileProfile),
            lookup::DEVICE_FROM_IP => Some(Self::DeviceFromIP),
            lookup::ASSIGNED_ADDRESSES => Some(Self::AssignedIPAddresses),
            lookup::SEEN_BY => Some(Self::SeenBy),
            lookup::LOCATIONS => Some(Self::GeoInfoFromIpAddress),
            _ => None,
        }
    }
}

impl LocalConfig {
    /// A folder with the default settings.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            on_error: OnError::default(),
            tables: BTreeMap::new(),
            date_partitions: DatePartitions::default(),
            missing_tables: MissingTables::default(),
            memory_mib_max: default_memory_mib_max(),
            externaldata: ExternalDataConfig::default(),
            functions: BTreeMap::new(),
            watchlists: BTreeMap::new(),
        }
    }
}

fn default_memory_mib_max() -> u64 {
    1024
}

/// What a malformed line or an unreadable file does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The query fails and says where.
    #[default]
    Fail,
    /// The line, or the rest of the file, is left out and counted; the run is `partial`.
    Skip,
}

/// What folders named `date=YYYY-MM-DD` mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatePartitions {
    /// The UTC day of the table's time column: folders outside a query's window are not read.
    #[default]
    Event,
    /// Something else, such as the day of export: they say nothing about the rows.
    Ignore,
}

/// What a well-known table is that has no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingTables {
    /// A query that names it fails, and says so.
    #[default]
    Error,
    /// A table without rows.
    Empty,
    /// A name that nobody knows, as that of any table which a tenant lacks. For the emulator.
    #[serde(skip)]
    Unknown,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Every column with its KQL type, in order, such as `{Timestamp: datetime, Port: int}`.
    /// Other fields of the files are not read. Default: the well-known columns of the table and
    /// whatever else its files hold.
    #[serde(default)]
    pub columns: Option<Columns>,
    /// The column that a window is applied to. Default: `Timestamp`, else `TimeGenerated`.
    #[serde(default)]
    pub time: Option<String>,
}

/// Columns by name with their KQL types, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns(pub Vec<(String, ScalarType)>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("columns with their KQL types")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((name, ty)) = map.next_entry::<String, String>()? {
                    let ty = ScalarType::from_name(&ty).ok_or_else(|| {
                        let names: Vec<_> = ScalarType::ALL.iter().map(|ty| ty.as_str()).collect();
                        A::Error::custom(format!(
                            "`{ty}` is not a KQL type; use one of {}",
                            names.join(", ")
                        ))
                    })?;
                    columns.push((name, ty));
                }
                Ok(Columns(columns))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        let types: Vec<&str> = ScalarType::ALL.iter().map(|ty| ty.as_str()).collect();
        json_schema!({
            "type": "object",
            "additionalProperties": {"type": "string", "enum": types},
        })
    }
}
