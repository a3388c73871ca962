//! What surrounds the query: cluster, database, user, and the record behind a row.

use super::vocabulary::{
    Any, BOOL, Fixed, Scalar, TO_ARRAY, TO_BAG, TO_BOOL, TO_DATETIME, TO_DYNAMIC, TO_GUID, TO_LONG,
    TO_STRING, Text, TextOrArray, function, takes,
};

/// Functions that tell something of the record behind a row that is in none of its columns.
pub(super) const OF_RECORDS: &[&str] = &[
    "cursor_after",
    "cursor_before_or_at",
    "extent_id",
    "extent_tags",
    "ingestion_time",
    "row_id",
    "rowstore_ordinal_range",
];

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "current_cluster_endpoint",
        &[takes(&[], TO_STRING)],
        "Network name of the cluster that runs the query.",
    ),
    function(
        "current_database",
        &[takes(&[], TO_STRING)],
        "Name of the database in scope.",
    ),
    function(
        "current_principal",
        &[takes(&[], TO_STRING)],
        "Qualified name of who runs the query.",
    ),
    function(
        "current_principal_details",
        &[takes(&[], TO_BAG)],
        "What is known of who runs the query.",
    ),
    function(
        "current_principal_is_member_of",
        &[takes(&[TextOrArray], TO_BOOL).up_to(64)],
        "Whether who runs the query is in one of several groups.",
    ),
    function(
        "current_node_id",
        &[takes(&[], TO_STRING)],
        "Identifier of the node that runs the query.",
    ),
    function(
        "cursor_after",
        &[takes(&[Text], TO_BOOL)],
        "Whether the record came after a database cursor.",
    ),
    function(
        "cursor_before_or_at",
        &[takes(&[Text], TO_BOOL)],
        "Whether the record came before a database cursor, or with it.",
    ),
    function(
        "cursor_current",
        &[takes(&[], TO_STRING)],
        "The database cursor of now.",
    )
    .aliases(&["current_cursor"]),
    function(
        "extent_id",
        &[takes(&[], TO_GUID)],
        "Identifier of the data shard that holds the record.",
    )
    .aliases(&["extentid"]),
    function(
        "extent_tags",
        &[takes(&[], TO_ARRAY)],
        "Tags of the data shard that holds the record.",
    ),
    function(
        "ingestion_time",
        &[takes(&[], TO_DATETIME)],
        "When the record arrived, where the table knows.",
    )
    .named(Fixed("$IngestionTime")),
    function(
        "row_id",
        &[takes(&[], TO_STRING)],
        "Identifier of the record.",
    ),
    function(
        "rowstore_ordinal_range",
        &[takes(&[], TO_DYNAMIC)],
        "Range of ordinals of the row store that holds the record.",
    ),
    function(
        "estimate_data_size",
        &[takes(&[Any], TO_LONG).variadic()],
        "Estimated size of columns in bytes; `*` takes all.",
    ),
    function(
        "column_names_of",
        &[takes(&[Any], TO_ARRAY)],
        "Names of the columns of a table, in an array.",
    ),
    function(
        "new_guid",
        &[takes(&[], TO_GUID)],
        "A new random identifier.",
    ),
    function(
        "assert",
        &[takes(&[BOOL, Text], TO_BOOL)],
        "Fails the query with a message where a condition does not hold.",
    ),
];
