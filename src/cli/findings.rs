//! `huntd findings`: what was found, and whether it was told.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::actions::{Format, new_table, open_existing};
use super::terminal::{print_line, print_note};
use super::{EXIT_FAILED, Global};
use crate::action::evidence::visible;
use crate::config;
use crate::id::{FindingId, HuntName};
use crate::state::{FindingFilter, RunStore as _, StoredFinding};

/// Arguments of `huntd findings`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a hunt, whose findings are listed, or id of a finding, which is shown with its
    /// evidence
    #[arg(value_name = "HUNT|ID")]
    pub hunt_or_id: Option<String>,
    /// List at most this many, newest first; 0 lists all
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Lists findings, or shows one.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&global.config)?;
    let mut filter = FindingFilter {
        limit: args.limit,
        ..FindingFilter::default()
    };
    if let Some(text) = &args.hunt_or_id {
        match text.parse::<FindingId>() {
            Ok(id) => filter.id = Some(id),
            Err(_) => filter.hunt = Some(HuntName::new(text)?),
        }
    }
    let mut findings = Vec::new();
    if let Some(store) = open_existing(&loaded.config.state).await? {
        findings = store.findings(&filter).await?;
        store.close().await;
    }
    if let Some(id) = filter.id.filter(|_| findings.is_empty()) {
        print_note(&format!(
            "error: no finding {id}; `huntd findings` lists those there are"
        ));
        return Ok(ExitCode::from(EXIT_FAILED));
    }
    print_line(&match args.format {
        Format::Json => findings.iter().map(as_json).collect::<Value>().to_string(),
        Format::Text if findings.is_empty() => "nothing was found yet".to_owned(),
        Format::Text if filter.id.is_some() => {
            let shown: Vec<String> = findings.iter().map(as_page).collect();
            shown.join("\n")
        }
        Format::Text => as_text(&findings),
    });
    Ok(ExitCode::SUCCESS)
}

fn as_json(stored: &StoredFinding) -> Value {
    json!({ "finding": stored.finding, "suppressed": stored.suppressed })
}

fn as_text(findings: &[StoredFinding]) -> String {
    let mut table = new_table(&[
        "finding", "severity", "hunt", "window", "title", "rows", "told",
    ]);
    for StoredFinding {
        finding,
        suppressed,
    } in findings
    {
        table.add_row([
            finding.id.to_string(),
            finding.severity.to_string(),
            finding.hunt.to_string(),
            finding.window.to_string(),
            visible(&finding.title),
            finding.rows.to_string(),
            told(suppressed.as_deref()),
        ]);
    }
    table.to_string()
}

fn told(suppressed: Option<&str>) -> String {
    suppressed.map_or_else(|| "as new".to_owned(), |why| format!("no: {why}"))
}

fn as_page(stored: &StoredFinding) -> String {
    let finding = &stored.finding;
    let mut lines = vec![
        visible(&finding.title),
        format!("  finding   {}", finding.id),
        format!("  hunt      {}", finding.hunt),
        format!("  severity  {}", finding.severity),
        format!("  run       {}", finding.run),
        format!("  window    {}", finding.window),
        format!("  detected  {}", finding.detected_at.to_rfc3339()),
        format!("  told      {}", told(stored.suppressed.as_deref())),
    ];
    for entity in &finding.entities {
        lines.push(format!(
            "  {:<9} {}",
            entity.kind.as_str(),
            visible(&entity.value)
        ));
    }
    lines.push(format!(
        "  rows      {} of {}",
        finding.evidence.len(),
        finding.rows
    ));
    for row in &finding.evidence {
        lines.push(String::new());
        for (column, value) in row {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            lines.push(format!("    {column}: {}", visible(&text)));
        }
    }
    lines.join("\n")
}
