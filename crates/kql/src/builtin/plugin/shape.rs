//! Plugins that change the columns of a table, look rows up in another one, or run code on them.

use super::vocabulary::{
    Aggregate, Any, Array, Bag, Bool, Column, CommonColumn, Constant, Declared, Expression,
    Further, Input, InputWithoutArguments, Integer, Is, Literal, Long, Lookup, LookupColumn, New,
    NotDynamic, Number, NumberedCounts, Of, OthersUnless, OutputSchema, Plugin, PluginParameter,
    Real, RollingPercentile, String, Summable, Table, optional, required,
};

const RETURN_UNMATCHED: PluginParameter = optional("return_unmatched", Literal(Is(Bool)));
const RADIUS: &str = "radius";

pub(super) const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "bag_unpack",
        aliases: &[],
        forms: &[&[
            required("Column", Column(Any)),
            optional("OutputColumnPrefix", Literal(Is(String))),
            optional("columnsConflict", Literal(Is(String))),
            optional("ignoredProperties", Constant(Array)),
        ]],
        output: &[InputWithoutArguments, Further],
        doc: "A column for each property of the bags in a column.",
    },
    Plugin {
        name: "pivot",
        aliases: &[],
        forms: &[&[
            required("pivotColumn", Column(NotDynamic)),
            optional("aggregationFunction", Aggregate),
            optional("column", Column(Any)).repeated(),
        ]],
        output: &[Of("column"), OthersUnless("column"), Further],
        doc: "A column for each value of a column, with an aggregate of the rows that have it.",
    },
    Plugin {
        name: "narrow",
        aliases: &[],
        forms: &[&[]],
        output: &[
            New("Row", Long),
            New("Column", String),
            New("Value", String),
        ],
        doc: "A row for each value of each row.",
    },
    Plugin {
        name: "ipv4_lookup",
        aliases: &[],
        forms: &[&[
            required("LookupTable", Table),
            required("SourceIPv4Key", Column(Any)),
            required("IPv4LookupKey", LookupColumn(Any)),
            optional("ExtraKey", CommonColumn).repeated(),
            RETURN_UNMATCHED,
        ]],
        output: &[Input, Lookup],
        doc: "Adds the row of a table of IPv4 ranges that an address falls in.",
    },
    Plugin {
        name: "ipv6_lookup",
        aliases: &[],
        forms: &[&[
            required("LookupTable", Table),
            required("SourceIPv6Key", Column(Any)),
            required("IPv6LookupKey", LookupColumn(Any)),
            RETURN_UNMATCHED,
        ]],
        output: &[Lookup, Input],
        doc: "Adds the row of a table of IPv6 or IPv4 ranges that an address falls in.",
    },
    Plugin {
        name: "geo_polygon_lookup",
        aliases: &[],
        forms: &[&[
            required("LookupTable", Table),
            required("LookupPolygonKey", LookupColumn(Bag)),
            required("SourceLongitude", Column(Any)),
            required("SourceLatitude", Column(Any)),
            optional(RADIUS, Literal(Is(Real))),
            RETURN_UNMATCHED,
            optional("lookup_area_radius", Literal(Is(Real))),
            optional("return_lookup_key", Literal(Is(Bool))),
        ]],
        output: &[Input, Lookup],
        doc: "Adds the rows of a table of polygons that a place lies in or near.",
    },
    Plugin {
        name: "geo_line_lookup",
        aliases: &[],
        forms: &[&[
            required("LookupTable", Table),
            required("LookupLineKey", LookupColumn(Bag)),
            required("SourceLongitude", Column(Any)),
            required("SourceLatitude", Column(Any)),
            required(RADIUS, Literal(Is(Real))),
            RETURN_UNMATCHED,
            optional("lookup_area_radius", Literal(Is(Real))),
            optional("return_lookup_key", Literal(Is(Bool))),
        ]],
        output: &[Input, Lookup],
        doc: "Adds the rows of a table of lines that a place lies near to.",
    },
    Plugin {
        name: "rows_near",
        aliases: &[],
        forms: &[&[
            required("Condition", Expression(Is(Bool))),
            required("NumRows", Constant(Integer)),
            optional("NumRowsAfter", Constant(Integer)),
        ]],
        output: &[Input],
        doc: "The rows that a condition holds for, and those around them.",
    },
    Plugin {
        name: "dcount_intersect",
        aliases: &[],
        forms: &[&[
            required("hll", Expression(Any)),
            required("hll", Expression(Any)).repeated(),
        ]],
        output: &[Input, NumberedCounts],
        doc: "How many values several `hll` sketches have in common.",
    },
    Plugin {
        name: "rolling_percentile",
        aliases: &[],
        forms: &[&[
            required("ValueColumn", Column(Summable)),
            required("Percentile", Constant(Number)),
            required("IndexColumn", Column(Summable)),
            required("BinSize", Constant(Summable)),
            required("BinsPerWindow", Constant(Integer)),
            optional("Dimension", Column(NotDynamic)).repeated(),
        ]],
        output: &[Of("IndexColumn"), Of("Dimension"), RollingPercentile],
        doc: "A percentile over a window of bins that rolls on bin by bin.",
    },
    Plugin {
        name: "preview",
        aliases: &[],
        forms: &[&[required("NumberOfRows", Constant(Integer))]],
        output: &[Input],
        doc: "The first rows of a table, beside how many it has.",
    },
    Plugin {
        name: "identity",
        aliases: &[],
        forms: &[&[]],
        output: &[Input],
        doc: "The rows as they are.",
    },
    Plugin {
        name: "identity_v3",
        aliases: &[],
        forms: &[&[
            required("mode", Constant(Is(String))),
            required("exceptionText", Constant(Is(String))),
        ]],
        output: &[Input],
        doc: "The rows as they are, or a failure to try.",
    },
    Plugin {
        name: "estimate_rows_count",
        aliases: &[],
        forms: &[&[]],
        output: &[New("EstimatedRowsCount", Long)],
        doc: "About how many rows a table has.",
    },
    Plugin {
        name: "schema_merge",
        aliases: &[],
        forms: &[&[optional("PreserveOrder", Constant(Is(Bool)))]],
        output: &[Input],
        doc: "Merges schemas that `getschema` told into one.",
    },
    Plugin {
        name: "python",
        aliases: &[],
        forms: &[&[
            required("output_schema", OutputSchema),
            required("script", Expression(Is(String))),
            optional("script_parameters", Expression(Bag)),
            optional("external_artifacts", Expression(Bag)),
        ]],
        output: &[Declared],
        doc: "Runs a Python script on the table.",
    },
    Plugin {
        name: "r",
        aliases: &[],
        forms: &[&[
            required("output_schema", OutputSchema),
            required("script", Expression(Is(String))),
            optional("script_parameters", Expression(Bag)),
        ]],
        output: &[Declared],
        doc: "Runs an R script on the table.",
    },
    Plugin {
        name: "csharp",
        aliases: &[],
        forms: &[&[
            required("output_schema", OutputSchema),
            required("script", Expression(Is(String))),
            optional("script_parameters", Expression(Bag)),
        ]],
        output: &[Declared],
        doc: "Runs a C# script on the table.",
    },
];
