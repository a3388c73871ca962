//! Asks the Azure CLI for a token of the account that is signed in.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::BYTES_MAX;
use super::entra::whole_number;
use crate::microsoft::Audience;
use crate::microsoft::config::AzureCliAuth;
use crate::microsoft::token::AccessToken;
use crate::microsoft::token_error::{TokenError, TokenErrorKind};
use crate::secret::Secret;

/// How long the program may take, which is started anew for each token.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Most of what it says about a failure that is read.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;

#[cfg(windows)]
const PROGRAM: &str = "az.cmd";
#[cfg(not(windows))]
const PROGRAM: &str = "az";

pub(super) async fn acquire(
    auth: &AzureCliAuth,
    tenant: &str,
    audience: &Audience,
) -> Result<AccessToken, TokenError> {
    let program = auth
        .program
        .clone()
        .unwrap_or_else(|| PathBuf::from(PROGRAM));
    // On Windows the program is a batch file, whose arguments a shell reads.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '-' | '_');
    for text in [tenant, audience.resource()] {
        if text.starts_with('-') || !text.chars().all(is_plain) {
            return Err(TokenError::misconfigured(
                "the tenant or the audience has characters that are not passed to a program",
            ));
        }
    }
    let mut command = Command::new(&program);
    command
        .args(["account", "get-access-token", "--output", "json"])
        .args(["--resource", audience.resource(), "--tenant", tenant])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let shown = program.display().to_string();
    let running = run(command, &shown);
    let (is_success, output, complaint) = tokio::time::timeout(TIMEOUT, running)
        .await
        .unwrap_or_else(|_| {
            let message = format!("{shown} gave no token within a minute");
            Err(TokenError::new(TokenErrorKind::Unavailable, &message))
        })?;
    if !is_success {
        let message = format!("{shown} gave no token: {}", complaint.trim());
        let kind = if is_about_sign_in(&complaint) {
            TokenErrorKind::Rejected
        } else {
            TokenErrorKind::Unavailable
        };
        let help = format!("if that stays, run `az login --tenant {tenant}`");
        return Err(TokenError::new(kind, &message).with_help(help));
    }
    token_of(&output).ok_or_else(|| {
        let message = format!("{shown} gave no token with `expires_on`");
        TokenError::misconfigured(&message).with_help("install version 2.54.0 or later")
    })
}

/// Whether the program failed because nobody is signed in, or may not have the token. Else it has
/// failed in another way, such as by the network.
fn is_about_sign_in(complaint: &str) -> bool {
    ["az login", "AADSTS", "No subscription"]
        .iter()
        .any(|words| complaint.contains(words))
}

async fn run(mut command: Command, shown: &str) -> Result<(bool, Vec<u8>, String), TokenError> {
    let failed = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "install the Azure CLI, or name it in `auth.program`",
            _ => "check `auth.program`",
        };
        TokenError::misconfigured(&format!("{shown} cannot be run: {error}")).with_help(help)
    };
    let mut child = command.spawn().map_err(failed)?;
    let (mut output, mut complaint) = (Vec::new(), Vec::new());
    // What is over the bound is not read; the program then ends by itself or by the time limit.
    let out = child.stdout.take().expect("it is piped");
    let err = child.stderr.take().expect("it is piped");
    let mut out = out.take(BYTES_MAX as u64);
    let mut err = err.take(COMPLAINT_BYTES_MAX);
    let (read, complained) = tokio::join!(
        out.read_to_end(&mut output),
        err.read_to_end(&mut complaint)
    );
    read.and(complained).map_err(failed)?;
    drop((out, err));
    let status = child.wait().await.map_err(failed)?;
    Ok((
        status.success(),
        output,
        String::from_utf8_lossy(&complaint).into_owned(),
    ))
}

/// The token in the program's output. `expiresOn` is local time without a zone, so it is not used.
fn token_of(output: &[u8]) -> Option<AccessToken> {
    let members: Value = serde_json::from_slice(output).ok()?;
    let token = members.get("accessToken")?.as_str()?;
    let expires_on = members.get("expires_on").and_then(whole_number)?;
    Some(AccessToken {
        secret: Secret::new(token),
        expires_at: DateTime::from_timestamp(expires_on, 0)?,
    })
}
