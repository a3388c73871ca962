//! What is done to machines: each action with its life from `Pending` to its end, all of it
//! decided when it is asked for, so that what an action is follows from the clock. `respond`
//! starts actions, `live_response` those that run commands, `follow_up` looks at them later.

mod follow_up;
mod live_response;
mod respond;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::call::{Call, Roles, members};
use super::error::ApiError;
use super::folder::timestamp;
use super::machines::Machine;
use super::settings::SecurityConfig;

use live_response::Commands;

/// Most actions that are kept; the oldest that ended go first.
const ACTIONS_MAX: usize = 10_000;

/// What can be done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RunAntiVirusScan,
    Offboard,
    LiveResponse,
    CollectInvestigationPackage,
    Isolate,
    Unisolate,
    StopAndQuarantineFile,
    RestrictCodeExecution,
    UnrestrictCodeExecution,
}

impl Kind {
    /// As it is told.
    fn word(self) -> &'static str {
        match self {
            Self::RunAntiVirusScan => "RunAntiVirusScan",
            Self::Offboard => "Offboard",
            Self::LiveResponse => "LiveResponse",
            Self::CollectInvestigationPackage => "CollectInvestigationPackage",
            Self::Isolate => "Isolate",
            Self::Unisolate => "Unisolate",
            Self::StopAndQuarantineFile => "StopAndQuarantineFile",
            Self::RestrictCodeExecution => "RestrictCodeExecution",
            Self::UnrestrictCodeExecution => "UnrestrictCodeExecution",
        }
    }

    /// The application role that asking for it needs, and cancelling it.
    fn roles(self) -> Roles {
        match self {
            Self::RunAntiVirusScan => &["Machine.Scan"],
            Self::Offboard => &["Machine.Offboard"],
            Self::LiveResponse => &["Machine.LiveResponse"],
            Self::CollectInvestigationPackage => &["Machine.CollectForensics"],
            Self::Isolate | Self::Unisolate => &["Machine.Isolate"],
            Self::StopAndQuarantineFile => &["Machine.StopAndQuarantine"],
            Self::RestrictCodeExecution | Self::UnrestrictCodeExecution => {
                &["Machine.RestrictExecution"]
            }
        }
    }

    /// Whether only machines with Windows can do it.
    fn needs_windows(self) -> bool {
        matches!(
            self,
            Self::Offboard
                | Self::StopAndQuarantineFile
                | Self::RestrictCodeExecution
                | Self::UnrestrictCodeExecution
        )
    }
}

/// How an action ends, unless it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    TimeOut,
}

/// Where an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    TimeOut,
    Cancelled,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::TimeOut => "TimeOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing more happens.
    fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

/// What is asked for.
#[derive(Debug)]
struct Asked {
    kind: Kind,
    /// `Full` or `Selective` of an isolation, `Full` or `Quick` of a scan.
    scope: Option<String>,
    comment: Option<String>,
    external_id: Option<String>,
    /// SHA-1 of the file.
    file: Option<String>,
    commands: Option<Commands>,
    requestor: String,
}

/// An action.
#[derive(Debug)]
pub(super) struct Action {
    id: String,
    asked: Asked,
    machine_id: String,
    machine_name: String,
    created: DateTime<Utc>,
    /// When the machine takes it up; never while it is offline.
    begins: Option<DateTime<Utc>>,
    ends: DateTime<Utc>,
    outcome: Outcome,
    cancelled: Option<Cancelled>,
}

#[derive(Debug)]
struct Cancelled {
    by: String,
    comment: String,
    at: DateTime<Utc>,
}

impl Action {
    /// Where it is at `now`.
    pub(super) fn status(&self, now: DateTime<Utc>) -> Status {
        if self.cancelled.is_some() {
            return Status::Cancelled;
        }
        if now >= self.ends {
            return match self.outcome {
                Outcome::Succeeded => Status::Succeeded,
                Outcome::Failed => Status::Failed,
                Outcome::TimeOut => Status::TimeOut,
            };
        }
        match self.begins {
            Some(begins) if now >= begins => Status::InProgress,
            _ => Status::Pending,
        }
    }

    /// When it last changed.
    fn updated(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match (&self.cancelled, self.status(now)) {
            (Some(cancelled), _) => cancelled.at,
            (None, Status::Pending) => self.created,
            (None, Status::InProgress) => self.begins.unwrap_or(self.created),
            (None, _) => self.ends,
        }
    }

    /// As it is told. Lists write one of the times under another name than single answers do.
    fn told(&self, now: DateTime<Utc>, updated_name: &str) -> Map<String, Value> {
        let asked = &self.asked;
        let cancelled = self.cancelled.as_ref();
        let mut told = members(json!({
            "id": self.id,
            "type": asked.kind.word(),
            "title": null,
            "scope": asked.scope,
            "requestor": asked.requestor,
            "requestSource": "PublicApi",
            "externalID": asked.external_id,
            "requestorComment": asked.comment,
            "cancellationRequestor": cancelled.map(|cancelled| &cancelled.by),
            "cancellationComment": cancelled.map(|cancelled| &cancelled.comment),
            "cancellationDateTimeUtc": cancelled.map(|cancelled| timestamp(cancelled.at)),
            "status": self.status(now).word(),
            "machineId": self.machine_id,
            "computerDnsName": self.machine_name,
            "creationDateTimeUtc": timestamp(self.created),
            "relatedFileInfo": asked.file.as_ref().map(|sha1| {
                json!({ "fileIdentifier": sha1, "fileIdentifierType": "Sha1" })
            }),
            "errorHResult": match self.status(now) {
                Status::Failed => -2_147_467_259,
                _ => 0,
            },
            "commands": asked.commands.as_ref().map_or_else(Vec::new, |commands| {
                commands.told(self, now)
            }),
        }));
        told.insert(updated_name.to_owned(), json!(timestamp(self.updated(now))));
        told
    }
}

/// All actions, in the order asked for.
#[derive(Debug, Default)]
pub(super) struct Actions {
    all: Vec<Action>,
    /// How many there were ever.
    count: u64,
}

/// What actions made of a machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// `Full`, `Selective` or `UnManagedDevice` where it is isolated.
    pub(super) isolation: Option<String>,
    /// Whether it runs only what Microsoft signed.
    pub(super) restricted: bool,
    /// Whether it left the service.
    pub(super) offboarded: bool,
    /// SHA-1 of the files that it may not run.
    pub(super) quarantined: Vec<String>,
}

impl Actions {
    /// Starts an action, and decides how it ends.
    fn start(
        &mut self,
        asked: Asked,
        machine: &Machine,
        settings: &SecurityConfig,
        now: DateTime<Utc>,
    ) -> Result<&Action, ApiError> {
        if self.all.len() >= ACTIONS_MAX {
            let ended = self
                .all
                .iter()
                .position(|action| action.status(now).is_final());
            let full = || ApiError::bad("BadRequest", "The emulator keeps no more actions");
            self.all.remove(ended.ok_or_else(full)?);
        }
        self.count += 1;
        let mut random = fastrand::Rng::with_seed(settings.seed.wrapping_add(self.count));
        let fails = random.f64() < settings.failure_probability;
        let seconds = |seconds: u32| TimeDelta::seconds(seconds.into());
        let offline = [&machine.id, &machine.name]
            .into_iter()
            .any(|name| settings.offline.contains(name));
        let (begins, ends, outcome) = if offline {
            (
                None,
                now + seconds(settings.timeout_seconds),
                Outcome::TimeOut,
            )
        } else {
            let begins = now + seconds(settings.pending_seconds);
            let outcome = if fails {
                Outcome::Failed
            } else {
                Outcome::Succeeded
            };
            (
                Some(begins),
                begins + seconds(settings.running_seconds),
                outcome,
            )
        };
        self.all.push(Action {
            id: uuid::Uuid::new_v4().to_string(),
            asked,
            machine_id: machine.id.clone(),
            machine_name: machine.name.clone(),
            created: now,
            begins,
            ends,
            outcome,
            cancelled: None,
        });
        Ok(&self.all[self.all.len() - 1])
    }

    /// One of this kind, and about this file, that has not ended on a machine.
    fn running(
        &self,
        machine: &Machine,
        kind: Kind,
        file: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<&Action> {
        self.all.iter().find(|action| {
            action.machine_id == machine.id
                && action.asked.kind == kind
                && action.asked.file.as_deref() == file
                && !action.status(now).is_final()
        })
    }

    /// How many run commands now.
    fn sessions(&self, now: DateTime<Utc>) -> usize {
        let running = self.all.iter().filter(|action| {
            action.asked.kind == Kind::LiveResponse && !action.status(now).is_final()
        });
        running.count()
    }

    fn find(&self, id: &str) -> Result<&Action, ApiError> {
        let found = self
            .all
            .iter()
            .find(|action| action.id.eq_ignore_ascii_case(id));
        found.ok_or_else(|| not_found(id))
    }

    fn find_mut(&mut self, id: &str) -> Result<&mut Action, ApiError> {
        let found = self.all.iter_mut();
        let mut found = found.filter(|action| action.id.eq_ignore_ascii_case(id));
        found.next().ok_or_else(|| not_found(id))
    }

    /// What the actions that succeeded made of machines, by id.
    pub(super) fn conditions(&self, now: DateTime<Utc>) -> HashMap<&str, Condition> {
        let done = self.all.iter();
        let mut done: Vec<&Action> = done
            .filter(|action| action.status(now) == Status::Succeeded)
            .collect();
        done.sort_by_key(|action| action.ends);
        let mut conditions: HashMap<&str, Condition> = HashMap::new();
        for action in done {
            let condition = conditions.entry(&action.machine_id).or_default();
            match action.asked.kind {
                Kind::Isolate => condition.isolation.clone_from(&action.asked.scope),
                Kind::Unisolate => condition.isolation = None,
                Kind::RestrictCodeExecution => condition.restricted = true,
                Kind::UnrestrictCodeExecution => condition.restricted = false,
                Kind::Offboard => condition.offboarded = true,
                Kind::StopAndQuarantineFile => {
                    condition.quarantined.extend(action.asked.file.clone());
                }
                Kind::RunAntiVirusScan | Kind::LiveResponse | Kind::CollectInvestigationPackage => {
                }
            }
        }
        conditions
    }
}

fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found(format!("Machine action {id} was not found"))
}

pub(super) fn calls() -> Vec<Call> {
    let mut calls = respond::calls();
    calls.extend(live_response::calls());
    calls.extend(follow_up::calls());
    calls
}
