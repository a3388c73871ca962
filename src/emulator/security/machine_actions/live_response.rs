//! Live response: commands that a machine runs one after the other, and what came of each.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::Security;
use super::super::call::{Call, Object, Rate, Reply, Request, short};
use super::super::error::ApiError;
use super::super::folder::timestamp;
use super::respond::UPDATED_SINGLE;
use super::{Action, Asked, Kind, Outcome};

/// Most sessions at the same time.
const SESSIONS_MAX: usize = 25;
/// Most commands of a session; the documents name no limit.
const COMMANDS_MAX: usize = 20;

/// Most parameters of a command; the documents have one or two.
const PARAMETERS_MAX: usize = 10;

/// The commands of a session. The first that fails ends it.
#[derive(Debug)]
pub(super) struct Commands(Vec<Command>);

#[derive(Debug)]
struct Command {
    kind: String,
    parameters: Vec<(String, String)>,
}

/// Where a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Created,
    Completed,
    Failed,
}

impl Commands {
    fn read(body: &Object) -> Result<Self, ApiError> {
        let Some(listed) = body.get("Commands") else {
            return Err(ApiError::missing_parameter("Commands"));
        };
        let wrong = |what: &str| ApiError::invalid_body(what);
        let listed = listed
            .as_array()
            .ok_or_else(|| wrong("'Commands' is not an array"))?;
        if listed.is_empty() {
            return Err(ApiError::missing_parameter("Commands"));
        }
        if listed.len() > COMMANDS_MAX {
            return Err(ApiError::bad(
                "MaximumBatchSizeExceeded",
                format!("A session has at most {COMMANDS_MAX} commands"),
            ));
        }
        let mut commands = Vec::with_capacity(listed.len());
        for command in listed {
            let kind = command.get("type").and_then(Value::as_str).unwrap_or("");
            let needed = match kind {
                "PutFile" => "FileName",
                "RunScript" => "ScriptName",
                "GetFile" => "Path",
                _ => {
                    return Err(wrong(
                        "the type of a command is not PutFile, RunScript or GetFile",
                    ));
                }
            };
            let listed = command.get("params").and_then(Value::as_array);
            let mut parameters = Vec::new();
            for parameter in listed.into_iter().flatten() {
                let text = |name| {
                    parameter
                        .get(name)
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                };
                let (Some(key), Some(value)) = (text("key"), text("value")) else {
                    return Err(wrong("a parameter of a command has no key and value"));
                };
                if parameters.len() == PARAMETERS_MAX {
                    return Err(wrong("a command has too many parameters"));
                }
                short("key", &key)?;
                short("value", &value)?;
                parameters.push((key, value));
            }
            if !parameters.iter().any(|(key, _)| key == needed) {
                return Err(ApiError::missing_parameter(needed));
            }
            commands.push(Command {
                kind: kind.to_owned(),
                parameters,
            });
        }
        Ok(Self(commands))
    }

    /// Where command `index` of an action is, with when it began and ended.
    fn progress(
        &self,
        action: &Action,
        index: usize,
        now: DateTime<Utc>,
    ) -> (Progress, Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let Some(begins) = action.begins else {
            return (Progress::Created, None, None);
        };
        let share = (action.ends - begins) / self.0.len() as i32;
        let began = begins + share * index as i32;
        let is_last = index + 1 == self.0.len();
        let ended = if is_last { action.ends } else { began + share };
        // Of a session that fails, the last command is the one that fails.
        let stopped = action
            .cancelled
            .as_ref()
            .is_some_and(|cancelled| cancelled.at < ended);
        if stopped || now < began {
            return (Progress::Created, None, None);
        }
        if now < ended {
            return (Progress::Created, Some(began), None);
        }
        let progress = if is_last && action.outcome == Outcome::Failed {
            Progress::Failed
        } else {
            Progress::Completed
        };
        (progress, Some(began), Some(ended))
    }

    /// As they are told.
    pub(super) fn told(&self, action: &Action, now: DateTime<Utc>) -> Vec<Value> {
        let told = self.0.iter().enumerate().map(|(index, command)| {
            let (progress, began, ended) = self.progress(action, index, now);
            let parameters: Vec<Value> = command
                .parameters
                .iter()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
            json!({
                "index": index,
                "startTime": began.map(timestamp),
                "endTime": ended.map(timestamp),
                "commandStatus": match progress {
                    Progress::Created => "Created",
                    Progress::Completed => "Completed",
                    Progress::Failed => "Failed",
                },
                "errors": match progress {
                    Progress::Failed => vec!["The command failed on the machine"],
                    _ => Vec::new(),
                },
                "command": { "type": command.kind, "params": parameters },
            })
        });
        told.collect()
    }

    /// What command `index` left to be fetched, once it is done.
    pub(super) fn result(
        &self,
        action: &Action,
        index: usize,
        now: DateTime<Utc>,
    ) -> Option<Vec<u8>> {
        let command = self.0.get(index)?;
        if self.progress(action, index, now).0 != Progress::Completed {
            return None;
        }
        let parameter = |name: &str| {
            let found = command.parameters.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        Some(match command.kind.as_str() {
            "GetFile" => format!("{} of {}\n", parameter("Path"), action.machine_name).into_bytes(),
            _ => json!({
                "script_name": match command.kind.as_str() {
                    "PutFile" => parameter("FileName"),
                    _ => parameter("ScriptName"),
                },
                "exit_code": 0,
                "script_output": format!("Ran on {}\n", action.machine_name),
                "script_errors": "",
            })
            .to_string()
            .into_bytes(),
        })
    }
}

pub(super) fn calls() -> Vec<Call> {
    let path = "/api/machines/{}/runliveresponse";
    vec![Call::post(path, Kind::LiveResponse.roles(), run).at(Rate::per_minute(10))]
}

async fn run(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    let commands = Commands::read(&body)?;
    body.only(&["Commands", "Comment"])?;
    let comment = body.text("Comment")?.map(str::to_owned);
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let settings = security.settings();
    let now = security.now();
    let mut known = security.known();
    if known
        .actions
        .running(machine, Kind::LiveResponse, None, now)
        .is_some()
    {
        return Err(ApiError::bad(
            "ActiveRequestAlreadyExists",
            "There is already an active live response request for this machine",
        ));
    }
    if known.actions.sessions(now) >= SESSIONS_MAX {
        return Err(ApiError::throttled(settings.running_seconds.max(1).into()));
    }
    let asked = Asked {
        kind: Kind::LiveResponse,
        scope: None,
        comment,
        external_id: None,
        file: None,
        commands: Some(commands),
        requestor: request.caller.app.clone(),
    };
    let action = known.actions.start(asked, machine, &settings, now)?;
    let action = action.told(now, UPDATED_SINGLE);
    Ok(Reply::entity_as(
        StatusCode::CREATED,
        &request,
        "MachineActions",
        action,
    ))
}
