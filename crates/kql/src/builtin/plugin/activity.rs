//! Plugins that count users and their activity over time.

use super::vocabulary::{
    Any, Column, Constant, Expression, Long, New, NotDynamic, Of, Plugin, PluginParameter,
    Prefixed, Real, Summable, Table, optional, required,
};

const ID: PluginParameter = required("IdColumn", Column(NotDynamic));
const TIMELINE: PluginParameter = required("TimelineColumn", Column(Summable));
const START: PluginParameter = required("Start", Constant(Summable));
const END: PluginParameter = required("End", Constant(Summable));
const LOOKBACK: PluginParameter = required("LookbackWindow", Constant(Summable));
const STEP: PluginParameter = required("Step", Constant(Summable));
const DIMENSION: PluginParameter = optional("Dimension", Column(NotDynamic)).repeated();

pub(super) const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "active_users_count",
        aliases: &[],
        forms: &[&[
            ID,
            TIMELINE,
            START,
            END,
            LOOKBACK,
            required("Period", Constant(Summable)),
            required("ActivePeriodsCount", Constant(Summable)),
            required("Bin", Constant(Summable)),
            DIMENSION,
        ]],
        output: &[Of("TimelineColumn"), Of("Dimension"), New("dcount", Long)],
        doc: "How many users were active in at least so many periods of the past.",
    },
    Plugin {
        name: "activity_counts_metrics",
        aliases: &[],
        forms: &[&[ID, TIMELINE, START, END, STEP, DIMENSION]],
        output: &[
            Of("TimelineColumn"),
            Of("Dimension"),
            New("count", Long),
            New("dcount", Long),
            New("new_dcount", Long),
            New("aggregated_dcount", Long),
        ],
        doc: "Counts of events and of users for each step of time, new and aggregated.",
    },
    Plugin {
        name: "activity_engagement",
        aliases: &[],
        forms: &[
            &[
                ID,
                TIMELINE,
                required("InnerActivityWindow", Constant(Summable)),
                required("OuterActivityWindow", Constant(Summable)),
            ],
            &[
                ID,
                TIMELINE,
                START,
                END,
                required("InnerActivityWindow", Constant(Summable)),
                required("OuterActivityWindow", Constant(Summable)),
                DIMENSION,
            ],
        ],
        output: &[
            Of("TimelineColumn"),
            Of("Dimension"),
            New("dcount_activities_inner", Long),
            New("dcount_activities_outer", Long),
            New("activity_ratio", Real),
        ],
        doc: "The users of an inner window over those of an outer one.",
    },
    Plugin {
        name: "activity_metrics",
        aliases: &[],
        forms: &[
            &[
                required("IdColumn", Column(Any)),
                TIMELINE,
                optional("Start", Constant(Summable)),
                optional("End", Constant(Summable)),
            ],
            &[
                required("IdColumn", Column(Any)),
                TIMELINE,
                START,
                END,
                STEP,
                DIMENSION,
            ],
        ],
        output: &[
            Of("TimelineColumn"),
            Of("Dimension"),
            New("dcount_values", Long),
            New("dcount_newvalues", Long),
            New("retention_rate", Real),
            New("churn_rate", Real),
        ],
        doc: "Users, new users, retention and churn from one period to the next.",
    },
    Plugin {
        name: "new_activity_metrics",
        aliases: &[],
        forms: &[&[
            ID,
            TIMELINE,
            START,
            END,
            required("Window", Expression(Any)),
            optional("Cohort", Constant(Any)),
            DIMENSION,
            optional("Lookback", Table),
        ]],
        output: &[
            Prefixed("from_", "TimelineColumn"),
            Prefixed("to_", "TimelineColumn"),
            Of("Dimension"),
            New("dcount_new_values", Long),
            New("dcount_retained_values", Long),
            New("dcount_churn_values", Long),
            New("retention_rate", Real),
            New("churn_rate", Real),
        ],
        doc: "Retention and churn of the users that were new in each period.",
    },
    Plugin {
        name: "session_count",
        aliases: &[],
        forms: &[&[
            ID,
            TIMELINE,
            START,
            END,
            required("Bin", Constant(Summable)),
            required("LookBackWindow", Constant(Summable)),
            DIMENSION,
        ]],
        output: &[
            Of("TimelineColumn"),
            Of("Dimension"),
            New("count_sessions", Long),
        ],
        doc: "How many sessions there were in each bin of time.",
    },
    Plugin {
        name: "sliding_window_counts",
        aliases: &[],
        forms: &[&[ID, TIMELINE, START, END, LOOKBACK, STEP, DIMENSION]],
        output: &[
            Of("TimelineColumn"),
            Of("Dimension"),
            New("Count", Long),
            New("Dcount", Long),
        ],
        doc: "Counts of events and of users over a window that slides.",
    },
];
