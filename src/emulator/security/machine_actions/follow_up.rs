//! `/api/machineactions`: what became of actions, cancelling them, and what they brought back.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::call::{Call, Rate, Reply, Request};
use super::super::download::{Content, zip};
use super::super::error::ApiError;
use super::super::folder::timestamp;
use super::super::machines::{READ, told};
use super::super::odata::{self, Accepted, Options, Paging};
use super::super::{Security, check_role};
use super::respond::UPDATED_SINGLE;
use super::{Cancelled, Kind, Status};

/// Name of the time of the last change where actions are listed.
const UPDATED_LIST: &str = "lastUpdateTimeUtc";
/// How long a link to a package works; the documents say no more than "short".
const PACKAGE_LINK: TimeDelta = TimeDelta::minutes(15);
/// How long a link to the result of a command works.
const RESULT_LINK: TimeDelta = TimeDelta::minutes(30);

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("id", odata::Kind::Word),
        ("status", odata::Kind::Word),
        ("machineId", odata::Kind::Text),
        ("type", odata::Kind::Word),
        ("requestor", odata::Kind::Text),
        ("creationDateTimeUtc", odata::Kind::Time),
    ],
    expandable: None,
};

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/machineactions", READ, list),
        Call::get("/api/machineactions/{}", READ, single),
        Call::post("/api/machineactions/{}/cancel", &[], cancel),
        Call::get("/api/machineactions/{}/getPackageUri", READ, package).at(Rate::of(2, 120)),
        Call::get(
            "/api/machineactions/{}/GetLiveResponseResultDownloadLink()",
            READ,
            result,
        ),
    ]
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let settings = security.settings();
    let paging = Paging::Defender {
        page: settings.defender_page,
        links: settings.defender_next_link,
    };
    let options = Options::read(&request, &ACCEPTED, paging)?;
    let now = security.now();
    let known = security.known();
    let newest_first = known.actions.all.iter().rev();
    let items = newest_first.map(|action| Value::Object(action.told(now, UPDATED_LIST)));
    let page = options.page(&request, items.collect());
    Ok(page.reply(&request, &request.context("MachineActions")))
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let known = security.known();
    let action = known.actions.find(request.found(0))?;
    let action = action.told(security.now(), UPDATED_SINGLE);
    Ok(Reply::entity(&request, "MachineActions", action))
}

async fn cancel(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let now = security.now();
    let mut known = security.known();
    let action = known.actions.find_mut(request.found(0))?;
    check_role(&request.caller, action.asked.kind.roles())?;
    let body = request.object()?;
    let comment = body.required("Comment")?.to_owned();
    body.only(&["Comment"])?;
    let status = action.status(now);
    if status.is_final() {
        let message = format!("The action is {} and cannot be cancelled", status.word());
        return Err(ApiError::bad("BadRequest", message));
    }
    action.cancelled = Some(Cancelled {
        by: request.caller.app.clone(),
        comment,
        at: now,
    });
    let action = action.told(now, UPDATED_SINGLE);
    Ok(Reply::entity(&request, "MachineActions", action))
}

async fn package(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let machines = security.machines().await?;
    let now = security.now();
    let mut known = security.known();
    let action = known.actions.find(request.found(0))?;
    if action.asked.kind != Kind::CollectInvestigationPackage {
        return Err(ApiError::not_found("The action collects no package"));
    }
    if action.status(now) != Status::Succeeded {
        return Err(ApiError::not_found("The package is not there yet"));
    }
    let machine = machines.find(&action.machine_id)?;
    let machine = Value::Object(told(machine, &known, now));
    let summary = format!(
        "Investigation package of {}\nCollected {}\n",
        action.machine_name,
        timestamp(action.ends)
    );
    let files = [
        ("Forensics Collection Summary.txt", summary.into_bytes()),
        ("machine.json", machine.to_string().into_bytes()),
    ];
    let content = Content {
        media_type: "application/zip",
        bytes: zip(&files),
    };
    let path = known
        .downloads
        .add("package.zip", content, now + PACKAGE_LINK, now);
    // The service wraps the address in quotes of its own.
    let quoted = format!("\"{}{path}\"", request.base);
    Ok(Reply::ok(json!({
        "@odata.context": request.context("Edm.String"),
        "value": quoted,
    })))
}

async fn result(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let index = request.found(1).trim().strip_prefix("index=");
    let index: Option<usize> = index.and_then(|index| index.trim().parse().ok());
    let index = index.ok_or_else(|| ApiError::missing_parameter("index"))?;
    let now = security.now();
    let mut known = security.known();
    let action = known.actions.find(request.found(0))?;
    let commands = action.asked.commands.as_ref();
    let result = commands.and_then(|commands| commands.result(action, index, now));
    let none = || ApiError::not_found("There is no result of this command");
    let content = Content {
        media_type: "application/octet-stream",
        bytes: result.ok_or_else(none)?,
    };
    let path = known
        .downloads
        .add("result", content, now + RESULT_LINK, now);
    Ok(Reply::ok(json!({
        "@odata.context": request.context("Edm.String"),
        "value": format!("{}{path}", request.base),
    })))
}
