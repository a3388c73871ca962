//! `huntd actions` and `huntd resend`, as people run them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use huntd::alert::DeliveryStatus;
use huntd::clock::ManualClock;
use huntd::dispatcher::{Destination, Dispatcher, DispatcherLimits};
use huntd::id::ActionName;
use huntd::state::Outbox as _;
use serde_json::{Value, json};

use super::suite::action;
use crate::support::outbox::{self, delivery, queue};

const CONFIG: &str = "\
state: sqlite:state.db
actions:
  mail:
    kind: email
    from: huntd@example.com
    to: [soc@example.com]
    smtp: {host: mx.invalid, tls: none}
";

fn huntd(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_huntd"))
        .current_dir(folder)
        .args(["--config", "huntd.yaml"])
        .args(arguments)
        .output()
        .expect("huntd starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text is printed");
    (output.status.code().expect("it exits"), text)
}

/// A mail that no server took for a day is listed as dead with its reason, and sent again when a
/// person says so.
#[tokio::test]
async fn an_unreachable_server_shows() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("huntd.yaml"), CONFIG).unwrap();
    let (code, text) = huntd(folder.path(), &["actions"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("mx.invalid:25") && text.contains("no delivery waits"),
        "{text}"
    );
    assert!(!folder.path().join("state.db").exists());

    let store = outbox::open(folder.path()).await;
    queue(&store, vec![delivery("mail", 1)]).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let mailer = action(json!({
        "kind": "email", "from": "huntd@example.com", "to": ["soc@example.com"],
        "smtp": {"host": "127.0.0.1", "port": port, "tls": "none"},
    }));
    let destination = Destination {
        notifier: mailer,
        give_up_after: Duration::from_hours(24),
    };
    let destinations = [(ActionName::new("mail").unwrap(), destination)].into();
    let clock = Arc::new(ManualClock::new(outbox::start()));
    let limits = DispatcherLimits::default();
    let dispatcher = Dispatcher::new(store.clone(), clock.clone(), destinations, limits);
    let listed = || -> Value {
        let (code, text) = huntd(folder.path(), &["actions", "--format", "json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    };

    dispatcher.deliver_due().await.unwrap();
    let waiting = &listed()["deliveries"][0];
    assert_eq!(waiting["status"], "pending");
    while let Some(due) = store.next_due().await.unwrap() {
        clock.set(due);
        dispatcher.deliver_due().await.unwrap();
    }
    let dead = &listed()["deliveries"][0];
    assert_eq!(dead["status"], "dead");
    let reason = dead["last_error"].as_str().unwrap();
    assert!(reason.starts_with("given up after") && reason.contains("onnection refused"));
    let (_, text) = huntd(folder.path(), &["actions", "--dead"]);
    assert!(
        text.contains("huntd resend ID") && !text.contains("mx.invalid"),
        "{text}"
    );

    let id = dead["id"].as_str().unwrap();
    let (code, text) = huntd(folder.path(), &["resend", "ffff"]);
    assert_eq!(code, 1);
    assert!(text.contains("no dead delivery `ffff`"), "{text}");
    let (code, text) = huntd(folder.path(), &["resend", id]);
    assert_eq!(code, 0, "{text}");
    let all = store
        .deliveries(Some(DeliveryStatus::Pending), 10)
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
}
