//! The options of mails.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use serde::Deserialize;

use crate::action::payload;
use crate::action::{ActionProblem, GIVE_UP_AFTER};
use crate::duration::DurationText;
use crate::secret::Secret;
use crate::template;

/// A mail for each alert: HTML and text, with the whole result attached as CSV. Exactly one of
/// `smtp`, `maildir` and `folder` says where mails go.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// Sender, such as `huntd <huntd@example.com>`. Needed with `smtp`.
    #[serde(default)]
    pub from: Option<Address>,
    /// Receivers.
    pub to: Vec<Address>,
    /// Receivers of a copy.
    #[serde(default)]
    pub cc: Vec<Address>,
    /// Template of the subject; it may use the fields of the webhook's JSON
    /// (default: `[{{ severity | upper }}] {{ title }}`)
    #[serde(default = "default_subject")]
    pub subject: String,
    /// Sends mails through a server.
    #[serde(default)]
    pub smtp: Option<SmtpConfig>,
    /// Writes mails into this Maildir folder, which mail programs can open.
    #[serde(default)]
    pub maildir: Option<PathBuf>,
    /// Writes mails as `.eml` files into this folder.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Most bytes of the attached CSV; the mail says so if the result is cut. Zero attaches
    /// nothing (default: 5000000)
    #[serde(default = "default_attachment_max_bytes")]
    pub attachment_max_bytes: usize,
    /// Most rows of evidence in the mail's table, up to 100 (default: 100)
    #[serde(default = "default_evidence_rows_max")]
    pub evidence_rows_max: usize,
    /// How long a delivery is tried before it is given up and listed as dead (default: 24h)
    #[serde(default = "default_give_up_after")]
    pub give_up_after: DurationText,
}

/// A mail server.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Host name.
    pub host: String,
    /// Port (default: 587 with starttls, 465 with tls, 25 with none)
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is encrypted (default: starttls)
    #[serde(default)]
    pub tls: TlsMode,
    /// User, if the server asks for one.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of the user.
    #[serde(default)]
    pub password: Option<Secret>,
    /// PEM file with more certificate authorities to trust.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Longest wait for one answer of the server (default: 30s)
    #[serde(default = "default_timeout")]
    pub timeout: DurationText,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// After the greeting; a server that does not offer it gets no mail.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

fn default_subject() -> String {
    "[{{ severity | upper }}] {{ title }}".to_owned()
}

fn default_attachment_max_bytes() -> usize {
    5_000_000
}

fn default_evidence_rows_max() -> usize {
    EVIDENCE_ROWS_MAX
}

fn default_give_up_after() -> DurationText {
    DurationText(GIVE_UP_AFTER)
}

fn default_timeout() -> DurationText {
    DurationText(Duration::from_secs(30))
}

/// More rows than this are no table for people.
const EVIDENCE_ROWS_MAX: usize = 100;
/// More than this no mail server takes.
const ATTACHMENT_BYTES_MAX: usize = 50_000_000;

impl SmtpConfig {
    /// The port, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            TlsMode::Starttls => 587,
            TlsMode::Tls => 465,
            TlsMode::None => 25,
        })
    }

    fn is_on_this_machine(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn check(&self, problems: &mut Vec<ActionProblem>) {
        let mut problem = |field, reason| problems.push(ActionProblem::new(field, reason));
        if self.host.trim().is_empty() {
            problem("smtp.host", "must not be empty");
        }
        match (&self.user, &self.password) {
            (Some(_), None) => problem("smtp.password", "is missing: `user` needs one"),
            (None, Some(_)) => problem("smtp.user", "is missing: `password` needs one"),
            (Some(_), Some(_)) if self.tls == TlsMode::None && !self.is_on_this_machine() => {
                problem(
                    "smtp.tls",
                    "`none` would send the password readable; use starttls or tls",
                );
            }
            _ => {}
        }
        if self.ca_file.is_some() && self.tls == TlsMode::None {
            problem("smtp.ca_file", "has no use with `tls: none`");
        }
        if self.timeout.0.is_zero() {
            problem("smtp.timeout", "must be longer than zero");
        }
    }
}

impl EmailConfig {
    /// Everything that is wrong with it.
    pub fn check(&self) -> Vec<ActionProblem> {
        let mut problems = Vec::new();
        let mut problem = |field, reason: &str| problems.push(ActionProblem::new(field, reason));
        let places = [
            self.smtp.is_some(),
            self.maildir.is_some(),
            self.folder.is_some(),
        ];
        match places.into_iter().filter(|given| *given).count() {
            0 => problem(
                "smtp",
                "is missing: give one of `smtp`, `maildir`, `folder`",
            ),
            1 => {}
            _ => problem("smtp", "give only one of `smtp`, `maildir`, `folder`"),
        }
        if self.to.is_empty() {
            problem("to", "must not be empty");
        }
        if self.smtp.is_some() && self.from.is_none() {
            problem("from", "is missing: servers refuse mails without a sender");
        }
        if self.evidence_rows_max > EVIDENCE_ROWS_MAX {
            problem("evidence_rows_max", "must be at most 100");
        }
        if self.attachment_max_bytes > ATTACHMENT_BYTES_MAX {
            problem("attachment_max_bytes", "must be at most 50000000");
        }
        if let Err(error) = template::check(&self.subject, payload::NAMES) {
            problem("subject", &error.to_string());
        }
        if let Some(smtp) = &self.smtp {
            smtp.check(&mut problems);
        }
        problems
    }

    /// Where mails go, for people.
    pub fn destination(&self) -> String {
        let receivers: Vec<String> = self.to.iter().map(|to| to.0.email.to_string()).collect();
        let place = match (&self.smtp, &self.maildir, &self.folder) {
            (Some(smtp), ..) => format!("{}:{}", smtp.host, smtp.port()),
            (_, Some(path), _) | (_, _, Some(path)) => path.display().to_string(),
            _ => "nowhere".to_owned(),
        };
        format!("{} via {place}", receivers.join(", "))
    }
}

/// A mail address, with or without a name.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub(super) Mailbox);

/// A text that is no mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mail address; write soc@example.com or SOC <soc@example.com>")]
pub struct InvalidAddress(String);

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        match text.parse() {
            Ok(mailbox) => Ok(Self(mailbox)),
            Err(_) => Err(InvalidAddress(text)),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.0.email.domain())
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A mail address: soc@example.com or SOC <soc@example.com>.",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(config: serde_json::Value) -> Vec<String> {
        let config: EmailConfig = serde_json::from_value(config).unwrap();
        config.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_configurations_pass() {
        let to = json!(["SOC <soc@example.com>"]);
        assert_eq!(problems(json!({"to": to, "maildir": "mail"})), [""; 0]);
        let smtp = json!({"host": "127.0.0.1", "tls": "none", "user": "u", "password": "p"});
        let config = json!({"to": to, "from": "huntd@example.com", "smtp": smtp});
        assert_eq!(problems(config), [""; 0]);
    }

    #[test]
    fn mistakes_are_found_together() {
        let smtp = json!({"host": "mx.example.com", "tls": "none", "user": "u", "password": "p"});
        let config = json!({
            "to": [], "folder": "mail", "smtp": smtp, "subject": "{{ titel }}",
            "evidence_rows_max": 500,
        });
        insta::assert_snapshot!(problems(config).join("\n"), @r#"
        smtp: give only one of `smtp`, `maildir`, `folder`
        to: must not be empty
        from: is missing: servers refuse mails without a sender
        evidence_rows_max: must be at most 100
        subject: line 1 of the template: `titel` is not known here; did you mean `title`?
        smtp.tls: `none` would send the password readable; use starttls or tls
        "#);
    }

    #[test]
    fn a_wrong_address_is_named_and_a_password_is_not() {
        let config = json!({"to": ["soc"], "maildir": "mail"});
        let error = serde_json::from_value::<EmailConfig>(config).unwrap_err();
        assert!(error.to_string().contains("`soc` is not a mail address"));
        let smtp = json!({"host": "h", "user": "u", "password": "hunter2"});
        let config = json!({"to": ["soc@example.com"], "smtp": smtp});
        let config: EmailConfig = serde_json::from_value(config).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
