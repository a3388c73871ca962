//! `/api/files/{hash}`: files by their hashes, from the tables of events on machines. What the
//! service knows of the whole world is what the folder knows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::super::call::{Call, Reply, Request, members};
use super::super::error::ApiError;
use super::super::folder::{self, Question, Row, timestamp};
use super::super::machines::{READ, values};
use super::super::{Security, alerts};
use super::{ALERTS, Place, look_back, machine_ids, sightings, span};

const FILES: &[&str] = &["File.Read.All"];

/// What is asked of each machine.
const SUMMARIZED: &str = ", Names = make_set(FileName, 10), Sizes = make_set(FileSize, 1), \
    Sha1s = make_set_if(SHA1, isnotempty(SHA1), 1), \
    Sha256s = make_set_if(SHA256, isnotempty(SHA256), 1), \
    Md5s = make_set_if(MD5, isnotempty(MD5), 1)";

const BY_SHA1: &[Place] = &[
    ("DeviceFileEvents", "SHA1 =~ value"),
    ("DeviceImageLoadEvents", "SHA1 =~ value"),
    ("DeviceProcessEvents", "SHA1 =~ value"),
];
const BY_SHA256: &[Place] = &[
    ("DeviceFileEvents", "SHA256 =~ value"),
    ("DeviceImageLoadEvents", "SHA256 =~ value"),
    ("DeviceProcessEvents", "SHA256 =~ value"),
];

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/files/{}", FILES, single),
        Call::get("/api/files/{}/stats", FILES, stats),
        Call::get("/api/files/{}/machines", READ, machines),
        Call::get("/api/files/{}/alerts", ALERTS, alerts_of),
    ]
}

/// Where a hash is looked for.
fn places(hash: &str) -> Result<&'static [Place], ApiError> {
    let is_hex = hash.chars().all(|c| c.is_ascii_hexdigit());
    match hash.len() {
        40 if is_hex => Ok(BY_SHA1),
        64 if is_hex => Ok(BY_SHA256),
        _ => Err(ApiError::bad(
            "InvalidHashValue",
            "The file identifier is neither a SHA-1 nor a SHA-256 hash",
        )),
    }
}

async fn seen(
    security: &Security,
    hash: &str,
    back: Option<TimeDelta>,
) -> Result<Vec<Row>, ApiError> {
    let places = places(hash)?;
    sightings(
        &security.folder,
        places,
        SUMMARIZED,
        hash,
        security.now(),
        back,
    )
    .await
}

/// The first element of a list in some row.
fn first(rows: &[Row], column: &str) -> Option<Value> {
    rows.iter()
        .find_map(|row| match folder::inner(row, column)? {
            Value::Array(items) => items.into_iter().next(),
            _ => None,
        })
}

/// The names of a file, those of most machines first.
fn names(rows: &[Row]) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for row in rows {
        let Some(Value::Array(names)) = folder::inner(row, "Names") else {
            continue;
        };
        for name in names.iter().filter_map(Value::as_str) {
            let has_room = counted.len() < 100;
            match counted.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None if has_room => counted.push((name.to_owned(), 1)),
                None => {}
            }
        }
    }
    counted.sort_by(|(_, one), (_, other)| other.cmp(one));
    let names = counted.into_iter().map(|(name, _)| name);
    names.filter(|name| !name.is_empty()).take(10).collect()
}

fn not_found(hash: &str) -> ApiError {
    ApiError::not_found(format!("File {hash} was not found"))
}

/// A file as it is told, if the folder knows it.
pub(in super::super) async fn entity(
    security: &Security,
    hash: &str,
) -> Result<Option<Map<String, Value>>, ApiError> {
    let rows = seen(security, hash, None).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let sha1 = first(&rows, "Sha1s");
    let certificate = match sha1.as_ref().and_then(Value::as_str) {
        Some(sha1) => certificate(security, sha1).await?,
        None => Row::new(),
    };
    let (first_seen, last_seen) = span(&rows);
    let name = names(&rows).into_iter().next().unwrap_or_default();
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    let is_program = extension
        .as_deref()
        .is_some_and(|extension| ["exe", "dll", "sys", "scr", "ocx"].contains(&extension));
    Ok(Some(members(json!({
        "sha1": sha1,
        "sha256": first(&rows, "Sha256s"),
        "md5": first(&rows, "Md5s"),
        "globalPrevalence": rows.len(),
        "globalFirstObserved": first_seen.map(timestamp),
        "globalLastObserved": last_seen.map(timestamp),
        "size": first(&rows, "Sizes"),
        "fileType": extension,
        "isPeFile": is_program,
        "filePublisher": folder::text(&certificate, "Signer"),
        "fileProductName": null,
        "signer": folder::text(&certificate, "Signer"),
        "issuer": folder::text(&certificate, "Issuer"),
        "signerHash": folder::text(&certificate, "SignerHash"),
        "isValidCertificate": folder::truth(&certificate, "IsTrusted"),
        "determinationType": "Unknown",
        "determinationValue": null,
    }))))
}

/// What is known of the signature of a file.
async fn certificate(security: &Security, sha1: &str) -> Result<Row, ApiError> {
    if !security.folder.has("DeviceFileCertificateInfo").await? {
        return Ok(Row::new());
    }
    let question = Question::new(
        "DeviceFileCertificateInfo\n\
         | where SHA1 =~ value\n\
         | project Timestamp, Signer, SignerHash, Issuer, IsTrusted\n\
         | top 1 by Timestamp",
        security.now(),
    );
    let rows = security.folder.rows(question.text("value", sha1)).await?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let hash = request.found(0);
    let file = entity(&security, hash).await?;
    let file = file.ok_or_else(|| not_found(hash))?;
    Ok(Reply::entity(&request, "Files", file))
}

async fn stats(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let back = look_back(&request)?;
    let hash = request.found(0);
    let rows = seen(&security, hash, Some(back)).await?;
    // Known is what was ever seen, even if not lately.
    let ever = seen(&security, hash, None).await?;
    if ever.is_empty() {
        return Err(not_found(hash));
    }
    let (first_seen, last_seen) = span(&rows);
    let (first_ever, last_ever): (Option<DateTime<Utc>>, Option<DateTime<Utc>>) = span(&ever);
    let stats = json!({
        "@odata.context":
            request.context("microsoft.windowsDefenderATP.api.InOrgFileStats"),
        "sha1": first(&ever, "Sha1s"),
        "organizationPrevalence": rows.len(),
        "orgFirstSeen": first_seen.map(timestamp),
        "orgLastSeen": last_seen.map(timestamp),
        // The service spells it like this.
        "globallyPrevalence": ever.len(),
        "globalFirstObserved": first_ever.map(timestamp),
        "globalLastObserved": last_ever.map(timestamp),
        "topFileNames": names(&rows),
    });
    Ok(Reply::ok(stats))
}

async fn machines(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let sha1 = request.found(0);
    if sha1.len() != 40 {
        return Err(ApiError::bad(
            "InvalidHashValue",
            "Only SHA-1 hashes are supported",
        ));
    }
    let ids = machine_ids(&seen(&security, sha1, None).await?);
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let found = ids.iter().filter_map(|id| machines.find(id).ok());
    Ok(Reply::list(&request, "Machines", values(&security, found)))
}

async fn alerts_of(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let hash = request.found(0);
    places(hash)?;
    security.read_alerts().await?;
    alerts::defender::listed(&security, &request, |alert| {
        alert.evidence.iter().any(|evidence| {
            ["SHA1", "SHA256"].iter().any(|column| {
                folder::text(&evidence.row, column)
                    .is_some_and(|known| known.eq_ignore_ascii_case(hash))
            })
        })
    })
}
