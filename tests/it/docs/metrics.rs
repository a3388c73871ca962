//! The page about metrics, from their own description.

use std::fmt::Write as _;

use huntd::telemetry::metrics::{Kind, Metric};

use super::check_generated;

#[test]
fn the_page_about_metrics_names_them_all() {
    let mut page = "\
# Metrics

Generated from the program; do not edit it.

`GET /metrics` of the server of `huntd serve` (`server.listen`) answers as OpenMetrics text, which Prometheus reads. Who may ask is
who may ask anything of the server: programs on this machine, or whoever sends `server.token` as `Authorization: Bearer`.

| metric | kind | labels | what |
|---|---|---|---|
"
    .to_owned();
    for metric in Metric::ALL {
        let kind = match metric.kind() {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let labels: Vec<String> = metric
            .labels()
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (name, labels, help) = (metric.name(), labels.join(" "), metric.help());
        writeln!(page, "| `{name}` | {kind} | {labels} | {help}. |").unwrap();
    }
    page.push_str(
        "
`tenant` is the tenant, cluster or application by which a service counts calls, `api` one of `graph`, `xdr`, `mde`, \
`log-analytics`, `kusto`,
and those of Defender and Graph that actions use. Counters begin with zero when huntd is started; quotas do not.

Worth an alarm:

| when | what it means |
|---|---|
| `time() - huntd_hunt_completed_until_timestamp_seconds > 7200` | A hunt has not covered its windows for two hours. |
| `huntd_source_breaker_open == 1` | A tenant fails: see the log, or `huntd doctor`. |
| `huntd_outbox_deliveries{status=\"dead\"} > 0` | Somebody was not told; `huntd actions --dead` says why. |
| `huntd_quota_remaining{limit=\"calls_1h\"} < 100` | Hunts will wait soon. |
",
    );
    check_generated("docs/reference/metrics.md", &page);
}
