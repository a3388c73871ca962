//! Alerts as mails, through an SMTP server or into a folder on this machine.
//!
//! Mails of one delivery are the same whenever they are sent again, with the same `Message-ID`, so
//! that a mail that was accepted but not recorded as such can be told for a repetition.

pub mod config;
pub mod message;
pub mod transport;
pub mod view;

use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;

use self::message::Composer;
use self::transport::Transport;
use self::view::Attached;
use super::evidence::csv::{self, CsvText};
use super::{ActionOutcome, Notifier};
use crate::alert::Delivery;

pub use config::EmailConfig;

/// Mails, ready to be sent.
#[derive(Debug)]
pub struct Email {
    composer: Composer,
    transport: Transport,
    results: Arc<dyn ObjectStore>,
    attachment_max_bytes: usize,
}

impl Email {
    /// Builds one; opens no connection. `results` holds the lake's files.
    pub fn new(config: &EmailConfig, results: Arc<dyn ObjectStore>) -> anyhow::Result<Self> {
        Ok(Self {
            composer: Composer::new(config)?,
            transport: Transport::new(config)?,
            results,
            attachment_max_bytes: config.attachment_max_bytes,
        })
    }

    /// The whole result as far as it may be attached. A mail without it is better than no mail.
    async fn attachment(&self, delivery: &Delivery) -> (Option<CsvText>, Attached) {
        let Some(file) = &delivery.alert.file else {
            return (None, Attached::Nothing);
        };
        if self.attachment_max_bytes == 0 {
            return (None, Attached::Off);
        }
        match csv::read_parquet(&self.results, file, self.attachment_max_bytes).await {
            Ok(csv) => {
                let attached = Attached::Csv {
                    rows: csv.rows,
                    rows_total: csv.rows_total,
                };
                (Some(csv), attached)
            }
            Err(error) => {
                tracing::warn!(
                    action.name = %delivery.action,
                    delivery.id = %delivery.id,
                    error = format!("{error:#}"),
                    "cannot attach the result, sending the mail without it"
                );
                (None, Attached::Failed)
            }
        }
    }
}

#[async_trait]
impl Notifier for Email {
    async fn notify(&self, delivery: &Delivery) -> ActionOutcome {
        let (csv, attached) = self.attachment(delivery).await;
        let message = match self.composer.compose(delivery, csv, attached) {
            Ok(message) => message,
            Err(error) => return ActionOutcome::rejected(format!("cannot compose it: {error:#}")),
        };
        self.transport.send(delivery, message).await
    }
}
