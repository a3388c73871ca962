//! Composes the mail of a delivery.

use anyhow::Context as _;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde::Serialize;

use super::config::EmailConfig;
use super::view::{Attached, View};
use crate::action::evidence::csv::CsvText;
use crate::action::evidence::{shorten, visible};
use crate::action::payload::{self, Payload};
use crate::alert::Delivery;
use crate::finding::Severity;
use crate::template::{Escape, Template};

/// Longer subjects are cut by most programs anyway.
const SUBJECT_CHARS_MAX: usize = 200;

/// Composes mails.
#[derive(Debug)]
pub struct Composer {
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    subject: Template,
    html: Template,
    text: Template,
    evidence_rows_max: usize,
}

#[derive(Serialize)]
struct Values {
    mail: View,
}

impl Composer {
    /// Parses the templates.
    pub fn new(config: &EmailConfig) -> anyhow::Result<Self> {
        let from = match &config.from {
            Some(from) => from.0.clone(),
            None => Mailbox::new(
                Some("huntd".to_owned()),
                Address::new("huntd", "localhost")?,
            ),
        };
        let names = &["mail"];
        Ok(Self {
            from,
            to: config.to.iter().map(|to| to.0.clone()).collect(),
            cc: config.cc.iter().map(|cc| cc.0.clone()).collect(),
            subject: Template::parse(&config.subject, Escape::Plain, payload::NAMES)
                .context("subject")?,
            html: Template::parse(include_str!("message.html"), Escape::Html, names)?,
            text: Template::parse(include_str!("message.txt"), Escape::Plain, names)?,
            evidence_rows_max: config.evidence_rows_max,
        })
    }

    /// The mail of a delivery. The same delivery gives the same mail, but for part boundaries.
    pub fn compose(
        &self,
        delivery: &Delivery,
        csv: Option<CsvText>,
        attached: Attached,
    ) -> anyhow::Result<Message> {
        let subject = self
            .subject
            .render(&Payload::of(delivery, self.evidence_rows_max))
            .context("subject")?;
        let values = Values {
            mail: View::of(delivery, self.evidence_rows_max, attached),
        };
        let text = self.text.render(&values).context("text part")?;
        let html = self.html.render(&values).context("HTML part")?;
        let html = html.trim_start().to_owned();

        let domain = self.from.email.domain();
        // Mail programs show the mails of a hunt as one conversation: all refer to a mail that
        // was never sent.
        let thread = format!("<hunt.{}@{domain}>", delivery.alert.hunt.name);
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(shorten(&visible(subject.trim()), SUBJECT_CHARS_MAX))
            .message_id(Some(format!("<{}@{domain}>", delivery.id)))
            .in_reply_to(thread.clone())
            .references(thread)
            .date(delivery.alert.created_at.into())
            .raw_header(own_header("Auto-Submitted", "auto-generated"))
            .raw_header(own_header(
                "X-Huntd-Hunt",
                delivery.alert.hunt.name.as_str(),
            ))
            .raw_header(own_header("X-Huntd-Delivery", &delivery.id.to_string()))
            .raw_header(own_header(
                "X-Huntd-Severity",
                delivery.alert.severity().as_str(),
            ));
        if delivery.alert.severity() == Severity::High {
            builder = builder.raw_header(own_header("Importance", "high"));
        }
        for receiver in &self.to {
            builder = builder.to(receiver.clone());
        }
        for receiver in &self.cc {
            builder = builder.cc(receiver.clone());
        }

        let body = MultiPart::alternative_plain_html(text, html);
        let message = match csv {
            None => builder.multipart(body)?,
            Some(csv) => {
                let name = format!(
                    "{}-{}.csv",
                    delivery.alert.hunt.name,
                    delivery.alert.window.key()
                );
                let mixed = MultiPart::mixed().multipart(body);
                builder.multipart(mixed.singlepart(attachment(name, csv)?))?
            }
        };
        Ok(message)
    }
}

fn attachment(name: String, csv: CsvText) -> anyhow::Result<SinglePart> {
    let ty: ContentType = "text/csv; charset=utf-8; header=present".parse()?;
    Ok(Attachment::new(name).body(csv.bytes, ty))
}

fn own_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
