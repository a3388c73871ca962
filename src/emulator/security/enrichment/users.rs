//! `/api/users/{name}`: people by the bare names of their accounts, from logons on machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::alerts::User;
use super::super::call::{Call, Reply, Request, members};
use super::super::error::ApiError;
use super::super::folder::{self, Question, Row, timestamp};
use super::super::machines::{Machine, values};
use super::super::words::pascal_case;
use super::super::{Security, alerts};
use super::ALERTS;

pub(super) fn calls() -> Vec<Call> {
    vec![
        // The one read that is documented to need the right to write.
        Call::get(
            "/api/users/{}/machines",
            &["Machine.ReadWrite.All"],
            machines,
        ),
        Call::get("/api/users/{}/alerts", ALERTS, alerts_of),
    ]
}

/// Logons of somebody: a row for each machine.
const LOGONS_OF_USER: &str = "DeviceLogonEvents\n\
    | where ActionType == 'LogonSuccess' and AccountName =~ name and isnotempty(DeviceId)\n\
    | summarize First = min(Timestamp), Last = max(Timestamp), Logons = count(), \
      Types = make_set(LogonType, 20), Admin = max(tolong(IsLocalAdmin)) \
      by DeviceId, AccountDomain, AccountName, AccountSid";

/// Logons on a machine: a row for each account.
const LOGONS_ON_MACHINE: &str = "DeviceLogonEvents\n\
    | where ActionType == 'LogonSuccess' and DeviceId == machine and isnotempty(AccountName)\n\
    | summarize First = min(Timestamp), Last = max(Timestamp), Logons = count(), \
      Types = make_set(LogonType, 20), Admin = max(tolong(IsLocalAdmin)) \
      by DeviceId, AccountDomain, AccountName, AccountSid\n\
    | order by Last desc\n\
    | take 1000";

async fn logons(security: &Security, question: Question) -> Result<Vec<Row>, ApiError> {
    if !security.folder.has("DeviceLogonEvents").await? {
        return Ok(Vec::new());
    }
    security.folder.rows(question.of_the_past()).await
}

/// Somebody as he is told.
pub(in super::super) async fn entity(
    security: &Security,
    user: &User,
) -> Result<Map<String, Value>, ApiError> {
    let question = Question::new(LOGONS_OF_USER, security.now()).text("name", &user.name);
    let mut rows = logons(security, question).await?;
    rows.retain(|row| {
        let domain = folder::text(row, "AccountDomain").unwrap_or("");
        user.domain.is_empty() || domain.eq_ignore_ascii_case(&user.domain)
    });
    Ok(told(&user.name, &user.domain, &rows))
}

/// Who logged on to a machine.
pub(in super::super) async fn of_machine(
    security: &Security,
    machine: &Machine,
) -> Result<Vec<Value>, ApiError> {
    let question = Question::new(LOGONS_ON_MACHINE, security.now()).text("machine", &machine.id);
    let rows = logons(security, question).await?;
    let mut users: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let name = folder::owned(&row, "AccountName").unwrap_or_default();
        let domain = folder::owned(&row, "AccountDomain").unwrap_or_default();
        users.entry((domain, name)).or_default().push(row);
    }
    let told = users
        .iter()
        .map(|((domain, name), rows)| Value::Object(told(name, domain, rows)));
    Ok(told.collect())
}

fn told(name: &str, domain: &str, rows: &[Row]) -> Map<String, Value> {
    let times = |column: &'static str| rows.iter().filter_map(move |row| folder::time(row, column));
    let first: Option<DateTime<Utc>> = times("First").min();
    let last: Option<DateTime<Utc>> = times("Last").max();
    let count = |row: &&Row| folder::number(row, "Logons").unwrap_or(0);
    let machine = |row: Option<&Row>| row.and_then(|row| folder::owned(row, "DeviceId"));
    let mut types: Vec<String> = Vec::new();
    for row in rows {
        if let Some(Value::Array(items)) = folder::inner(row, "Types") {
            let new = items.iter().filter_map(Value::as_str).map(pascal_case);
            for ty in new {
                if !ty.is_empty() && !types.contains(&ty) {
                    types.push(ty);
                }
            }
        }
    }
    let is_only_network = !types.is_empty() && types.iter().all(|ty| ty == "Network");
    let sid = rows.iter().find_map(|row| folder::owned(row, "AccountSid"));
    let is_domain_admin = sid.as_deref().is_some_and(|sid| {
        // The built-in administrator of a domain; groups are not in the folder.
        sid.starts_with("S-1-5-21-") && sid.ends_with("-500")
    });
    members(json!({
        "id": format!("{}\\{}", domain.to_lowercase(), name.to_lowercase()),
        "accountName": name,
        "accountDomain": domain,
        "accountSid": sid,
        "firstSeen": first.map(timestamp),
        "lastSeen": last.map(timestamp),
        "mostPrevalentMachineId": machine(rows.iter().max_by_key(count)),
        "leastPrevalentMachineId": machine(rows.iter().min_by_key(count)),
        "logonTypes": types.join(", "),
        "logOnMachinesCount": rows.len(),
        "isDomainAdmin": is_domain_admin,
        "isOnlyNetworkUser": is_only_network,
    }))
}

async fn machines(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let question = Question::new(LOGONS_OF_USER, security.now()).text("name", request.found(0));
    let rows = logons(&security, question).await?;
    let mut ids: Vec<String> = Vec::new();
    for row in &rows {
        ids.extend(folder::owned(row, "DeviceId").filter(|id| !ids.contains(id)));
    }
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let found = ids.iter().filter_map(|id| machines.find(id).ok());
    Ok(Reply::list(&request, "Machines", values(&security, found)))
}

async fn alerts_of(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let name = request.found(0);
    alerts::defender::listed(&security, &request, |alert| {
        let user = alert.user.as_ref();
        user.is_some_and(|user| user.name.eq_ignore_ascii_case(name))
    })
}
