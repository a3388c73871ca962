//! Quotas are shared by all processes that have the state open, as people start them: `huntd query`
//! and `huntd doctor` beside a `huntd serve`.

use std::sync::Arc;

use chrono::TimeDelta;
use huntd::clock::{Clock as _, SystemClock};
use huntd::quota::{Api, Lane, Route, Scope};
use huntd::source::broker::{Broker, Denied};
use huntd::state::sqlite::SqliteStore;

use super::runs::huntd;
use super::support::{CLIENT, SECRET, TENANT, World};
use crate::support::installation::Installation;

fn installation(world: &World) -> Arc<Installation> {
    let url = world.emulator.url();
    let installation = Installation::new(&format!(
        "state: sqlite:data/state.db\nsources:\n  defender:\n    kind: graph\n    \
         tenant: {TENANT}\n    url: {url}\n    authority: {url}\n    auth: {{kind: secret, \
         client_id: {CLIENT}, secret: \"${{file:secret}}\"}}\n"
    ));
    installation.write("secret", SECRET);
    Arc::new(installation)
}

fn calls_left(doctor: &str) -> &str {
    let quota = doctor
        .lines()
        .find(|line| line.contains("quota graph of"))
        .unwrap();
    quota.rsplit(": ").next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_and_a_process_that_goes_on_share_the_quota() {
    let world = World::new(5, |_| {}).await;
    let installation = installation(&world);
    let query = ["query", "DeviceProcessEvents | count"];
    let ran = huntd(&installation, &query).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        !installation.path("data/state.db").exists(),
        "nor is it made"
    );

    let store = SqliteStore::open(&installation.path("data/state.db")).await;
    let broker = Broker::new(Arc::new(SystemClock), Some(Arc::new(store.unwrap())));
    let route = Route {
        scope: Scope {
            tenant: TENANT.to_owned(),
            api: Api::Graph,
        },
        door: "serve".into(),
    };
    let begun = SystemClock.now();
    let soon = Some(begun + TimeDelta::seconds(30));
    let call = async || {
        let permit = broker.acquire(&route, Lane::Detection, "a", soon).await;
        permit.map(|permit| permit.finish(None, None))
    };
    for _ in 0..6 {
        call().await.unwrap();
    }
    let doctor = huntd(&installation, &["doctor"]).await.stdout;
    assert_eq!(calls_left(&doctor), "39 of 45 calls in 1m left", "{doctor}");
    for _ in 0..2 {
        let ran = huntd(&installation, &query).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let mut more = 0;
    while call().await.is_ok() {
        more += 1;
    }
    let took = SystemClock.now() - begun;
    assert!(
        took < TimeDelta::seconds(30),
        "the machine is too slow: {took}"
    );
    assert_eq!(more, 37, "two of the 45 were sent by the queries");
    assert!(matches!(call().await, Err(Denied::Late { .. })));
    let doctor = huntd(&installation, &["doctor"]).await.stdout;
    assert_eq!(calls_left(&doctor), "0 of 45 calls in 1m left", "{doctor}");
}
