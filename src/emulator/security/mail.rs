//! `sendMail` of Microsoft Graph: mails are taken and kept for `GET /admin/mails`; none is
//! delivered. Both forms are read: JSON, and MIME in base64.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Security;
use super::call::{Call, Rate, Reply, Request};
use super::error::ApiError;
use super::folder::timestamp;

const SEND: &[&str] = &["Mail.Send"];
/// Largest attachment that is sent within the mail.
const ATTACHMENT_BYTES_MAX: usize = 3_000_000;
/// Most recipients of a mail.
const RECIPIENTS_MAX: usize = 500;
/// Most mails that are kept, and their bytes; the oldest go first.
const MAILS_MAX: usize = 1_000;
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Mails that were sent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Mails {
    kept: VecDeque<Mail>,
    bytes: usize,
}

/// A mail.
#[derive(Debug)]
struct Mail {
    mailbox: String,
    sent: DateTime<Utc>,
    saved: bool,
    recipients: Vec<String>,
    content: Content,
    bytes: usize,
}

#[derive(Debug)]
enum Content {
    Message(Value),
    Mime(String),
}

impl Mails {
    fn keep(&mut self, mail: Mail) {
        self.bytes += mail.bytes;
        self.kept.push_back(mail);
        while self.kept.len() > MAILS_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes;
        }
    }

    /// All, oldest first, for whoever runs the emulator.
    pub(super) fn told(&self) -> Vec<Value> {
        let told = self.kept.iter().map(|mail| {
            let (message, mime) = match &mail.content {
                Content::Message(message) => (Some(message), None),
                Content::Mime(mime) => (None, Some(mime)),
            };
            json!({
                "from": mail.mailbox,
                "sent": timestamp(mail.sent),
                "savedToSentItems": mail.saved,
                "recipients": mail.recipients,
                "message": message,
                "mime": mime,
            })
        });
        told.collect()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

pub(super) fn calls() -> Vec<Call> {
    let rate = Rate::per_minute(1_000);
    vec![
        Call::post("/v1.0/users/{}/sendMail", SEND, send).at(rate),
        Call::post("/v1.0/me/sendMail", SEND, async |_, _| {
            Err(ApiError::bad(
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            ))
        })
        .at(rate),
    ]
}

async fn send(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let mailbox = request.found(0);
    let settings = security.settings();
    let is_user = mailbox.contains('@') || uuid::Uuid::parse_str(mailbox).is_ok();
    let there = settings.mailboxes.is_empty() || {
        let mut mailboxes = settings.mailboxes.iter();
        mailboxes.any(|known| known.eq_ignore_ascii_case(mailbox))
    };
    if !is_user || !there {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "ErrorInvalidUser",
            "The requested user is invalid.",
        ));
    }
    let media_type = request.header("content-type").unwrap_or("");
    let is_mime = media_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/plain");
    let (content, recipients, saved) = if is_mime {
        let (mime, recipients) = read_mime(&request.body)?;
        (Content::Mime(mime), recipients, true)
    } else {
        read_json(&request)?
    };
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(invalid_recipients());
    }
    let mail = Mail {
        mailbox: mailbox.to_owned(),
        sent: security.now(),
        saved,
        recipients,
        content,
        bytes: request.body.len(),
    };
    security.known().mails.keep(mail);
    Ok(Reply::Empty(StatusCode::ACCEPTED))
}

fn invalid_recipients() -> ApiError {
    ApiError::bad(
        "ErrorInvalidRecipients",
        "At least one recipient is not valid.",
    )
}

fn read_json(request: &Request) -> Result<(Content, Vec<String>, bool), ApiError> {
    let body = request.object()?;
    body.only(&["message", "Message", "saveToSentItems", "SaveToSentItems"])?;
    let message = body.get("message").or_else(|| body.get("Message"));
    let message = message.filter(|message| message.is_object());
    let message = message.ok_or_else(|| ApiError::missing_parameter("Message"))?;
    let saved = body
        .get("saveToSentItems")
        .or_else(|| body.get("SaveToSentItems"));
    let saved = match saved {
        None => true,
        Some(Value::Bool(saved)) => *saved,
        Some(_) => {
            return Err(ApiError::invalid_body(
                "'saveToSentItems' is not true or false",
            ));
        }
    };
    if let Some(ty) = message.pointer("/body/contentType") {
        let known = ty
            .as_str()
            .is_some_and(|ty| ty.eq_ignore_ascii_case("text") || ty.eq_ignore_ascii_case("html"));
        if !known {
            return Err(ApiError::invalid_body(
                "'contentType' is neither Text nor HTML",
            ));
        }
    }
    let mut recipients = Vec::new();
    for list in ["toRecipients", "ccRecipients", "bccRecipients"] {
        let listed = message.get(list).and_then(Value::as_array);
        for recipient in listed.into_iter().flatten() {
            let address = recipient
                .pointer("/emailAddress/address")
                .and_then(Value::as_str);
            let address = address.filter(|address| is_address(address));
            recipients.push(address.ok_or_else(invalid_recipients)?.to_owned());
        }
    }
    let headers = message
        .get("internetMessageHeaders")
        .and_then(Value::as_array);
    for header in headers.into_iter().flatten() {
        let name = header.get("name").and_then(Value::as_str).unwrap_or("");
        if !name.to_ascii_lowercase().starts_with("x-") {
            return Err(ApiError::bad(
                "InvalidInternetMessageHeader",
                "The internet message header name should start with 'x-' or 'X-'.",
            ));
        }
    }
    let attachments = message.get("attachments").and_then(Value::as_array);
    for attachment in attachments.into_iter().flatten() {
        let bytes = attachment.get("contentBytes").and_then(Value::as_str);
        let decoded = bytes.map(|bytes| STANDARD.decode(bytes));
        match decoded {
            Some(Ok(content)) if content.len() < ATTACHMENT_BYTES_MAX => {}
            Some(Ok(_)) => return Err(ApiError::too_large(ATTACHMENT_BYTES_MAX)),
            _ => return Err(ApiError::invalid_body("'contentBytes' is not base64")),
        }
    }
    Ok((Content::Message(message.clone()), recipients, saved))
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| {
        let fits = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        fits(local) && fits(domain) && !domain.starts_with('.') && !domain.ends_with('.')
    })
}

fn read_mime(body: &[u8]) -> Result<(String, Vec<String>), ApiError> {
    let compact: Vec<u8> = body
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let decoded = STANDARD
        .decode(compact)
        .ok()
        .filter(|mime| !mime.is_empty());
    let decoded = decoded.ok_or_else(|| {
        ApiError::bad(
            "ErrorMimeContentInvalidBase64String",
            "Invalid base64 string for MIME content.",
        )
    })?;
    let mime = String::from_utf8_lossy(&decoded).into_owned();
    let mut recipients = Vec::new();
    let mut to_recipients = false;
    for line in mime.lines().take_while(|line| !line.is_empty()) {
        let value = if line.starts_with([' ', '\t']) {
            line
        } else {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = name.to_ascii_lowercase();
            to_recipients = ["to", "cc", "bcc"].contains(&name.as_str());
            value
        };
        if to_recipients {
            let parts = value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            for part in parts {
                let address = part.rsplit_once('<').map_or(part, |(_, rest)| rest);
                let address = address.trim_end_matches('>').trim();
                if is_address(address) {
                    recipients.push(address.to_owned());
                }
            }
        }
    }
    Ok((mime, recipients))
}
