//! Plugins that ask something outside of the cluster: databases, web services, storage, models.

use super::vocabulary::{
    Any, Array, Bag, Bool, Constant, Dynamic, Expression, Further, Input, Is, New, Plugin,
    PluginParameter, String, Suffixed, optional, required,
};

const CONNECTION: PluginParameter = required("ConnectionString", Expression(Is(String)));
const OPTIONS: PluginParameter = optional("Options", Expression(Bag));
const ERRORS: PluginParameter = optional("IncludeErrorMessages", Expression(Is(Bool)));

const SQL: &[PluginParameter] = &[
    CONNECTION,
    required("SqlQuery", Expression(Is(String))),
    optional("SqlParameters", Expression(Bag)),
    OPTIONS,
];

pub(super) const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "sql_request",
        aliases: &[],
        forms: &[SQL],
        output: &[Further],
        doc: "The rows that a query of a SQL Server yields.",
    },
    Plugin {
        name: "mysql_request",
        aliases: &[],
        forms: &[SQL],
        output: &[Further],
        doc: "The rows that a query of a MySQL server yields.",
    },
    Plugin {
        name: "postgresql_request",
        aliases: &[],
        forms: &[SQL],
        output: &[Further],
        doc: "The rows that a query of a PostgreSQL server yields.",
    },
    Plugin {
        name: "cosmosdb_sql_request",
        aliases: &[],
        forms: &[SQL],
        output: &[Further],
        doc: "The rows that a query of a Cosmos DB yields.",
    },
    Plugin {
        name: "dax_request",
        aliases: &[],
        forms: &[SQL],
        output: &[Further],
        doc: "The rows that a DAX query yields.",
    },
    Plugin {
        name: "azure_digital_twins_query_request",
        aliases: &[],
        forms: &[&[
            required("AdtInstanceEndpoint", Expression(Is(String))),
            required("AdtQuery", Expression(Is(String))),
        ]],
        output: &[Further],
        doc: "The rows that a query of Azure Digital Twins yields.",
    },
    Plugin {
        name: "execute_query",
        aliases: &[],
        forms: &[&[CONNECTION, required("Query", Expression(Is(String)))]],
        output: &[Further],
        doc: "The rows that a query of another cluster yields.",
    },
    Plugin {
        name: "execute_show_command",
        aliases: &[],
        forms: &[&[CONNECTION, required("Command", Expression(Is(String)))]],
        output: &[Further],
        doc: "What a `.show` command of another cluster yields.",
    },
    Plugin {
        name: "external_datatable",
        aliases: &[],
        forms: &[&[]],
        output: &[Further],
        doc: "The rows of a table that a client holds.",
    },
    Plugin {
        name: "http_request",
        aliases: &[],
        forms: &[&[
            required("Uri", Constant(Is(String))),
            optional("RequestHeaders", Expression(Bag)),
            OPTIONS,
        ]],
        output: &[
            New("ResponseHeaders", Dynamic),
            New("ResponseBody", Dynamic),
        ],
        doc: "The answer to an HTTP GET request.",
    },
    Plugin {
        name: "http_request_post",
        aliases: &[],
        forms: &[&[
            required("Uri", Constant(Is(String))),
            optional("RequestHeaders", Expression(Bag)),
            OPTIONS,
            optional("Content", Constant(Is(String))),
        ]],
        output: &[
            New("ResponseHeaders", Dynamic),
            New("ResponseBody", Dynamic),
        ],
        doc: "The answer to an HTTP POST request.",
    },
    Plugin {
        name: "infer_storage_schema",
        aliases: &[],
        forms: &[&[required("Options", Expression(Bag))]],
        output: &[New("CslSchema", String)],
        doc: "The schema of files in a storage, as KQL writes it.",
    },
    Plugin {
        name: "infer_storage_schema_with_suggestions",
        aliases: &[],
        forms: &[&[required("Options", Expression(Bag))]],
        output: &[New("SuggestedTableSchema", String)],
        doc: "The schema of files in a storage, with better types where they fit.",
    },
    Plugin {
        name: "ai_embeddings",
        aliases: &[],
        forms: &[&[
            required("text", Expression(Any)),
            CONNECTION,
            OPTIONS,
            ERRORS,
        ]],
        output: &[Input, Suffixed("text", "_embeddings", Dynamic)],
        doc: "Embeds a text with a language model.",
    },
    Plugin {
        name: "ai_embed_text",
        aliases: &[],
        forms: &[&[
            required("text", Expression(Any)),
            CONNECTION,
            OPTIONS,
            ERRORS,
        ]],
        output: &[Input, Suffixed("text", "_embedding", Dynamic)],
        doc: "Embeds a text with a language model; `ai_embeddings` replaced it.",
    },
    Plugin {
        name: "ai_chat_completion",
        aliases: &[],
        forms: &[&[
            required("Chat", Expression(Array)),
            CONNECTION,
            OPTIONS,
            ERRORS,
        ]],
        output: &[Input, Suffixed("Chat", "_completion", String)],
        doc: "Lets a language model go on with a chat.",
    },
    Plugin {
        name: "ai_chat_completion_prompt",
        aliases: &[],
        forms: &[&[
            required("Prompt", Expression(Is(String))),
            CONNECTION,
            OPTIONS,
            ERRORS,
        ]],
        output: &[Input, Suffixed("Prompt", "_completion", String)],
        doc: "Lets a language model answer a prompt.",
    },
];
