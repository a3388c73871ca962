//! The calls that ask for an action: `/api/machines/{id}/isolate` and its siblings.

use std::sync::Arc;

use axum::http::StatusCode;

use super::super::Security;
use super::super::call::{Call, Object, Reply, Request};
use super::super::error::ApiError;
use super::super::settings::Repeat;
use super::{Asked, Kind};

/// Name of the time of the last change where one action is told.
pub(super) const UPDATED_SINGLE: &str = "lastUpdateDateTimeUtc";

pub(super) fn calls() -> Vec<Call> {
    let call = |path, kind: Kind| {
        Call::post(path, kind.roles(), move |security, request| {
            respond(security, request, kind)
        })
    };
    vec![
        call("/api/machines/{}/isolate", Kind::Isolate),
        call("/api/machines/{}/unisolate", Kind::Unisolate),
        call(
            "/api/machines/{}/restrictCodeExecution",
            Kind::RestrictCodeExecution,
        ),
        call(
            "/api/machines/{}/unrestrictCodeExecution",
            Kind::UnrestrictCodeExecution,
        ),
        call("/api/machines/{}/runAntiVirusScan", Kind::RunAntiVirusScan),
        call(
            "/api/machines/{}/collectInvestigationPackage",
            Kind::CollectInvestigationPackage,
        ),
        call(
            "/api/machines/{}/StopAndQuarantineFile",
            Kind::StopAndQuarantineFile,
        ),
        call("/api/machines/{}/offboard", Kind::Offboard),
    ]
}

async fn respond(security: Arc<Security>, request: Request, kind: Kind) -> Result<Reply, ApiError> {
    let asked = read(&request.object()?, kind, &request.caller.app)?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    if kind.needs_windows() && !machine.os_platform.starts_with("Windows") {
        let message = format!(
            "{} is not supported on {}",
            kind.word(),
            machine.os_platform
        );
        return Err(ApiError::bad("OsPlatformNotSupported", message));
    }
    let settings = security.settings();
    let now = security.now();
    // The page of offboarding says 200 where those of its siblings say 201.
    let status = match kind {
        Kind::Offboard => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    let mut known = security.known();
    let running = known
        .actions
        .running(machine, kind, asked.file.as_deref(), now);
    let action = match running {
        None => known.actions.start(asked, machine, &settings, now)?,
        Some(running)
            if settings.repeat == Repeat::ReturnPending
                && kind != Kind::CollectInvestigationPackage =>
        {
            running
        }
        Some(_) => return Err(ApiError::bad("BadRequest", "Action is already in progress")),
    };
    let action = action.told(now, UPDATED_SINGLE);
    Ok(Reply::entity_as(status, &request, "MachineActions", action))
}

/// What the body asks for.
fn read(body: &Object, kind: Kind, requestor: &str) -> Result<Asked, ApiError> {
    let comment = body.required("Comment")?.to_owned();
    let (scope, scope_name) = match kind {
        Kind::Isolate => {
            let scopes = ["Full", "Selective", "UnManagedDevice"];
            let scope = body.text("IsolationType")?;
            (
                Some(scope_of("IsolationType", scope.unwrap_or("Full"), &scopes)?),
                "IsolationType",
            )
        }
        Kind::RunAntiVirusScan => {
            let scope = body.required("ScanType")?;
            (
                Some(scope_of("ScanType", scope, &["Quick", "Full"])?),
                "ScanType",
            )
        }
        _ => (None, "Comment"),
    };
    let (file, file_name) = match kind {
        Kind::StopAndQuarantineFile => {
            let sha1 = body.required("Sha1")?;
            if sha1.len() != 40 || !sha1.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(ApiError::bad(
                    "InvalidHashValue",
                    "Sha1 is not a SHA-1 hash",
                ));
            }
            (Some(sha1.to_lowercase()), "Sha1")
        }
        _ => (None, "Comment"),
    };
    body.only(&["Comment", "ExternalId", scope_name, file_name])?;
    Ok(Asked {
        kind,
        scope,
        comment: Some(comment),
        external_id: body.text("ExternalId")?.map(str::to_owned),
        file,
        commands: None,
        requestor: requestor.to_owned(),
    })
}

fn scope_of(name: &str, scope: &str, allowed: &[&str]) -> Result<String, ApiError> {
    if allowed.contains(&scope) {
        return Ok(scope.to_owned());
    }
    let message = format!("{name} is not one of {}", allowed.join(", "));
    Err(ApiError::invalid_input(message))
}
