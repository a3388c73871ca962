//! What `kql::window::splitting` claims: the answers of parts of a window make the answer of the
//! whole, over data that nobody picked.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use kql::hir::Query;
use kql::types::ScalarType;
use kql::window::{Combine, MergeKey, MergeStep, Mode, Timing, Verdict, Window, apply, splitting};
use kql_datafusion::types::{UTC, arrow_schema, unix_ns_to_ticks};
use kql_datafusion::{KqlContext, MemoryTables, QueryTime, json};
use serde_json::Value;

use crate::world;

type Row = Vec<Value>;

const MINUTE: i64 = 60_000_000_000;
const HOURS: i64 = 12;

/// Queries that may be split. `E` and `F` have times, `R` has none.
const QUERIES: &[&str] = &[
    "E",
    "E | where x % 2 == 0 and t > ago(5h) | extend y = x * 2, z = now() | project-away s",
    "union E, F",
    "union kind=inner E, (F | where x > 20 | project t, k)",
    "E | join kind=inner R on k",
    "E | join kind=leftouter R on k",
    "E | join kind=leftanti R on k",
    "E | join kind=leftsemi R on k",
    "R | join kind=rightouter E on k",
    "R | join kind=rightanti E on k",
    "E | lookup R on k",
    "E | where k in (R | project k) or x > toscalar(R | summarize max(v))",
    "E | mv-expand i = pack_array(x, x + 1) to typeof(long)",
    "E | summarize count(), dcount(x), avg(x) by k, bin(t, 1h)",
    "E | summarize n = count() by h = bin(t, 30m) | where n > 2 | summarize max(n) by bin(h, 1h)",
    "E | extend h = bin(t, 1h) | distinct h, k",
    "E | extend h = bin(t, 1h) | join kind=inner (F | extend h = bin(t, 1h)) on h, k",
    "E | extend h = bin(t, 2h) | join kind=fullouter (F | extend h = bin(t, 2h)) on h, k",
    "E | extend h = bin(t, 2h) | join kind=leftanti (F | extend h = bin(t, 2h)) on h, k",
    "E | summarize sum(x) by t",
    "E | count",
    "E | where x > 1000 | summarize count(), sum(x), min(x), max(t), make_set(k)",
    "E | summarize count(), countif(x > 9), sum(x), sumif(x, x > 5), min(t), max(x) by k",
    "E | summarize minif(x, x > 30), maxif(t, x < 20), make_set(s), make_set_if(x, x > 9) by k",
    "E | summarize make_list(x), make_list_if(s, x > 9) by k",
    "E | summarize arg_max(t, x, s) by k",
    "E | summarize arg_min(t, *) by k | project s, key = k, t, upper = toupper(k)",
    "E | summarize max(x), min(x)",
    "E | summarize n = count() by k, s | where k != 'k1' | sort by k asc, s asc",
    "E | distinct k, s",
    "E | distinct k, s | where s != 's1' | extend c = strcat(k, s)",
    "union E, F | summarize max(x) by s",
    "E | sort by t asc, x asc | project t, x",
    "E | top 5 by t desc | project x, t",
    "E | distinct k | sort by k desc | take 2",
    "E | extend n = iff(x < 25, long(null), 7), m = iff(x < 25, 9, long(null)) \
     | summarize take_any(n), take_any(m) by k | extend c = strlen(k)",
    "E | distinct k, s | extend p = pack_array(k, s)",
];

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as i64 % end
    }
}

fn tables(numbers: &mut Numbers) -> MemoryTables {
    use ScalarType::{DateTime, Long, String};
    let mut tables = MemoryTables::new();
    for name in ["E", "F"] {
        let schema = world::schema(&[("t", DateTime), ("k", String), ("x", Long), ("s", String)]);
        let count = 20 + numbers.below(40);
        let mut times: Vec<i64> = (0..count)
            .map(|_| numbers.below(HOURS * 60 * MINUTE))
            .collect();
        // Times are unique, so that the first row by time is one.
        times.sort_unstable();
        times.dedup();
        let mut text = |letter: &str, most: i64| {
            let texts = times
                .iter()
                .map(|_| format!("{letter}{}", numbers.below(most)));
            StringViewArray::from_iter_values(texts.collect::<Vec<_>>())
        };
        let (keys, strings) = (text("k", 5), text("s", 3));
        let values = Int64Array::from_iter_values(times.iter().map(|_| numbers.below(50)));
        let times = TimestampNanosecondArray::from(times).with_timezone(UTC);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(times),
            Arc::new(keys),
            Arc::new(values),
            Arc::new(strings),
        ];
        let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
        let time = Some("t".to_owned());
        tables
            .insert_with_time(name, schema, time, vec![batch])
            .unwrap();
    }
    let schema = world::schema(&[("k", String), ("v", Long)]);
    let keys = StringViewArray::from_iter_values(["k1", "k2", "k9"]);
    let values = Int64Array::from(vec![10, 20, 30]);
    let columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(values)];
    let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
    tables.insert("R", schema, vec![batch]).unwrap();
    tables
}

async fn rows(context: &KqlContext, query: &Query, timing: Timing) -> Vec<Row> {
    let windowed = apply(query.clone(), timing);
    let time = QueryTime {
        now: timing.now,
        window: None,
    };
    let stream = context.stream(&windowed, time).await.unwrap();
    let schema = stream.schema.clone();
    let batches = stream.collect().await.unwrap();
    batches
        .iter()
        .flat_map(|batch| json::rows(batch, &schema))
        .collect()
}

/// The order of values of one column, nulls first.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => b.is_null().cmp(&a.is_null()),
    }
}

fn best(values: &[&Value], greatest: bool) -> usize {
    let known = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_null());
    let best = if greatest {
        known.max_by(|a, b| order(a.1, b.1))
    } else {
        known.min_by(|a, b| order(a.1, b.1))
    };
    best.map_or(0, |(at, _)| at)
}

/// The first that is there.
fn first(values: &[&Value]) -> usize {
    let known = values.iter().position(|value| !value.is_null());
    known.unwrap_or(0)
}

fn combined(group: &[Row], column: usize, combine: Combine) -> Value {
    let of = |column: usize| -> Vec<&Value> { group.iter().map(|row| &row[column]).collect() };
    let values = of(column);
    let all = || {
        let arrays = values.iter().filter_map(|value| value.as_array());
        arrays.flatten().cloned().collect::<Vec<Value>>()
    };
    match combine {
        Combine::Add => {
            let known: Vec<i64> = values.iter().filter_map(|value| value.as_i64()).collect();
            if known.is_empty() {
                return Value::Null;
            }
            known.iter().sum::<i64>().into()
        }
        Combine::Least => values[best(&values, false)].clone(),
        Combine::Greatest => values[best(&values, true)].clone(),
        Combine::OfLeast(by) => values[best(&of(by), false)].clone(),
        Combine::OfGreatest(by) => values[best(&of(by), true)].clone(),
        Combine::First => values[first(&values)].clone(),
        Combine::FirstWith(by) => values[first(&of(by))].clone(),
        Combine::Union(None) => {
            let mut union = all();
            union.sort_by(order);
            union.dedup();
            union.into()
        }
        Combine::Concatenate(None) => all().into(),
        other => panic!("no query of the test needs {other:?}"),
    }
}

fn sort(rows: &mut [Row], keys: &[MergeKey]) {
    rows.sort_by(|a, b| {
        let orders = keys.iter().map(|key| {
            let order = order(&a[key.column], &b[key.column]);
            if key.descending {
                order.reverse()
            } else {
                order
            }
        });
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
}

fn merged(mut rows: Vec<Row>, steps: &[MergeStep]) -> Vec<Row> {
    for step in steps {
        match step {
            MergeStep::Distinct => {
                rows.sort_by_key(|row| format!("{row:?}"));
                rows.dedup();
            }
            MergeStep::Sort(keys) => sort(&mut rows, keys),
            MergeStep::Take(count) => rows.truncate(usize::try_from(*count).unwrap()),
            MergeStep::Aggregate { keys, outputs } => {
                let mut groups: Vec<(Row, Vec<Row>)> = Vec::new();
                for row in rows {
                    let key: Row = keys.iter().map(|key| row[*key].clone()).collect();
                    match groups.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, group)) => group.push(row),
                        None => groups.push((key, vec![row])),
                    }
                }
                rows = groups
                    .into_iter()
                    .map(|(_, group)| {
                        let mut row = group[0].clone();
                        for (column, combine) in outputs {
                            row[*column] = combined(&group, *column, *combine);
                        }
                        row
                    })
                    .collect();
            }
        }
    }
    rows
}

/// Rows as texts that are the same for equal answers: arrays are sets or in any order, and so are
/// the rows.
fn canonical(rows: Vec<Row>) -> Vec<String> {
    let rows = rows.into_iter().map(|mut row| {
        for value in &mut row {
            if let Value::Array(items) = value {
                items.sort_by_key(ToString::to_string);
            }
        }
        Value::from(row).to_string()
    });
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn the_answers_of_parts_make_the_answer_of_the_whole() {
    let mut numbers = Numbers(7);
    let tick = |minutes: i64| unix_ns_to_ticks(minutes * MINUTE);
    for _ in 0..4 {
        let context = KqlContext::new(Arc::new(tables(&mut numbers)), world::limits()).unwrap();
        for text in QUERIES {
            let query = context
                .bind(text)
                .query
                .unwrap_or_else(|| panic!("{text} binds"));
            let found = splitting(&query, Mode::Event);
            let steps = match &found.verdict {
                Verdict::Independent => [].as_slice(),
                Verdict::Mergeable(steps) => steps,
                Verdict::Neither => panic!("{text}: {}", found.reason),
            };
            let whole = Timing::from(Window {
                from: tick(30),
                to: tick(HOURS * 60 - 7),
            });
            let mut cuts = vec![whole.window.from, whole.window.to];
            for _ in 0..2 {
                let cut = tick(numbers.below(HOURS * 60));
                let cut = found
                    .alignment
                    .map_or(cut, |alignment| alignment.floor(cut));
                cuts.push(cut.clamp(whole.window.from, whole.window.to));
            }
            cuts.sort_unstable();
            let mut parts = Vec::new();
            for pair in cuts.windows(2) {
                let part = whole.part(Window {
                    from: pair[0],
                    to: pair[1],
                });
                parts.extend(rows(&context, &query, part).await);
            }
            let expected = rows(&context, &query, whole).await;
            let actual = merged(parts, steps);
            assert_eq!(
                canonical(actual),
                canonical(expected),
                "{text}\n{cuts:?}\n{found:?}"
            );
        }
    }
}
