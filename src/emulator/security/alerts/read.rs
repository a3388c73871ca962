//! Alerts out of the folder's tables `AlertInfo` and `AlertEvidence`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::error::ApiError;
use super::super::folder::{self, Folder, Question, Row};
use super::super::words::{SEVERITIES, known};
use super::{Alert, DEFENDER_FOR_ENDPOINT, Evidence, FOLDER_MAX, Review, User};

/// Most pieces of evidence of an alert.
const EVIDENCE_MAX: usize = 100;

/// All alerts of the folder, oldest first; `now` is the time at which it is asked.
pub(in super::super) async fn read(
    folder: &Folder,
    now: DateTime<Utc>,
) -> Result<Vec<Alert>, ApiError> {
    if !folder.has("AlertInfo").await? {
        return Ok(Vec::new());
    }
    let question = format!(
        "AlertInfo\n\
         | where isnotempty(AlertId) and isnotnull(Timestamp)\n\
         | summarize arg_min(Timestamp, *), LastTime = max(Timestamp) by AlertId\n\
         | top {} by Timestamp\n\
         | order by Timestamp asc, AlertId asc",
        FOLDER_MAX + 1
    );
    let mut rows = folder.rows(Question::new(question, now)).await?;
    if rows.len() > FOLDER_MAX {
        tracing::warn!(kept = FOLDER_MAX, "older alerts are left out");
        rows.remove(0);
    }
    let mut evidence = evidence(folder, now).await?;
    let alerts = rows.iter().filter_map(|row| {
        let id = folder::owned(row, "AlertId")?;
        let created = folder::time(row, "Timestamp")?;
        let evidence = evidence.remove(&id).unwrap_or_default();
        Some(alert(id, created, row, evidence))
    });
    Ok(alerts.collect())
}

/// Evidence by the id of its alert.
async fn evidence(
    folder: &Folder,
    now: DateTime<Utc>,
) -> Result<HashMap<String, Vec<Evidence>>, ApiError> {
    let mut found: HashMap<String, Vec<Evidence>> = HashMap::new();
    if !folder.has("AlertEvidence").await? {
        return Ok(found);
    }
    // Newest first, as of the alerts: where there is too much, what is left out is of old ones.
    let question = Question::new(
        "AlertEvidence | where isnotempty(AlertId) | order by Timestamp desc",
        now,
    );
    let mut rows = folder.rows(question).await?;
    rows.sort_by_cached_key(|row| folder::time(row, "Timestamp"));
    for mut row in rows {
        let Some(id) = folder::owned(&row, "AlertId") else {
            continue;
        };
        let of_alert = found.entry(id).or_default();
        if of_alert.len() == EVIDENCE_MAX {
            continue;
        }
        row.retain(|_, value| !matches!(value, Value::Null) && *value != "");
        of_alert.push(Evidence {
            at: folder::time(&row, "Timestamp").unwrap_or(now),
            entity: folder::owned(&row, "EntityType").unwrap_or_default(),
            row,
        });
    }
    Ok(found)
}

fn alert(id: String, created: DateTime<Utc>, row: &Row, evidence: Vec<Evidence>) -> Alert {
    let of_evidence = |column: &str| {
        evidence
            .iter()
            .find_map(|evidence| folder::owned(&evidence.row, column))
    };
    let device = evidence
        .iter()
        .find(|evidence| evidence.entity == "Machine");
    let device = device.or_else(|| {
        let has_device = |evidence: &&Evidence| folder::text(&evidence.row, "DeviceId").is_some();
        evidence.iter().find(has_device)
    });
    let of_device = |column| device.and_then(|device| folder::owned(&device.row, column));
    let title = folder::owned(row, "Title").unwrap_or_else(|| id.clone());
    let user = of_evidence("AccountName").map(|name| User {
        name,
        domain: of_evidence("AccountDomain").unwrap_or_default(),
    });
    let times = evidence.iter().map(|evidence| evidence.at);
    let first_event = times.clone().min().unwrap_or(created).min(created);
    let last_event = folder::time(row, "LastTime").unwrap_or(created);
    let last_event = times.max().unwrap_or(created).max(last_event);
    Alert {
        description: title.clone(),
        recommended_actions: String::new(),
        category: folder::owned(row, "Category").unwrap_or_default(),
        severity: folder::text(row, "Severity")
            .and_then(|word| known(SEVERITIES, word))
            .unwrap_or("UnSpecified"),
        service_source: folder::owned(row, "ServiceSource")
            .unwrap_or_else(|| DEFENDER_FOR_ENDPOINT.to_owned()),
        detection_source: folder::owned(row, "DetectionSource").unwrap_or_default(),
        techniques: techniques(row),
        threat_family: of_evidence("ThreatFamily"),
        created,
        first_event,
        last_event,
        device_id: of_device("DeviceId"),
        device_name: of_device("DeviceName"),
        user,
        incident: 0,
        investigation: None,
        review: Review::new(created),
        id,
        title,
        evidence,
    }
}

/// The ids of techniques that are named with them: `["Spearphishing Link (T1566.002)"]`.
fn techniques(row: &Row) -> Vec<String> {
    let named: Vec<String> = match folder::inner(row, "AttackTechniques") {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => folder::text(row, "AttackTechniques")
            .map(|text| text.split(',').map(|part| part.trim().to_owned()).collect())
            .unwrap_or_default(),
    };
    let id = |name: String| {
        let inner = name
            .rsplit_once('(')
            .and_then(|(_, id)| id.strip_suffix(')'));
        inner.map_or_else(|| name.clone(), str::to_owned)
    };
    named
        .into_iter()
        .map(id)
        .filter(|id| !id.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;
    use crate::source;
    use crate::source::local::LocalConfig;

    #[tokio::test]
    async fn where_there_is_too_much_evidence_the_newest_alerts_have_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let (mut alerts, mut evidence) = (String::new(), String::new());
        for hour in 10..20 {
            let (at, id) = (format!("2026-01-15T{hour}:00:00Z"), format!("a{hour}"));
            writeln!(alerts, "{}", json!({"Timestamp": at, "AlertId": id})).unwrap();
            for (minute, entity) in [(1, "Machine"), (2, "File")] {
                let at = format!("2026-01-15T{hour}:{minute:02}:00Z");
                let row = json!({"Timestamp": at, "AlertId": id, "EntityType": entity});
                writeln!(evidence, "{row}").unwrap();
            }
        }
        std::fs::write(folder.path().join("AlertInfo.ndjson"), alerts).unwrap();
        std::fs::write(folder.path().join("AlertEvidence.ndjson"), evidence).unwrap();
        let source = source::local(&LocalConfig::new(folder.path()));
        let folder = Folder::new(source).with_rows_max(12);
        let now = "2026-01-16T00:00:00Z".parse().unwrap();
        let alerts = read(&folder, now).await.unwrap();
        let told: Vec<(&str, Vec<&str>)> = alerts
            .iter()
            .map(|alert| {
                let evidence = alert.evidence.iter();
                let entities = evidence.map(|evidence| &*evidence.entity).collect();
                (&*alert.id, entities)
            })
            .collect();
        let expected: Vec<(String, Vec<&str>)> = (10..20)
            .map(|hour| {
                let entities = if hour < 14 {
                    vec![]
                } else {
                    vec!["Machine", "File"]
                };
                (format!("a{hour}"), entities)
            })
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected
            .iter()
            .map(|(id, entities)| (&**id, entities.clone()))
            .collect();
        assert_eq!(told, expected);
    }
}
