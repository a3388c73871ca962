//! What every action makes of what its receiver answers: one table for each kind.

use std::sync::Arc;

use huntd::action::{ActionConfig, ActionOutcome, Notifier, Surroundings, build, example};
use huntd::clock::ManualClock;
use huntd::id::ActionName;
use object_store::memory::InMemory;
use serde_json::{Value, json};

use crate::support::http_server::{Answer, HttpServer};
use crate::support::smtp_server::{Behaviour, SmtpServer};

/// An action ready for use; the time stands at the example's.
pub(super) fn action(config: Value) -> Arc<dyn Notifier> {
    action_with(config, Arc::new(InMemory::new()))
}

/// An action over a lake.
pub(super) fn action_with(
    config: Value,
    results: Arc<dyn object_store::ObjectStore>,
) -> Arc<dyn Notifier> {
    let config: ActionConfig = serde_json::from_value(config).expect("a valid configuration");
    let surroundings = Surroundings {
        results,
        clock: Arc::new(ManualClock::new(example::delivery().created_at)),
    };
    let name = ActionName::new("example").expect("a name");
    build(&name, &config, &surroundings).expect("the action can be built")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Done,
    Retry,
    Rejected,
}

/// The outcome's class; and whatever it says is fit for people and free of secrets.
fn classify(outcome: &ActionOutcome) -> Class {
    let (class, why) = match outcome {
        ActionOutcome::Done => return Class::Done,
        ActionOutcome::Retry { why, .. } => (Class::Retry, why),
        ActionOutcome::Rejected { why } => (Class::Rejected, why),
    };
    assert!(!why.is_empty() && why.len() < 1000, "{why}");
    for hidden in ["hunter2", "T0KEN99", "\n", "\u{1b}", "alice@", "http://"] {
        assert!(!why.contains(hidden), "{why}");
    }
    class
}

#[tokio::test]
async fn webhook_answers() {
    let server = HttpServer::start(Answer::Close).await;
    let webhook = action(json!({
        "kind": "webhook", "url": server.url("/T0KEN99/hook"), "timeout": "300ms",
        "headers": {"Authorization": "Bearer hunter2"},
    }));
    let tell = async |answer: Answer| {
        server.answer_with(answer);
        webhook.notify(&example::delivery()).await
    };
    for status in 200..=599_u16 {
        let expected = match status {
            200..=299 => Class::Done,
            408 | 425 | 429 | 500.. => Class::Retry,
            _ => Class::Rejected,
        };
        let text = "no\nroute \u{1b}[31m /T0KEN99/hook hunter2 ".repeat(50);
        let outcome = tell(Answer::Status(status, Vec::new(), text)).await;
        assert_eq!(classify(&outcome), expected, "{status}: {outcome:?}");
    }
    for answer in [Answer::Close, Answer::Hang] {
        let outcome = tell(answer.clone()).await;
        assert_eq!(classify(&outcome), Class::Retry, "{answer:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn smtp_replies() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let mailer = action(json!({
        "kind": "email", "from": "huntd@example.com", "to": ["alice@example.com"],
        "smtp": {
            "host": "127.0.0.1", "port": server.address.port(), "tls": "none", "timeout": "2s",
        },
    }));
    let unknown = "550 5.1.1 <alice@example.com>: no such user";
    let cases = [
        ("GREETING", "421 4.3.2 too busy", Class::Retry),
        (
            "GREETING",
            "554 5.7.1 no connections from you",
            Class::Retry,
        ),
        ("EHLO", "421 closing", Class::Retry),
        ("MAIL FROM", "451 4.3.0 local error", Class::Retry),
        (
            "MAIL FROM",
            "530 5.7.0 authentication required",
            Class::Retry,
        ),
        ("MAIL FROM", "550 5.7.1 sender refused", Class::Rejected),
        (
            "RCPT",
            "450 4.2.1 greylisted, alice@example.com",
            Class::Retry,
        ),
        ("RCPT", unknown, Class::Rejected),
        ("DATA", "452 4.3.1 no space", Class::Retry),
        ("DATA", "554 5.5.1 no valid receivers", Class::Rejected),
        ("MAIL", "451 4.7.1 try later", Class::Retry),
        ("MAIL", "552 5.3.4 too big", Class::Rejected),
        ("MAIL", "554 5.7.1 looks like spam", Class::Rejected),
        ("MAIL", "nonsense", Class::Retry),
        ("MAIL", "250 accepted", Class::Done),
    ];
    for (command, reply, expected) in cases {
        server.behave(Behaviour::replying(command, reply));
        let outcome = mailer.notify(&example::delivery()).await;
        assert_eq!(
            classify(&outcome),
            expected,
            "{command} {reply}: {outcome:?}"
        );
    }
    assert_eq!(server.accepted().len(), 1);
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let webhook = json!({"kind": "webhook", "url": format!("http://127.0.0.1:{port}/T0KEN99")});
    let mailer = json!({
        "kind": "email", "from": "huntd@example.com", "to": ["alice@example.com"],
        "smtp": {"host": "127.0.0.1", "port": port, "tls": "none"},
    });
    for config in [webhook, mailer] {
        let outcome = action(config).notify(&example::delivery()).await;
        assert_eq!(classify(&outcome), Class::Retry, "{outcome:?}");
        assert!(
            format!("{outcome:?}").contains("onnection refused"),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    for key in ["maildir", "folder"] {
        let config = json!({"kind": "email", "to": ["alice@example.com"], key: file});
        let outcome = action(config).notify(&example::delivery()).await;
        assert_eq!(classify(&outcome), Class::Retry);
        assert!(
            format!("{outcome:?}").contains("cannot write a mail into"),
            "{outcome:?}"
        );
    }
}
