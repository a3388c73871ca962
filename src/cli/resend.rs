//! `huntd resend`: puts deliveries that were given up back into the queue.

use std::process::ExitCode;

use anyhow::{bail, ensure};

use super::Global;
use super::state::open_existing;
use super::terminal::print_line;
use crate::alert::{Delivery, DeliveryStatus};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::state::Outbox as _;

/// Arguments of `huntd resend`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of dead deliveries, as `huntd actions --dead` lists them, or their first characters
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// Every dead delivery
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
}

/// Puts them back; `huntd serve` sends them. Either all that are named are put back, or none.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&global.config)?;
    let state = &loaded.config.state;
    let Some(store) = open_existing(state).await? else {
        bail!("there is no state at {state}, and so no delivery");
    };
    let now = SystemClock.now();
    let mut dead = store.deliveries(Some(DeliveryStatus::Dead), 0).await?;
    if args.all && dead.is_empty() {
        print_line("no delivery was given up");
    }
    if !args.all {
        let found: anyhow::Result<Vec<&Delivery>> =
            args.ids.iter().map(|id| find(&dead, id)).collect();
        dead = found?.into_iter().cloned().collect();
    }
    while !dead.is_empty() {
        for delivery in &dead {
            // Another `resend` may have been quicker, which is as well.
            store.resend(delivery.id, now).await?;
            print_line(&format!("{} to {} is queued", delivery.id, delivery.action));
        }
        if !args.all {
            break;
        }
        // There may be more than a listing holds.
        dead = store.deliveries(Some(DeliveryStatus::Dead), 0).await?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(dead: &'a [Delivery], id: &str) -> anyhow::Result<&'a Delivery> {
    let start = id.replace('-', "").to_ascii_lowercase();
    ensure!(!start.is_empty(), "an empty text is no delivery's id");
    let mut found = dead
        .iter()
        .filter(|delivery| delivery.id.to_string().starts_with(&start));
    match (found.next(), found.next()) {
        (Some(delivery), None) => Ok(delivery),
        (Some(_), Some(_)) => bail!("several dead deliveries start with `{id}`; give more of it"),
        _ => bail!("no dead delivery `{id}`; `huntd actions --dead` lists those there are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::example;

    #[test]
    fn an_id_may_be_shortened_as_long_as_it_is_clear() {
        let first = example::delivery();
        let mut second = example::delivery();
        second.id.0 = uuid::Uuid::from_u128(first.id.0.as_u128() + 1);
        let dead = [first.clone(), second];
        assert_eq!(find(&dead, &first.id.to_string()).unwrap().id, first.id);
        assert_eq!(find(&dead, &first.id.0.to_string()).unwrap().id, first.id);
        let message = |id: &str| find(&dead, id).unwrap_err().to_string();
        assert!(message("019b7f2a").starts_with("several"));
        assert!(message("ffff").starts_with("no dead delivery `ffff`"));
    }
}
