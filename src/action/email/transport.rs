//! Hands mails to a server or writes them into a folder, and says what came of it.
//!
//! | what happened | outcome |
//! |---|---|
//! | accepted, or the file is in place | done |
//! | no connection, TLS or login failed, 4xx, the disk is full | retry |
//! | any other 5xx: an unknown receiver, a mail too big | rejected |
//!
//! A wrong password is tried again: it is put right in the configuration, and no alert is lost.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::io::AsyncWriteExt as _;

use super::config::{EmailConfig, SmtpConfig, TlsMode};
use crate::action::ActionOutcome;
use crate::action::evidence::{shorten, visible};
use crate::alert::Delivery;

/// Where mails go.
#[derive(Debug)]
pub enum Transport {
    /// To a server.
    Smtp(Smtp),
    /// Into `new/` of a Maildir.
    Maildir(PathBuf),
    /// Into a folder, as `.eml`.
    Folder(PathBuf),
}

/// A mail server.
#[derive(Debug)]
pub struct Smtp {
    mailer: AsyncSmtpTransport<Tokio1Executor>,
    place: String,
    timeout: Duration,
}

/// A whole conversation may take so many times the longest wait for one answer.
const TIMEOUT_FACTOR: u32 = 10;
const REPLY_CHARS_MAX: usize = 300;

impl Transport {
    /// Prepares it; reads the certificate file, opens no connection.
    pub fn new(config: &EmailConfig) -> anyhow::Result<Self> {
        match (&config.smtp, &config.maildir, &config.folder) {
            (Some(smtp), None, None) => Ok(Self::Smtp(Smtp::new(smtp)?)),
            (None, Some(path), None) => Ok(Self::Maildir(path.clone())),
            (None, None, Some(path)) => Ok(Self::Folder(path.clone())),
            _ => anyhow::bail!("give exactly one of `smtp`, `maildir`, `folder`"),
        }
    }

    /// Tries out whether mails can be sent, and sends none. What was found, or what is wrong.
    pub async fn try_out(&self) -> Result<String, String> {
        let path = match self {
            Self::Smtp(smtp) => return smtp.try_out().await,
            Self::Maildir(path) | Self::Folder(path) => path,
        };
        let trial = path.join(".huntd-doctor");
        let written = async {
            tokio::fs::create_dir_all(path).await?;
            tokio::fs::write(&trial, b"").await?;
            tokio::fs::remove_file(&trial).await
        };
        let place = path.display();
        match written.await {
            Ok(()) => Ok(format!("{place} can be written")),
            Err(error) => Err(format!("cannot write into {place}: {error}")),
        }
    }

    /// Sends a mail.
    pub async fn send(&self, delivery: &Delivery, message: Message) -> ActionOutcome {
        let written = match self {
            Self::Smtp(smtp) => return smtp.send(message).await,
            Self::Maildir(path) => write_maildir(path, delivery, &message.formatted()).await,
            Self::Folder(path) => write_eml(path, delivery, &message.formatted()).await,
        };
        match written {
            Ok(()) => ActionOutcome::Done,
            Err(error) => {
                let (Self::Maildir(path) | Self::Folder(path)) = self else {
                    return ActionOutcome::retry(error.to_string());
                };
                let path = path.display();
                ActionOutcome::retry(format!("cannot write a mail into {path}: {error}"))
            }
        }
    }
}

impl Smtp {
    fn new(config: &SmtpConfig) -> anyhow::Result<Self> {
        let tls = match config.tls {
            TlsMode::None => Tls::None,
            TlsMode::Starttls => Tls::Required(tls_parameters(config)?),
            TlsMode::Tls => Tls::Wrapper(tls_parameters(config)?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.as_str())
                .port(config.port())
                .timeout(Some(config.timeout.0))
                .tls(tls);
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            builder = builder.credentials(credentials);
        }
        Ok(Self {
            mailer: builder.build(),
            place: format!("{}:{}", config.host, config.port()),
            timeout: config.timeout.0.saturating_mul(TIMEOUT_FACTOR),
        })
    }

    async fn try_out(&self) -> Result<String, String> {
        let place = &self.place;
        let wait = self.timeout / TIMEOUT_FACTOR;
        match tokio::time::timeout(wait, self.mailer.test_connection()).await {
            Ok(Ok(true)) => Ok(format!("{place} answers")),
            Ok(Ok(false)) => Err(format!("{place} does not answer as a mail server does")),
            Ok(Err(error)) => match self.outcome_of(&error) {
                ActionOutcome::Retry { why, .. } | ActionOutcome::Rejected { why } => Err(why),
                ActionOutcome::Done => Ok(format!("{place} answers")),
            },
            Err(_) => Err(format!(
                "{place} did not answer within {} s; check `smtp.host` and `smtp.port`",
                wait.as_secs()
            )),
        }
    }

    async fn send(&self, message: Message) -> ActionOutcome {
        match tokio::time::timeout(self.timeout, self.mailer.send(message)).await {
            Ok(Ok(_)) => ActionOutcome::Done,
            Ok(Err(error)) => self.outcome_of(&error),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                let place = &self.place;
                ActionOutcome::retry(format!("{place} did not take the mail within {seconds} s"))
            }
        }
    }

    fn outcome_of(&self, error: &lettre::transport::smtp::Error) -> ActionOutcome {
        let place = &self.place;
        let text = shorten(&mask_addresses(&visible(&chain(error))), REPLY_CHARS_MAX);
        if error.is_tls() || text.contains("certificate") {
            return ActionOutcome::retry(format!(
                "TLS with {place} failed: {text}; set `smtp.ca_file` if its certificate is of an \
                 authority of your own"
            ));
        }
        let Some(code) = error.status().map(u16::from) else {
            return ActionOutcome::retry(format!(
                "no mail to {place}: {text}; check `smtp.host`, `smtp.port` and that the server runs"
            ));
        };
        match code {
            // 530: login needed, 534/535/538: refused, 432/454: for now.
            432 | 454 | 530 | 534 | 535 | 538 => ActionOutcome::retry(format!(
                "{place} refuses the login: {text}; check `smtp.user` and `smtp.password`"
            )),
            // "Service not available": it would have taken a 4xx, but some servers mix them up.
            521 | 554 if text.contains("onnect") => {
                ActionOutcome::retry(format!("{place} refuses the connection: {text}"))
            }
            552 => ActionOutcome::rejected(format!(
                "{place} refuses the mail: {text}; lower `attachment_max_bytes` if it is too big"
            )),
            500..=599 => ActionOutcome::rejected(format!("{place} refuses the mail: {text}")),
            _ => ActionOutcome::retry(format!("{place} does not take the mail now: {text}")),
        }
    }
}

fn tls_parameters(config: &SmtpConfig) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let what = || format!("smtp.ca_file {}", path.display());
        let pem = std::fs::read(path).with_context(what)?;
        let certificate = Certificate::from_pem(&pem).with_context(what)?;
        builder = builder.add_root_certificate(certificate);
    }
    Ok(builder.build()?)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Leaves of each mail address in a server's reply what tells the receivers apart: the first
/// letter and the domain.
fn mask_addresses(text: &str) -> String {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'=".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let kept = before.trim_end_matches(is_local);
        let local = &before[kept.len()..];
        masked.push_str(kept);
        masked.extend(local.chars().take(1));
        if local.chars().nth(1).is_some() {
            masked.push('…');
        }
        masked.push('@');
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// `tmp/` to `new/`, as Maildir has it: readers never see half a mail. The name is made of the
/// delivery, so that a mail which is already there, read or unread, is not written again.
async fn write_maildir(root: &Path, delivery: &Delivery, mail: &[u8]) -> io::Result<()> {
    for folder in ["tmp", "new", "cur"] {
        tokio::fs::create_dir_all(root.join(folder)).await?;
    }
    let name = format!(
        "{}.{}.huntd",
        delivery.alert.created_at.timestamp(),
        delivery.id
    );
    let mut read_mails = tokio::fs::read_dir(root.join("cur")).await?;
    while let Some(entry) = read_mails.next_entry().await? {
        if entry.file_name().to_string_lossy().starts_with(&name) {
            return Ok(());
        }
    }
    let temporary = root.join("tmp").join(&name);
    put(&temporary, &root.join("new").join(&name), mail).await
}

async fn write_eml(root: &Path, delivery: &Delivery, mail: &[u8]) -> io::Result<()> {
    tokio::fs::create_dir_all(root).await?;
    let at = delivery.alert.created_at.format("%Y%m%dT%H%M%SZ");
    let name = format!("{at}-{}-{}.eml", delivery.alert.hunt.name, delivery.id);
    let temporary = root.join(format!(".{name}.part"));
    put(&temporary, &root.join(name), mail).await
}

/// Writes aside, makes durable, and renames. What a failure leaves aside is removed.
async fn put(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = async {
        let mut file = tokio::fs::File::create(temporary).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        tokio::fs::rename(temporary, path).await
    };
    let result = written.await;
    if result.is_err() {
        let _ = tokio::fs::remove_file(temporary).await;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked() {
        assert_eq!(
            mask_addresses("550 5.1.1 <bob.smith@example.com>: no such user, ask x@y"),
            "550 5.1.1 <b…@example.com>: no such user, ask x@y"
        );
        assert_eq!(mask_addresses("421 try later"), "421 try later");
    }
}
