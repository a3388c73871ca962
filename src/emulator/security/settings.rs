//! How the emulated services behave where their documents leave it open, or where it is chance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The settings. They can be changed while it runs, by `PATCH /admin/security`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityConfig {
    /// What decides which machine actions fail.
    pub seed: u64,
    /// Whether links to the emulator itself start with `https`.
    pub tls: bool,
    /// Items of a page of Graph where `$top` does not say.
    pub graph_page: usize,
    /// Items of a page of Graph at most, whatever `$top` says.
    pub graph_page_max: usize,
    /// Items of a page of Defender for Endpoint, and the most that `$top` may ask for.
    pub defender_page: usize,
    /// Whether lists of Defender for Endpoint that go on say so by `@odata.nextLink`, which the
    /// documents do not promise.
    pub defender_next_link: bool,
    /// How many days ago a machine was seen at most to be in the list of machines. The service
    /// says 30; without a number, data of any age is shown.
    pub recent_days: Option<u16>,
    /// Seconds until a machine takes up an action.
    pub pending_seconds: u32,
    /// Seconds that a machine then takes.
    pub running_seconds: u32,
    /// Seconds after which an action times out that a machine does not take up.
    pub timeout_seconds: u32,
    /// How probably an action fails, from 0 to 1.
    pub failure_probability: f64,
    /// Ids or names of machines that are offline: they take up no action.
    pub offline: BTreeSet<String>,
    /// What comes of an action that is asked for while one of its kind runs.
    pub repeat: Repeat,
    /// Mailboxes that mail can be sent from; any if none is named.
    pub mailboxes: BTreeSet<String>,
}

/// What comes of an action that is asked for while one of its kind runs: both are documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// 400 "Action is already in progress".
    Refuse,
    /// 201 and the action that runs.
    ReturnPending,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            tls: false,
            graph_page: 50,
            graph_page_max: 1_000,
            defender_page: super::odata::DEFENDER_PAGE,
            defender_next_link: true,
            recent_days: None,
            pending_seconds: 5,
            running_seconds: 25,
            timeout_seconds: 3 * 24 * 3_600,
            failure_probability: 0.0,
            offline: BTreeSet::new(),
            repeat: Repeat::Refuse,
            mailboxes: BTreeSet::new(),
        }
    }
}

impl SecurityConfig {
    /// Says what cannot be, if anything.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.failure_probability) {
            return Err("failure_probability is not between 0 and 1".to_owned());
        }
        let pages = [
            ("graph_page", self.graph_page, 1_000),
            ("graph_page_max", self.graph_page_max, 1_000),
            (
                "defender_page",
                self.defender_page,
                super::odata::DEFENDER_PAGE,
            ),
        ];
        for (name, items, most) in pages {
            if items == 0 || items > most {
                return Err(format!("{name} is not between 1 and {most}"));
            }
        }
        Ok(())
    }
}
