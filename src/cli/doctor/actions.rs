//! Whether actions can be taken: the mail server answers, the folder can be written to. Nothing is
//! sent, and webhooks are not called.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::action::email::transport::Transport;
use crate::action::{self, ActionConfig, Surroundings};
use crate::clock::SystemClock;
use crate::id::ActionName;
use crate::source::diagnosis::Diagnosis;

/// Checks an action.
pub(super) async fn check(
    name: &ActionName,
    config: &ActionConfig,
    files: Option<&Arc<dyn ObjectStore>>,
) -> Vec<Diagnosis> {
    if let Some(files) = files {
        let surroundings = Surroundings {
            results: Arc::clone(files),
            clock: Arc::new(SystemClock),
        };
        if let Err(error) = action::build(name, config, &surroundings) {
            let help = "correct the action in the configuration";
            return vec![Diagnosis::fail("settings", format!("{error:#}"), help)];
        }
    }
    let place = config.destination();
    let ActionConfig::Email(email) = config else {
        return vec![Diagnosis::ok("settings", format!("to {place}; not called"))];
    };
    let help = "alerts wait in the outbox until mails can be sent";
    let tried = match Transport::new(email) {
        Ok(transport) => transport.try_out().await,
        Err(error) => Err(format!("{error:#}")),
    };
    vec![match tried {
        Ok(how) => Diagnosis::ok("mail", how),
        Err(why) => Diagnosis::fail("mail", why, help),
    }]
}
