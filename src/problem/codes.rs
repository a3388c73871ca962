//! What the codes of problems with configuration, hunts and rules mean. Those of queries are in
//! `kql::diagnostic::codes`.

use kql::diagnostic::codes::Explanation;

/// What the codes mean, in their order.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "CFG101",
        title: "the text is not YAML, or the header is not closed",
        text: "Configuration and headers of hunts are YAML. Lines of a list or a mapping stand \
               below each other, texts with a colon or a brace stand in quotation marks. The \
               header of a .kql file stands between two lines `// ---`.",
        bad: "// ---\n// name: [Encoded\n// ---\nDeviceProcessEvents",
        good: "// ---\n// name: Encoded\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG102",
        title: "an option that does not exist",
        text: "Unknown keys are mistakes, so that a misspelt option is not silently left out. \
               `docs/reference/config.md` and `docs/reference/hunt-file.md` list all options.",
        bad: "// ---\n// severty: high\n// ---\nDeviceProcessEvents",
        good: "// ---\n// severity: high\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG103",
        title: "a value of the wrong kind",
        text: "A list stands where a text is needed, a text where a number is needed, and the \
               like. A text that looks like something else stands in quotation marks.",
        bad: "// ---\n// enabled: [yes]\n// ---\nDeviceProcessEvents",
        good: "// ---\n// enabled: true\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG104",
        title: "none of the allowed words",
        text: "The option takes one of a few words; the help lists them.",
        bad: "// ---\n// severity: urgent\n// ---\nDeviceProcessEvents",
        good: "// ---\n// severity: high\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG105",
        title: "something that must be given is missing",
        text: "An option without a default, or the query itself, is not there.",
        bad: "// ---\n// severity: high\n// ---\n",
        good: "// ---\n// severity: high\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG106",
        title: "a key that is given twice",
        text: "One of the two would be left out; keep the one that is meant.",
        bad: "// ---\n// severity: high\n// severity: low\n// ---\nDeviceProcessEvents",
        good: "// ---\n// severity: high\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG107",
        title: "a value that cannot be used",
        text: "The value has the right form but makes no sense: a cron expression, a duration, a \
               time zone, a template, the name of a file.",
        bad: "// ---\n// schedule: every day\n// ---\nDeviceProcessEvents",
        good: "// ---\n// schedule: 0 6 * * *\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG108",
        title: "a reference that leads nowhere",
        text: "`${env:NAME}` needs the variable NAME, `${file:/path}` a file that can be read.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG109",
        title: "a secret that is written out",
        text: "Secrets are given by reference only, so that they do not end up in a repository: \
               `${env:NAME}` or `${file:/run/secrets/name}`.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG110",
        title: "an unknown source, action or hunt",
        text: "The configuration defines no source or action of this name, or no file of its \
               `queries` makes a hunt of this name.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG111",
        title: "a file or folder that cannot be read",
        text: "It is not there, may not be read, or is no text in UTF-8. Paths are taken from the \
               working directory.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG112",
        title: "two hunts of one name",
        text: "The name of a hunt is that of its file without the extension, whatever the folder \
               and the letter case. Rename one of the files.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG113",
        title: "a column that the result does not have",
        text: "An entity, a key or a detail names a column that the query does not yield. Let the \
               query keep it, or name another.",
        bad: "// ---\n// entities: {device: DeviceId}\n// ---\n\
              DeviceProcessEvents\n| project FileName",
        good: "// ---\n// entities: {device: DeviceId}\n// ---\n\
               DeviceProcessEvents\n| project DeviceId, FileName",
    },
    Explanation {
        code: "CFG114",
        title: "something that is not possible here",
        text: "The setting is right in itself, but the source or the place does not allow it.",
        bad: "// ---\n// window: {time: ingestion}\n// ---\nDeviceProcessEvents",
        good: "// ---\n// window: {time: event}\n// ---\nDeviceProcessEvents",
    },
    Explanation {
        code: "CFG201",
        title: "a rule of Sentinel lacks a key",
        text: "Sentinel takes a scheduled rule only with all keys that it needs. The query is \
               checked nevertheless.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "CFG202",
        title: "a value that Sentinel does not accept",
        text: "The value is outside of what Microsoft documents: a rule runs every 5 minutes to 14 \
               days, its query has at most 10,000 characters, its operator is one of gt, lt, eq \
               and ne, and the like.",
        bad: "",
        good: "",
    },
    Explanation {
        code: "KQL900",
        title: "the embedded engine cannot run the query",
        text: "The query is right, but the engine does not carry out something in it yet. \
               `docs/reference/kql-support.md` lists what it does.",
        bad: "",
        good: "",
    },
];
