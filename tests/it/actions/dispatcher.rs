//! Retry, order, give-up and shutdown, over SQLite and with time in the test's hands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use huntd::action::{ActionOutcome, Notifier};
use huntd::alert::{Delivery, DeliveryStatus};
use huntd::clock::ManualClock;
use huntd::dispatcher::{Delivered, Destination, Destinations, Dispatcher, DispatcherLimits};
use huntd::id::ActionName;
use huntd::state::sqlite::SqliteStore;
use huntd::state::{Outbox, Settled, StateError};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::suite::action;
use crate::support::http_server::{Answer, HttpServer};
use crate::support::outbox::{self, DAY, delivery, listing, queue};

/// A receiver that answers as told and keeps the numbers it was told, in order.
#[derive(Debug, Default)]
struct Receiver {
    refuses: Mutex<BTreeMap<u128, ActionOutcome>>,
    refuses_all: Mutex<Option<ActionOutcome>>,
    told: Mutex<Vec<u128>>,
    takes: Duration,
    panics: bool,
}

#[async_trait]
impl Notifier for Receiver {
    async fn notify(&self, delivery: &Delivery) -> ActionOutcome {
        assert!(!self.panics, "told to panic");
        tokio::time::sleep(self.takes).await;
        let number = delivery.id.0.as_u128() - 0x1000;
        self.told.lock().expect("not poisoned").push(number);
        if let Some(outcome) = &*self.refuses_all.lock().expect("not poisoned") {
            return outcome.clone();
        }
        let refuses = self.refuses.lock().expect("not poisoned");
        refuses.get(&number).cloned().unwrap_or(ActionOutcome::Done)
    }
}

impl Receiver {
    fn told(&self) -> Vec<u128> {
        std::mem::take(&mut self.told.lock().expect("not poisoned"))
    }

    fn refuse_all(&self, outcome: Option<ActionOutcome>) {
        *self.refuses_all.lock().expect("not poisoned") = outcome;
    }
}

fn fails(why: &str) -> ActionOutcome {
    ActionOutcome::Retry {
        why: why.to_owned(),
        after: None,
    }
}

struct Bench {
    _folder: TempDir,
    store: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
    dispatcher: Arc<Dispatcher>,
}

async fn bench(actions: &[(&str, Arc<dyn Notifier>)]) -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let store = outbox::open(folder.path()).await;
    let clock = Arc::new(ManualClock::new(outbox::start()));
    let destinations: Destinations = actions
        .iter()
        .map(|(name, notifier)| {
            let destination = Destination {
                notifier: Arc::clone(notifier),
                give_up_after: DAY,
            };
            (ActionName::new(name).expect("a name"), destination)
        })
        .collect();
    let limits = DispatcherLimits {
        stop: Duration::from_millis(50),
        ..DispatcherLimits::default()
    };
    let dispatcher = Dispatcher::new(store.clone(), clock.clone(), destinations, limits);
    Bench {
        _folder: folder,
        store,
        clock,
        dispatcher: Arc::new(dispatcher),
    }
}

impl Bench {
    async fn deliver_due(&self) -> Delivered {
        self.dispatcher
            .deliver_due()
            .await
            .expect("the outbox works")
    }

    /// Delivers whenever something is due, for so long; how often something was.
    async fn pass(&self, time: Duration) -> usize {
        let end = huntd::clock::Clock::now(&*self.clock) + time;
        let mut rounds = 0;
        while let Some(due) = self.store.next_due().await.expect("the outbox works") {
            if due > end {
                break;
            }
            if due > huntd::clock::Clock::now(&*self.clock) {
                self.clock.set(due);
            }
            self.deliver_due().await;
            rounds += 1;
        }
        self.clock.set(end);
        rounds
    }
}

#[tokio::test]
async fn in_order_for_each_action_and_once() {
    let (a, b) = (Arc::new(Receiver::default()), Arc::new(Receiver::default()));
    let bench = bench(&[("a", a.clone()), ("b", b.clone())]).await;
    let deliveries = (0..20).map(|n| delivery(if n % 2 == 0 { "a" } else { "b" }, n));
    queue(&bench.store, deliveries.collect()).await;
    let delivered = bench.deliver_due().await;
    assert_eq!(
        delivered,
        Delivered {
            done: 20,
            retried: 0,
            dead: 0
        }
    );
    assert_eq!(a.told(), (0..20).step_by(2).collect::<Vec<u128>>());
    assert_eq!(b.told(), (1..20).step_by(2).collect::<Vec<u128>>());
    assert_eq!(bench.deliver_due().await, Delivered::default());
    assert!(a.told().is_empty());
}

#[tokio::test]
async fn a_webhook_that_fails_for_an_hour_is_told_once() {
    let server = HttpServer::start(Answer::status(500)).await;
    let webhook = action(json!({"kind": "webhook", "url": server.url("/")}));
    let bench = bench(&[("hook", webhook)]).await;
    queue(&bench.store, vec![delivery("hook", 1)]).await;
    bench.pass(Duration::from_hours(1)).await;
    let failed = server.requests();
    assert!((8..15).contains(&failed.len()), "{}", failed.len());
    let waiting = listing(&bench.store).await;
    assert_eq!(waiting[0].1, DeliveryStatus::Pending);
    assert!(waiting[0].3.contains("answered 500"), "{waiting:?}");

    server.answer_with(Answer::status(200));
    bench.pass(Duration::from_hours(1)).await;
    bench.pass(Duration::from_hours(1)).await;
    let requests = server.requests();
    assert_eq!(requests.len(), failed.len() + 1);
    let ids: BTreeSet<&String> = requests
        .iter()
        .map(|request| &request.headers["idempotency-key"])
        .collect();
    assert_eq!(ids.len(), 1);
    let attempts = requests.len() as u32;
    let expected = vec![(1, DeliveryStatus::Done, attempts, String::new())];
    assert_eq!(listing(&bench.store).await, expected);
}

#[tokio::test]
async fn an_unreachable_server_is_given_up_after_a_day_and_tried_again_on_demand() {
    let receiver = Arc::new(Receiver::default());
    receiver.refuse_all(Some(fails(
        "no mail to mx.example.com:25: connection refused",
    )));
    let bench = bench(&[("mail", receiver.clone())]).await;
    queue(&bench.store, vec![delivery("mail", 1)]).await;
    let rounds = bench.pass(Duration::from_hours(30)).await;
    assert!((90..120).contains(&rounds), "{rounds}");
    let dead = listing(&bench.store).await.remove(0);
    assert_eq!((dead.1, dead.2 as usize), (DeliveryStatus::Dead, rounds));
    let reason = format!(
        "given up after {rounds} attempts and 1d: \
         no mail to mx.example.com:25: connection refused"
    );
    assert_eq!(dead.3, reason);

    receiver.refuse_all(None);
    receiver.told();
    let id = delivery("mail", 1).id;
    let now = huntd::clock::Clock::now(&*bench.clock);
    assert!(bench.store.resend(id, now).await.unwrap());
    bench.deliver_due().await;
    assert_eq!(receiver.told(), [1]);
    assert_eq!(listing(&bench.store).await[0].1, DeliveryStatus::Done);
}

#[tokio::test]
async fn a_refused_delivery_is_dead_at_once_and_holds_up_no_other() {
    let receiver = Arc::new(Receiver::default());
    let why = "no such user".to_owned();
    let outcome = ActionOutcome::Rejected { why: why.clone() };
    receiver.refuses.lock().unwrap().insert(0, outcome);
    let bench = bench(&[("mail", receiver.clone())]).await;
    queue(&bench.store, (0..3).map(|n| delivery("mail", n)).collect()).await;
    let delivered = bench.deliver_due().await;
    assert_eq!(
        delivered,
        Delivered {
            done: 2,
            retried: 0,
            dead: 1
        }
    );
    assert_eq!(
        listing(&bench.store).await[0],
        (0, DeliveryStatus::Dead, 1, why)
    );
}

#[tokio::test]
async fn one_delivery_that_always_fails_holds_up_no_other() {
    let receiver = Arc::new(Receiver::default());
    receiver.refuses.lock().unwrap().insert(0, fails("500"));
    let bench = bench(&[("hook", receiver.clone())]).await;
    queue(&bench.store, (0..5).map(|n| delivery("hook", n)).collect()).await;
    bench.deliver_due().await;
    assert_eq!(receiver.told(), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn an_action_that_is_down_is_not_tried_with_everything() {
    let receiver = Arc::new(Receiver::default());
    receiver.refuse_all(Some(fails("down")));
    let bench = bench(&[("hook", receiver.clone())]).await;
    queue(&bench.store, (0..50).map(|n| delivery("hook", n)).collect()).await;
    bench.deliver_due().await;
    assert_eq!(receiver.told(), [0, 1]);
    let all = listing(&bench.store).await;
    assert!(all.iter().all(|one| one.1 == DeliveryStatus::Pending));
    assert!(all[2..].iter().all(|one| one.2 == 0 && one.3 == "down"));

    receiver.refuse_all(None);
    bench.pass(Duration::from_mins(1)).await;
    let told = receiver.told();
    assert_eq!(told.len(), 50, "{told:?}");
    assert!(told.is_sorted(), "{told:?}");
}

#[tokio::test]
async fn an_action_that_asks_to_wait_is_left_alone() {
    let receiver = Arc::new(Receiver::default());
    receiver.refuse_all(Some(ActionOutcome::Retry {
        why: "429".to_owned(),
        after: Some(Duration::from_mins(5)),
    }));
    let bench = bench(&[("hook", receiver.clone())]).await;
    queue(&bench.store, (0..5).map(|n| delivery("hook", n)).collect()).await;
    bench.deliver_due().await;
    bench.pass(Duration::from_secs(299)).await;
    assert_eq!(receiver.told(), [0]);
}

#[tokio::test]
async fn an_action_that_panics_or_is_not_configured_loses_nothing() {
    let panics = Arc::new(Receiver {
        panics: true,
        ..Receiver::default()
    });
    let bench = bench(&[("panics", panics)]).await;
    queue(
        &bench.store,
        vec![delivery("panics", 1), delivery("gone", 2)],
    )
    .await;
    bench.deliver_due().await;
    let all = listing(&bench.store).await;
    assert!(all.iter().all(|one| one.1 == DeliveryStatus::Pending));
    assert!(all[0].3.contains("panicked"), "{all:?}");
    assert!(
        all[1].3.contains("no action `gone` is configured"),
        "{all:?}"
    );

    let back = Arc::new(Receiver::default());
    let destination = Destination {
        notifier: back.clone(),
        give_up_after: DAY,
    };
    let name = ActionName::new("gone").unwrap();
    bench
        .dispatcher
        .replace_destinations([(name, destination)].into());
    bench.pass(Duration::from_mins(1)).await;
    assert_eq!(back.told(), [2]);
}

#[tokio::test]
async fn stopping_gives_back_what_was_not_tried() {
    let slow = Arc::new(Receiver {
        takes: Duration::from_mins(10),
        ..Receiver::default()
    });
    let quick = Arc::new(Receiver::default());
    let bench = bench(&[("slow", slow.clone()), ("quick", quick.clone())]).await;
    let deliveries = vec![
        delivery("slow", 1),
        delivery("slow", 2),
        delivery("quick", 3),
    ];
    queue(&bench.store, deliveries).await;
    let stop = CancellationToken::new();
    let (dispatcher, stopped) = (Arc::clone(&bench.dispatcher), stop.clone());
    let running = tokio::spawn(async move { dispatcher.run(stopped).await });
    bench.dispatcher.nudge();
    while bench
        .store
        .deliveries(Some(DeliveryStatus::Done), 10)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    let statuses: Vec<DeliveryStatus> = listing(&bench.store)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    // The first was handed over, and its fate is unknown: recovery puts it back.
    let expected = [
        DeliveryStatus::Sending,
        DeliveryStatus::Pending,
        DeliveryStatus::Done,
    ];
    assert_eq!(statuses, expected);
    assert_eq!(quick.told(), [3]);
}

#[tokio::test]
async fn a_slow_action_with_much_to_tell_keeps_no_other_from_being_told() {
    let slow = Arc::new(Receiver {
        takes: Duration::from_mins(10),
        ..Receiver::default()
    });
    let quick = Arc::new(Receiver::default());
    let bench = bench(&[("slow", slow.clone()), ("quick", quick.clone())]).await;
    let many = 2 * DispatcherLimits::default().taken_max as u32;
    let mut deliveries: Vec<Delivery> = (0..many).map(|n| delivery("slow", n)).collect();
    deliveries.push(delivery("quick", many));
    queue(&bench.store, deliveries).await;
    let stop = CancellationToken::new();
    let (dispatcher, stopped) = (Arc::clone(&bench.dispatcher), stop.clone());
    let running = tokio::spawn(async move { dispatcher.run(stopped).await });
    let done = || bench.store.deliveries(Some(DeliveryStatus::Done), 10);
    while done().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(quick.told(), [u128::from(many)]);
    assert_eq!(slow.told(), [0_u128; 0]);
}

#[tokio::test]
async fn what_was_taken_is_given_back_when_the_outbox_fails() {
    let folder = tempfile::tempdir().unwrap();
    let store = outbox::open(folder.path()).await;
    queue(&store, (0..3).map(|n| delivery("mail", n)).collect()).await;
    let receiver = Arc::new(Receiver::default());
    let full = Full {
        store: store.clone(),
        refusals: Mutex::new(1),
    };
    let destination = Destination {
        notifier: receiver.clone(),
        give_up_after: DAY,
    };
    let clock = Arc::new(ManualClock::new(outbox::start()));
    let destinations = [(ActionName::new("mail").unwrap(), destination)].into();
    let limits = DispatcherLimits::default();
    let dispatcher = Dispatcher::new(Arc::new(full), clock, destinations, limits);
    let error = dispatcher.deliver_due().await.unwrap_err();
    assert!(error.to_string().contains("disk full"), "{error}");
    let statuses: Vec<DeliveryStatus> =
        listing(&store).await.into_iter().map(|one| one.1).collect();
    let pending = DeliveryStatus::Pending;
    assert_eq!(statuses, [DeliveryStatus::Done, pending, pending]);
    assert_eq!(dispatcher.deliver_due().await.unwrap().done, 2);
    assert_eq!(receiver.told(), [0, 1, 2]);
}

/// An outbox that for a while cannot record anything, as on a full disk.
#[derive(Debug)]
struct Full {
    store: Arc<SqliteStore>,
    refusals: Mutex<u32>,
}

#[async_trait]
impl Outbox for Full {
    async fn take_due(
        &self,
        now: chrono::DateTime<chrono::Utc>,
        limit: usize,
        except: &BTreeSet<ActionName>,
    ) -> Result<Vec<Delivery>, StateError> {
        self.store.take_due(now, limit, except).await
    }

    async fn settle(&self, delivery: &Settled) -> Result<(), StateError> {
        {
            let mut refusals = self.refusals.lock().expect("not poisoned");
            if *refusals > 0 {
                *refusals -= 1;
                return Err(StateError::Database {
                    path: "state.db".to_owned(),
                    reason: "disk full".to_owned(),
                });
            }
        }
        self.store.settle(delivery).await
    }

    async fn next_due(&self) -> Result<Option<chrono::DateTime<chrono::Utc>>, StateError> {
        self.store.next_due().await
    }

    async fn deliveries(
        &self,
        status: Option<DeliveryStatus>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StateError> {
        self.store.deliveries(status, limit).await
    }

    async fn delivery(&self, id: huntd::id::DeliveryId) -> Result<Option<Delivery>, StateError> {
        self.store.delivery(id).await
    }

    async fn resend(
        &self,
        id: huntd::id::DeliveryId,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<bool, StateError> {
        self.store.resend(id, now).await
    }
}

#[tokio::test]
async fn what_was_told_is_recorded_as_soon_as_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let store = outbox::open(folder.path()).await;
    queue(&store, (0..3).map(|n| delivery("mail", n)).collect()).await;
    let receiver = Arc::new(Receiver::default());
    let destination = Destination {
        notifier: receiver.clone(),
        give_up_after: DAY,
    };
    let full = Full {
        store: store.clone(),
        refusals: Mutex::new(5),
    };
    let clock = Arc::new(ManualClock::new(outbox::start()));
    let destinations = [(ActionName::new("mail").unwrap(), destination)].into();
    let limits = DispatcherLimits::default();
    let dispatcher = Arc::new(Dispatcher::new(Arc::new(full), clock, destinations, limits));
    let stop = CancellationToken::new();
    let (running, stopped) = (Arc::clone(&dispatcher), stop.clone());
    let running = tokio::spawn(async move { running.run(stopped).await });
    let done = || store.deliveries(Some(DeliveryStatus::Done), 10);
    while done().await.unwrap().len() < 3 {
        dispatcher.nudge();
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(receiver.told(), [0, 1, 2]);
}
