//! Plugins that find patterns in rows: clusters, frequent sets, differences, sequences.

use super::vocabulary::{
    Any, Array, Bool, Column, Constant, Dynamic, Expression, Input, Integer, Is, Long, New,
    NotDynamic, Of, Plugin, PluginParameter, Real, Steps, String, Summable, TimeSpan, Typed,
    optional, required,
};

const WEIGHT: PluginParameter = optional("WeightColumn", Column(Any));
const DIMENSIONS_MAX: PluginParameter = optional("MaxDimensions", Constant(Integer));
const WILDCARD: PluginParameter = optional("CustomWildcard", Constant(Any)).repeated();

const DIFFERENCES: &[PluginParameter] = &[
    required("SplitColumn", Column(Any)),
    required("SplitValueA", Expression(Is(String))),
    required("SplitValueB", Expression(Is(String))),
    WEIGHT,
    optional("Threshold", Constant(Is(Real))),
    DIMENSIONS_MAX,
    WILDCARD,
];

pub(super) const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "autocluster",
        aliases: &[],
        forms: &[&[
            optional("SizeWeight", Constant(Is(Real))),
            WEIGHT,
            optional("NumSeeds", Constant(Integer)),
            WILDCARD,
        ]],
        output: &[
            New("SegmentId", Long),
            New("Count", Long),
            New("Percent", Real),
            Input,
        ],
        doc: "Common patterns of discrete values that cover most of the rows.",
    },
    Plugin {
        name: "basket",
        aliases: &[],
        forms: &[&[
            optional("Threshold", Constant(Is(Real))),
            WEIGHT,
            DIMENSIONS_MAX,
            WILDCARD,
        ]],
        output: &[
            New("SegmentId", Long),
            New("Count", Long),
            New("Percent", Real),
            Input,
        ],
        doc: "All patterns of discrete values that are more frequent than a threshold.",
    },
    Plugin {
        name: "diffpatterns",
        aliases: &[],
        forms: &[DIFFERENCES],
        output: &[
            New("SegmentId", Long),
            New("CountA", Long),
            New("CountB", Long),
            New("PercentA", Real),
            New("PercentB", Real),
            New("PercentDiffAB", Real),
            Input,
        ],
        doc: "Patterns of discrete values that tell two sets of rows apart.",
    },
    Plugin {
        name: "diffpatterns_text",
        aliases: &[],
        forms: &[&[
            required("TextColumn", Column(Any)),
            required("BooleanCondition", Expression(Is(Bool))),
            optional("MinTokens", Constant(Integer)),
            optional("Threshold", Constant(Is(Real))),
            optional("MaxTokens", Constant(Integer)),
        ]],
        output: &[
            New("Count_of_True", Long),
            New("Count_of_False", Long),
            New("Percent_of_True", Real),
            New("Percent_of_False", Real),
            New("Pattern", String),
        ],
        doc: "Patterns of words that tell two sets of texts apart.",
    },
    Plugin {
        name: "sequence_detect",
        aliases: &[],
        forms: &[&[
            required("TimelineColumn", Column(Summable)),
            required("MaxSequenceStepWindow", Constant(Summable)),
            required("MaxSequenceSpan", Constant(Summable)),
            required("Expr", Expression(Is(Bool))).repeated(),
            optional("Dimension", Column(NotDynamic)).repeated(),
        ]],
        output: &[Of("Dimension"), Steps, New("Duration", TimeSpan)],
        doc: "Sequences of events that satisfy conditions one after the other.",
    },
    Plugin {
        name: "funnel_sequence",
        aliases: &[],
        forms: &[&[
            required("IdColumn", Column(NotDynamic)),
            required("TimelineColumn", Column(Summable)),
            required("Start", Constant(Summable)),
            required("End", Constant(Summable)),
            required("MaxSequenceStepWindow", Constant(Summable)),
            required("Step", Constant(Summable)),
            required("StateColumn", Column(NotDynamic)),
            required("Sequence", Constant(Array)),
        ]],
        output: &[
            Of("TimelineColumn"),
            Typed("prev", "StateColumn"),
            Typed("next", "StateColumn"),
            New("dcount", Long),
            New("samples", Dynamic),
        ],
        doc: "How many users took a sequence of states, and what came before and after.",
    },
    Plugin {
        name: "funnel_sequence_completion",
        aliases: &[],
        forms: &[&[
            required("IdColumn", Column(NotDynamic)),
            required("TimelineColumn", Column(Summable)),
            required("Start", Constant(Summable)),
            required("End", Constant(Summable)),
            required("BinSize", Constant(Summable)),
            required("StateColumn", Column(NotDynamic)),
            required("Sequence", Constant(Array)),
            required("MaxSequencePeriods", Constant(Array)),
        ]],
        output: &[
            Of("TimelineColumn"),
            Of("StateColumn"),
            New("Period", TimeSpan),
            New("dcount", Long),
        ],
        doc: "How many users completed a sequence of states within several periods.",
    },
];
