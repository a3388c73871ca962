//! KQL's scalar types and values, and the schema of a table.
//!
//! Times are Kusto's own: ticks of 100 ns, datetimes counted from 0001-01-01T00:00:00Z
//! (scalar-data-types/datetime.md). What Arrow makes of them is the engine's business.

use std::sync::Arc;

/// 100-nanosecond ticks in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in a day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// Ticks from 0001-01-01 to 1970-01-01.
pub const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
/// The last tick of 9999-12-31, the greatest datetime.
pub const TICKS_MAX: i64 = 3_155_378_975_999_999_999;

/// A KQL scalar type (scalar-data-types/index.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum ScalarType {
    /// `bool`
    Bool,
    /// `int`, 32 bits
    Int,
    /// `long`, 64 bits
    Long,
    /// `real` (`double`), 64 bits
    Real,
    /// `decimal`, 128 bits
    Decimal,
    /// `string`, never null
    String,
    /// `datetime`, 100 ns ticks, UTC
    DateTime,
    /// `timespan`, 100 ns ticks
    TimeSpan,
    /// `guid`
    Guid,
    /// `dynamic`, a JSON value
    Dynamic,
}

impl ScalarType {
    /// Every type, in the order of the reference.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::DateTime,
        Self::Decimal,
        Self::Dynamic,
        Self::Guid,
        Self::Int,
        Self::Long,
        Self::Real,
        Self::String,
        Self::TimeSpan,
    ];

    /// KQL's name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::DateTime => "datetime",
            Self::TimeSpan => "timespan",
            Self::Guid => "guid",
            Self::Dynamic => "dynamic",
        }
    }

    /// The type of a KQL type name or one of its aliases (`double`, `boolean`, `date`, `time`, …).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int" | "int32" => Self::Int,
            "long" | "int64" => Self::Long,
            "real" | "double" => Self::Real,
            "decimal" => Self::Decimal,
            "string" => Self::String,
            "datetime" | "date" => Self::DateTime,
            "timespan" | "time" => Self::TimeSpan,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "dynamic" => Self::Dynamic,
            _ => return None,
        })
    }

    /// `int`, `long`, `real` or `decimal`.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Long | Self::Real | Self::Decimal)
    }

    /// `int` or `long`.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int | Self::Long)
    }

    /// The .NET type name that `getschema` and Kusto's wire format use.
    pub fn clr_name(self) -> &'static str {
        match self {
            Self::Bool => "System.SByte",
            Self::Int => "System.Int32",
            Self::Long => "System.Int64",
            Self::Real => "System.Double",
            Self::Decimal => "System.Data.SqlTypes.SqlDecimal",
            Self::String => "System.String",
            Self::DateTime => "System.DateTime",
            Self::TimeSpan => "System.TimeSpan",
            Self::Guid => "System.Guid",
            Self::Dynamic => "System.Object",
        }
    }
}

impl std::fmt::Display for ScalarType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A constant. `Null` has no type of its own: the expression that holds it has.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Null of any type but string, which has no null.
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i32),
    /// `long`
    Long(i64),
    /// `real`
    Real(f64),
    /// `decimal`, as normalised decimal text such as `-1.50`
    Decimal(Arc<str>),
    /// `string`
    String(Arc<str>),
    /// `datetime` in ticks since 0001-01-01
    DateTime(i64),
    /// `timespan` in ticks
    TimeSpan(i64),
    /// `guid`, lowercase, hyphenated
    Guid(Arc<str>),
    /// `dynamic` as compact JSON text; JSON `null` is [`Value::Null`]
    Dynamic(Arc<str>),
}

/// A named, typed column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Name, case-sensitive, unique in its schema.
    pub name: Arc<str>,
    /// Type.
    pub ty: ScalarType,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<Arc<str>>, ty: ScalarType) -> Self {
        Self {
            name: name.into(),
            ty,
        }
    }
}

/// The columns of a table, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    columns: Arc<Vec<Column>>,
    is_open: bool,
}

impl Schema {
    /// A schema of these columns.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: Arc::new(columns.into()),
            is_open: false,
        }
    }

    /// The same columns, with further ones that only running the query tells or without.
    #[must_use]
    pub fn opened(self, is_open: bool) -> Self {
        Self { is_open, ..self }
    }

    /// Whether there are further columns, which only running the query tells.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether this is the same list of columns in memory, as that of a table of a catalog is
    /// wherever a query reads the table.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.columns, &other.columns)
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Position of the column called `name` (case-sensitive, as KQL is).
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| &*column.name == name)
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }
}

impl FromIterator<Column> for Schema {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        Self::new(columns.into_iter().collect::<Vec<_>>())
    }
}
