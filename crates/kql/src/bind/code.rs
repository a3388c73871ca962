//! The stable codes of the binder's diagnostics: 2xx for names and types, 3xx for what is not
//! supported.

/// The parser's, for what only types tell.
pub(super) const SINGLE_EQUAL: &str = "KQL112";
pub(super) const UNKNOWN_NAME: &str = "KQL201";
pub(super) const UNKNOWN_TABLE: &str = "KQL202";
pub(super) const UNKNOWN_FUNCTION: &str = "KQL203";
pub(super) const UNKNOWN_TYPE: &str = "KQL204";
pub(super) const ARGUMENT_COUNT: &str = "KQL205";
pub(super) const ARGUMENT_TYPE: &str = "KQL206";
pub(super) const OPERAND_TYPES: &str = "KQL207";
pub(super) const DUPLICATE_COLUMN: &str = "KQL208";
pub(super) const DUPLICATE_LET: &str = "KQL209";
pub(super) const TABLE_OR_SCALAR: &str = "KQL210";
pub(super) const NOT_CONSTANT: &str = "KQL211";
pub(super) const AGGREGATE_PLACE: &str = "KQL212";
pub(super) const DYNAMIC_PLACE: &str = "KQL213";
pub(super) const NOT_BOOL: &str = "KQL214";
pub(super) const PROPERTY: &str = "KQL215";
pub(super) const JOIN_CONDITION: &str = "KQL216";
pub(super) const MISPLACED: &str = "KQL217";
pub(super) const TOO_LARGE: &str = "KQL218";
pub(super) const NO_RESULT: &str = "KQL219";
pub(super) const VALUE_COUNT: &str = "KQL220";
pub(super) const IMPLICIT_CONVERSION: &str = "KQL221";
pub(super) const NOT_SERIALIZED: &str = "KQL222";
pub(super) const IGNORED: &str = "KQL223";
pub(super) const FUZZY: &str = "KQL224";
pub(super) const OPERATOR_UNSUPPORTED: &str = "KQL301";
pub(super) const FORM_UNSUPPORTED: &str = "KQL303";
