//! Tokens by audience: kept while they live, and refreshed ahead of their end by one task for all
//! who wait. How a token is acquired is in `acquire`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;

use super::Audience;
use super::acquire::Acquirer;
use super::config::{ConnectionConfig, Environment, process_environment};
use super::token::AccessToken;
use super::token_error::{TokenError, TokenErrorKind};
use crate::backoff::backoff;
use crate::clock::SharedClock;

/// How long before its end a token is refreshed.
const REFRESH_AHEAD: TimeDelta = TimeDelta::minutes(5);
/// At most so much earlier still, so that not all processes refresh at once.
const JITTER_SECONDS_MAX: i64 = 60;

/// The tokens of one identity.
pub struct Tokens(Arc<Inner>);

struct Inner {
    acquirer: Acquirer,
    clock: SharedClock,
    slots: Mutex<HashMap<Audience, Slot>>,
}

/// What is known for one audience.
#[derive(Default)]
struct Slot {
    token: Option<Kept>,
    flight: Option<Flight>,
    failures: u32,
    /// No refresh ahead of the end before this instant, as one has just failed.
    not_before: Option<DateTime<Utc>>,
    /// What the service said when it had too many requests; until then, none is made.
    throttled: Option<TokenError>,
}

struct Kept {
    token: AccessToken,
    refresh_at: DateTime<Utc>,
}

type Outcome = Result<AccessToken, TokenError>;

/// An acquisition on its way.
struct Flight {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    task: AbortHandle,
}

impl Tokens {
    /// The tokens of a configured identity. Acquires none yet.
    pub fn new(config: &ConnectionConfig, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        Self::with_environment(config, process_environment(), clock)
    }

    /// The same with environment variables from elsewhere.
    pub fn with_environment(
        config: &ConnectionConfig,
        environment: Environment,
        clock: SharedClock,
    ) -> anyhow::Result<Arc<Self>> {
        let acquirer = Acquirer::new(config, environment, Arc::clone(&clock))?;
        Ok(Arc::new(Self(Arc::new(Inner {
            acquirer,
            clock,
            slots: Mutex::default(),
        }))))
    }

    /// A token for an audience. One that lives is given at once, though it may be refreshed
    /// meanwhile; else all callers wait for the same acquisition.
    pub async fn token(&self, audience: &Audience) -> Outcome {
        let outcome = {
            let now = self.0.clock.now();
            let mut slots = self.0.slots();
            let slot = slots.entry(audience.clone()).or_default();
            if let Some(kept) = &slot.token
                && now < kept.token.expires_at
            {
                let token = kept.token.clone();
                let is_stale = now >= kept.refresh_at;
                let may_refresh = slot.not_before.is_none_or(|instant| now >= instant);
                if is_stale && may_refresh {
                    drop(self.0.acquire(audience, slot));
                }
                return Ok(token);
            }
            if let (Some(error), Some(until)) = (&slot.throttled, slot.not_before)
                && let Ok(left) = (until - now).to_std()
                && !left.is_zero()
            {
                let kind = TokenErrorKind::Throttled { after: Some(left) };
                return Err(TokenError {
                    kind,
                    ..error.clone()
                });
            }
            self.0.acquire(audience, slot)
        };
        outcome.await
    }

    /// Drops a token that was refused, unless it has been replaced already.
    pub fn forget(&self, audience: &Audience, token: &AccessToken) {
        let mut slots = self.0.slots();
        if let Some(slot) = slots.get_mut(audience)
            && slot.token.as_ref().is_some_and(|kept| kept.token == *token)
        {
            slot.token = None;
            slot.not_before = None;
        }
    }
}

impl Inner {
    fn slots(&self) -> MutexGuard<'_, HashMap<Audience, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the acquisition that is on its way, or begins one. It goes on when its callers are
    /// gone, and ends with the [`Tokens`].
    fn acquire(
        self: &Arc<Self>,
        audience: &Audience,
        slot: &mut Slot,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        // One that is over and still here has panicked.
        if let Some(flight) = &slot.flight
            && !flight.task.is_finished()
        {
            return flight.outcome.clone();
        }
        let inner = Arc::clone(self);
        let wanted = audience.clone();
        let task = tokio::spawn(async move {
            let outcome = inner.acquirer.acquire(&wanted).await;
            inner.landed(&wanted, outcome)
        });
        let abort = task.abort_handle();
        let outcome = task.map(|joined| {
            joined.unwrap_or_else(|_| {
                let message = "the acquisition of a token was cancelled";
                Err(TokenError::new(TokenErrorKind::Unavailable, message))
            })
        });
        let outcome = outcome.boxed().shared();
        slot.flight = Some(Flight {
            outcome: outcome.clone(),
            task: abort,
        });
        outcome
    }

    /// Takes down what came of an acquisition.
    fn landed(&self, audience: &Audience, outcome: Outcome) -> Outcome {
        let now = self.clock.now();
        let mut slots = self.slots();
        let slot = slots.entry(audience.clone()).or_default();
        slot.flight = None;
        match &outcome {
            Ok(token) => {
                if slot.failures > 0 {
                    tracing::info!(%audience, "a token could be refreshed again");
                }
                *slot = Slot {
                    token: Some(Kept {
                        token: token.clone(),
                        refresh_at: refresh_at(token, now),
                    }),
                    ..Slot::default()
                };
            }
            Err(error) => {
                let (asked, throttled) = match error.kind {
                    TokenErrorKind::Throttled { after } => (after, Some(error.clone())),
                    _ => (None, None),
                };
                slot.throttled = throttled;
                let wait = backoff(slot.failures, asked);
                slot.not_before = Some(now + TimeDelta::from_std(wait).unwrap_or(REFRESH_AHEAD));
                slot.failures = slot.failures.saturating_add(1);
                let kept = slot
                    .token
                    .as_ref()
                    .filter(|kept| now < kept.token.expires_at);
                if let Some(kept) = kept
                    && slot.failures == 1
                {
                    tracing::warn!(
                        %audience,
                        until = %kept.token.expires_at,
                        "a token could not be refreshed and is kept while it lives: {error}"
                    );
                }
            }
        }
        outcome
    }
}

/// When to refresh a token: ahead of its end, but not before half its life is over.
fn refresh_at(token: &AccessToken, now: DateTime<Utc>) -> DateTime<Utc> {
    let life = token.expires_at - now;
    let jitter = TimeDelta::seconds(fastrand::i64(0..=JITTER_SECONDS_MAX));
    let ahead = (REFRESH_AHEAD + jitter).min(life / 2);
    token.expires_at - ahead.max(TimeDelta::zero())
}

impl Drop for Tokens {
    fn drop(&mut self) {
        for slot in self.0.slots().values() {
            if let Some(flight) = &slot.flight {
                flight.task.abort();
            }
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("acquirer", &self.0.acquirer)
            .finish_non_exhaustive()
    }
}
