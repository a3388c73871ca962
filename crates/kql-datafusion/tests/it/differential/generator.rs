//! Random KQL texts that bind, and whose answers depend on nothing but the rows: no `take`
//! without a full order, no aggregate that picks any row, no reals whose sum depends on the order.

use std::fmt::Write as _;

use kql::types::ScalarType::{self, Bool, DateTime, Dynamic, Int, Long, Real, String as Text};

/// A query.
pub(super) struct Generated {
    pub(super) text: String,
    /// Whether the order of its rows is part of the answer.
    pub(super) is_ordered: bool,
}

/// Makes queries from a sequence of numbers that its seed determines.
pub(super) struct Generator {
    state: u64,
}

#[derive(Clone)]
struct Column {
    name: String,
    ty: ScalarType,
}

fn columns(columns: &[(&str, ScalarType)]) -> Vec<Column> {
    let column = |(name, ty): &(&str, ScalarType)| Column {
        name: (*name).to_owned(),
        ty: *ty,
    };
    columns.iter().map(column).collect()
}

/// A table in the making.
struct Pipeline {
    text: String,
    columns: Vec<Column>,
    is_ordered: bool,
    names: usize,
}

impl Pipeline {
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("c{}", self.names)
    }

    fn then(&mut self, operator: &str) {
        let _ = write!(self.text, "\n| {operator}");
    }

    fn sortable(&self) -> Vec<String> {
        let sortable = self.columns.iter().filter(|column| column.ty != Dynamic);
        sortable.map(|column| column.name.clone()).collect()
    }
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'o, T>(&mut self, options: &'o [T]) -> &'o T {
        &options[self.below(options.len())]
    }

    /// The next query.
    pub(super) fn query(&mut self) -> Generated {
        let mut pipeline = self.source();
        let steps = 1 + self.below(6);
        for _ in 0..steps {
            self.step(&mut pipeline);
        }
        if self.one_in(6) {
            let text = format!("let Shared = materialize({});\nShared", pipeline.text);
            let key = pipeline.sortable().first().cloned();
            pipeline.text = match key {
                Some(key) => format!("{text} | where {key} in ((Shared | project {key}))"),
                None => format!("{text} | union (Shared)"),
            };
            pipeline.is_ordered = false;
        }
        Generated {
            text: pipeline.text,
            is_ordered: pipeline.is_ordered,
        }
    }

    fn source(&mut self) -> Pipeline {
        let events = [
            ("l", Long),
            ("n", Int),
            ("r", Real),
            ("s", Text),
            ("t", DateTime),
            ("b", Bool),
            ("d", Dynamic),
        ];
        let devices = [("l", Long), ("s", Text), ("w", Real), ("u", DateTime)];
        let (text, columns) = if self.one_in(4) {
            ("Devices", columns(&devices))
        } else {
            ("Events", columns(&events))
        };
        Pipeline {
            text: text.to_owned(),
            columns,
            is_ordered: false,
            names: 0,
        }
    }

    fn step(&mut self, pipeline: &mut Pipeline) {
        match self.below(14) {
            0..=3 => {
                let predicate = self.expression(&pipeline.columns, Bool, 3);
                pipeline.then(&format!("where {predicate}"));
            }
            4 | 5 => {
                let ty = *self.pick(&[Long, Int, Real, Text, DateTime, Bool, Dynamic]);
                let value = self.expression(&pipeline.columns, ty, 3);
                let name = pipeline.fresh();
                pipeline.then(&format!("extend {name} = {value}"));
                // Arithmetic of ints gives longs; the type written down is the one it has.
                let ty = if ty == Int { Long } else { ty };
                pipeline.columns.push(Column { name, ty });
            }
            6 => {
                let kept: Vec<Column> = {
                    let columns = pipeline.columns.clone();
                    columns.into_iter().filter(|_| !self.one_in(3)).collect()
                };
                if !kept.is_empty() {
                    let names: Vec<_> = kept.iter().map(|column| &*column.name).collect();
                    pipeline.then(&format!("project {}", names.join(", ")));
                    pipeline.columns = kept;
                }
            }
            7 | 8 => self.summarize(pipeline),
            9 => {
                let names = pipeline.sortable();
                if !names.is_empty() {
                    pipeline.then(&format!("distinct {}", names.join(", ")));
                    pipeline.columns.retain(|column| column.ty != Dynamic);
                    pipeline.is_ordered = false;
                }
            }
            10 => self.sort(pipeline),
            11 => self.join(pipeline),
            12 => {
                let predicate = self.expression(&pipeline.columns, Bool, 2);
                let text = pipeline.text.clone();
                pipeline.text = format!("union ({text}), ({text}\n| where {predicate})");
                pipeline.is_ordered = false;
            }
            _ => {
                let found = pipeline
                    .columns
                    .iter()
                    .position(|column| column.ty == Dynamic);
                if let Some(position) = found {
                    let name = pipeline.columns[position].name.clone();
                    pipeline.then(&format!("mv-expand {name}"));
                }
            }
        }
    }

    /// A full order of the columns that have one, and some of the first rows; rows that are equal
    /// in all of these columns do not tell which of them is kept.
    fn sort(&mut self, pipeline: &mut Pipeline) {
        if pipeline.columns.iter().any(|column| column.ty == Dynamic) {
            let names = pipeline.sortable();
            if names.is_empty() {
                return;
            }
            pipeline.then(&format!("project {}", names.join(", ")));
            pipeline.columns.retain(|column| column.ty != Dynamic);
        }
        let mut names = pipeline.sortable();
        let rotation = self.below(names.len());
        names.rotate_left(rotation);
        let keys: Vec<String> = names
            .iter()
            .map(|name| format!("{name} {}", self.pick(&["asc", "desc", "asc nulls last"])))
            .collect();
        pipeline.then(&format!("sort by {}", keys.join(", ")));
        pipeline.is_ordered = true;
        if self.one_in(2) {
            let count = 1 + self.below(20);
            pipeline.then(&format!("take {count}"));
        }
        if self.one_in(3) {
            let column = self.pick(&pipeline.columns.clone()).clone();
            let name = pipeline.fresh();
            let function = match self.below(3) {
                0 => "row_number()".to_owned(),
                1 => format!("prev({})", column.name),
                _ => format!("next({}, 2)", column.name),
            };
            let ty = if function == "row_number()" {
                Long
            } else {
                column.ty
            };
            pipeline.then(&format!("extend {name} = {function}"));
            pipeline.columns.push(Column { name, ty });
        }
    }

    fn summarize(&mut self, pipeline: &mut Pipeline) {
        let mut result = Vec::new();
        let mut aggregates = Vec::new();
        for _ in 0..=self.below(3) {
            let (text, ty) = self.aggregate(&pipeline.columns);
            let name = pipeline.fresh();
            aggregates.push(format!("{name} = {text}"));
            result.push(Column { name, ty });
        }
        let mut keys = Vec::new();
        for _ in 0..self.below(3) {
            let ty = *self.pick(&[Long, Text, DateTime, Bool, Real]);
            let value = match ty {
                DateTime => format!("bin({}, 6h)", self.expression(&pipeline.columns, ty, 1)),
                _ => self.expression(&pipeline.columns, ty, 1),
            };
            let name = pipeline.fresh();
            keys.push(format!("{name} = {value}"));
            result.push(Column { name, ty });
        }
        let by = if keys.is_empty() {
            String::new()
        } else {
            format!(" by {}", keys.join(", "))
        };
        pipeline.then(&format!("summarize {}{by}", aggregates.join(", ")));
        pipeline.columns = result;
        pipeline.is_ordered = false;
    }

    fn aggregate(&mut self, columns: &[Column]) -> (String, ScalarType) {
        let ty = *self.pick(&[Long, Real, Text, DateTime]);
        let value = self.expression(columns, ty, 2);
        let predicate = self.expression(columns, Bool, 2);
        let number = self.expression(columns, Long, 2);
        match self.below(9) {
            0 => ("count()".to_owned(), Long),
            1 => (format!("countif({predicate})"), Long),
            2 => (format!("sum({number})"), Long),
            3 => (format!("max({value})"), ty),
            4 => (format!("minif({value}, {predicate})"), ty),
            5 => (format!("dcount({value}, 4)"), Long),
            6 => (format!("array_length(make_set({value}))"), Long),
            7 => (format!("array_sort_asc(make_list({value}))"), Dynamic),
            _ => (format!("avg({number})"), Real),
        }
    }

    fn join(&mut self, pipeline: &mut Pipeline) {
        let shared: Vec<&str> = ["l", "s"]
            .into_iter()
            .filter(|name| pipeline.columns.iter().any(|column| column.name == *name))
            .collect();
        if shared.is_empty() {
            return;
        }
        let key = (*self.pick(&shared)).to_owned();
        let kind = *self.pick(&[
            "inner",
            "leftouter",
            "rightouter",
            "fullouter",
            "leftsemi",
            "leftanti",
        ]);
        let right = match self.below(3) {
            0 => format!("Devices | project {key}"),
            1 => format!("Devices | where w > {} | project {key}", self.below(4)),
            _ => format!("Devices | summarize by {key}"),
        };
        pipeline.then(&format!("join kind={kind} ({right}) on {key}"));
        if !kind.ends_with("semi") && !kind.ends_with("anti") {
            // What the right side's column is called depends on the names there are.
            let names: Vec<_> = pipeline
                .columns
                .iter()
                .map(|column| &*column.name)
                .collect();
            let kept = names.join(", ");
            pipeline.then(&format!("project {kept}"));
        }
        pipeline.is_ordered = false;
    }

    /// An expression of a type over columns.
    fn expression(&mut self, columns: &[Column], ty: ScalarType, depth: usize) -> String {
        let fitting: Vec<&Column> = columns.iter().filter(|column| column.ty == ty).collect();
        if depth == 0 || self.one_in(4) {
            if !fitting.is_empty() && !self.one_in(5) {
                return self.pick(&fitting).name.clone();
            }
            return self.literal(ty).to_owned();
        }
        let depth = depth - 1;
        let of = |generator: &mut Self, ty| generator.expression(columns, ty, depth);
        match ty {
            Bool => match self.below(11) {
                0 => format!("({} and {})", of(self, Bool), of(self, Bool)),
                1 => format!("({} or {})", of(self, Bool), of(self, Bool)),
                2 => format!("not({})", of(self, Bool)),
                3 | 4 => {
                    let compared = *self.pick(&[Long, Real, DateTime, Text]);
                    let operators = ["==", "!=", "<", ">=", ">", "<="];
                    let usable = if compared == Text { 2 } else { operators.len() };
                    let operator = operators[self.below(usable)];
                    let (left, right) = (of(self, compared), of(self, compared));
                    format!("({left} {operator} {right})")
                }
                5 | 6 => {
                    let operator = *self.pick(&[
                        "has",
                        "!has",
                        "contains",
                        "startswith",
                        "endswith",
                        "=~",
                        "!~",
                        "contains_cs",
                        "hasprefix",
                    ]);
                    let (text, part) = (of(self, Text), self.literal(Text));
                    format!("({text} {operator} {part})")
                }
                7 => {
                    let operator = *self.pick(&["in", "!in", "in~", "has_any"]);
                    let value = of(self, Text);
                    let (first, second) = (self.literal(Text), self.literal(Text));
                    format!("({value} {operator} ({first}, {second}))")
                }
                8 => format!("({} in (1, 2, {}))", of(self, Long), self.literal(Long)),
                9 => {
                    let function = *self.pick(&["isnull", "isnotnull"]);
                    let ty = *self.pick(&[Long, Real, DateTime, Dynamic]);
                    format!("{function}({})", of(self, ty))
                }
                _ => format!("isempty({})", of(self, Text)),
            },
            Long | Int => match self.below(7) {
                0 | 1 => {
                    let operator = *self.pick(&["+", "-", "*", "/", "%"]);
                    format!("({} {operator} {})", of(self, Long), of(self, Long))
                }
                2 => format!("strlen({})", of(self, Text)),
                3 => format!("tolong({})", of(self, Dynamic)),
                4 => format!("coalesce({}, {})", of(self, Long), of(self, Long)),
                5 => format!("hourofday({}) + 0", of(self, DateTime)),
                _ => {
                    let condition = of(self, Bool);
                    format!("iff({condition}, {}, {})", of(self, Long), of(self, Long))
                }
            },
            Real => match self.below(3) {
                0 => format!("({} * 0.5)", of(self, Real)),
                1 => format!("toreal({})", of(self, Long)),
                _ => format!("max_of({}, {})", of(self, Real), of(self, Real)),
            },
            Text => match self.below(5) {
                0 => format!("strcat({}, {})", of(self, Text), of(self, Text)),
                1 => format!("tolower({})", of(self, Text)),
                2 => format!("tostring({})", of(self, Long)),
                3 => format!("extract('([a-z]+)', 1, {})", of(self, Text)),
                _ => format!("tostring({})", of(self, Dynamic)),
            },
            DateTime => match self.below(2) {
                0 => format!("({} + {} * 1h)", of(self, DateTime), self.below(9)),
                _ => format!("startofday({})", of(self, DateTime)),
            },
            _ => match self.below(4) {
                0 => format!("pack_array({}, {})", of(self, Long), of(self, Text)),
                1 => format!("bag_pack('k', {})", of(self, Real)),
                2 => format!("split({}, ' ')", of(self, Text)),
                _ => "dynamic([1, 'x', null])".to_owned(),
            },
        }
    }

    fn literal(&mut self, ty: ScalarType) -> &'static str {
        let literals: &[&'static str] = match ty {
            Bool => &["true", "false", "bool(null)"],
            Long | Int => &["0", "1", "2", "3", "-4", "long(null)"],
            Real => &["0.0", "1.5", "2.5", "real(null)"],
            Text => &["''", "'a'", "'B'", "'b c'", "'ab'", "'C'", "'-'"],
            DateTime => &[
                "datetime(2024-05-01)",
                "datetime(2024-05-02 12:00)",
                "datetime(null)",
            ],
            _ => &["dynamic(null)", "dynamic({\"k\":2})", "dynamic([3])"],
        };
        literals[self.below(literals.len())]
    }
}
