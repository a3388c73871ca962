//! What webhooks send.

use huntd::action::{ActionConfig, ActionOutcome, example};
use serde_json::{Value, json};

use super::suite::action;
use crate::support::http_server::{Answer, HttpServer};

#[tokio::test]
async fn the_request_is_as_documented() {
    let server = HttpServer::start(Answer::status(200)).await;
    let webhook = action(json!({
        "kind": "webhook", "url": server.url("/hook?token=abc"),
        "headers": {"X-Tenant": "blue"}, "signing_key": "key",
    }));
    let delivery = example::delivery();
    assert_eq!(webhook.notify(&delivery).await, ActionOutcome::Done);

    let request = server.requests().remove(0);
    assert_eq!(request.line, "POST /hook?token=abc HTTP/1.1");
    let header = |name: &str| request.headers[name].as_str();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("x-tenant"), "blue");
    assert_eq!(header("idempotency-key"), delivery.id.to_string());
    assert!(header("user-agent").starts_with("huntd/"));
    let expected = huntd::action::webhook::sign::signature(
        &huntd::secret::Secret::new("key"),
        delivery.created_at.timestamp(),
        &request.body,
    );
    assert_eq!(header("x-huntd-signature"), expected);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "version": 1,
      "id": "019b7f2a000070008000000000000003",
      "action": "example",
      "title": "Encoded PowerShell command line: ws-017.example.com",
      "severity": "high",
      "hunt": {
        "name": "encoded-powershell",
        "title": "Encoded PowerShell command line",
        "description": "PowerShell started with a command encoded in base64.",
        "tactics": [
          "Execution"
        ],
        "techniques": [
          "T1059.001",
          "T1027"
        ],
        "query": "DeviceProcessEvents\n| where ProcessCommandLine has \"-enc\""
      },
      "run": "019b7f2a000070008000000000000001",
      "window": {
        "start": "2026-01-02T14:00:00Z",
        "end": "2026-01-02T15:00:00Z"
      },
      "status": "complete",
      "missing": null,
      "rows": 2,
      "file": null,
      "findings": [
        {
          "id": "019b7f2a000070008000000000000002",
          "hunt": "encoded-powershell",
          "run": "019b7f2a000070008000000000000001",
          "window": {
            "start": "2026-01-02T14:00:00Z",
            "end": "2026-01-02T15:00:00Z"
          },
          "title": "Encoded PowerShell command line: ws-017.example.com",
          "severity": "high",
          "entities": [
            {
              "kind": "device",
              "value": "ws-017.example.com"
            },
            {
              "kind": "account",
              "value": "j.doe"
            }
          ],
          "fingerprint": "2942feb05a51f889e3e7dd7c4e39f162aef2e706491a0979febe9554d695a6b4",
          "key": {
            "DeviceName": "ws-017.example.com"
          },
          "evidence": [
            {
              "Timestamp": "2026-01-02T14:12:07.4910000Z",
              "DeviceName": "ws-017.example.com",
              "AccountName": "j.doe",
              "ProcessId": 4312,
              "ProcessCommandLine": "powershell.exe -NoP -W Hidden -enc SQBFAFgA"
            },
            {
              "Timestamp": "2026-01-02T14:13:55.0020000Z",
              "DeviceName": "ws-017.example.com",
              "AccountName": "j.doe",
              "ProcessId": 4377,
              "ProcessCommandLine": "powershell.exe -NoP -W Hidden -enc SQBFAFgA"
            }
          ],
          "rows": 2,
          "detected_at": "2026-01-02T15:00:00Z"
        }
      ],
      "suppressed": 0,
      "created_at": "2026-01-02T15:00:00Z"
    }
    "#);
}

#[tokio::test]
async fn a_template_makes_the_body() {
    let server = HttpServer::start(Answer::status(204)).await;
    let body = r#"{"text": {{ "[" ~ severity ~ "] " ~ title }},
        "devices": [{% for finding in findings %}{{ finding.key.DeviceName }}{% endfor %}]}"#;
    let webhook = action(json!({"kind": "webhook", "url": server.url("/"), "body": body}));
    let mut delivery = example::delivery();
    delivery.alert.findings[0].title = "a \"quoted\"\n</title>".to_owned();
    assert_eq!(webhook.notify(&delivery).await, ActionOutcome::Done);
    let body: Value = serde_json::from_slice(&server.requests()[0].body).unwrap();
    assert_eq!(
        body,
        json!({"text": "[high] a \"quoted\"\n</title>", "devices": ["ws-017.example.com"]})
    );
}

#[tokio::test]
async fn a_template_that_fails_for_an_alert_is_not_tried_again() {
    let server = HttpServer::start(Answer::status(204)).await;
    let body = "{{ findings[0].key.NoSuchColumn }}";
    let webhook = action(json!({"kind": "webhook", "url": server.url("/"), "body": body}));
    let outcome = webhook.notify(&example::delivery()).await;
    let why = "body: line 1 of the template: undefined value: `findings[0].key.NoSuchColumn` is \
               undefined";
    let why = why.to_owned();
    assert_eq!(outcome, ActionOutcome::Rejected { why });
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_receiver_says_when_to_come_back() {
    let server = HttpServer::start(Answer::Close).await;
    let webhook = action(json!({"kind": "webhook", "url": server.url("/")}));
    let at = example::delivery().created_at + chrono::TimeDelta::seconds(90);
    let date = at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (text, expected) in [
        ("120", Some(120)),
        (date.as_str(), Some(90)),
        ("later", None),
    ] {
        let headers = vec![("Retry-After", text.to_owned())];
        server.answer_with(Answer::Status(429, headers, String::new()));
        let ActionOutcome::Retry { after, .. } = webhook.notify(&example::delivery()).await else {
            panic!("429 is tried again");
        };
        assert_eq!(after.map(|after| after.as_secs()), expected, "{text}");
    }
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let problems = |config: Value| -> Vec<String> {
        let config: ActionConfig = serde_json::from_value(config).unwrap();
        config.check().iter().map(ToString::to_string).collect()
    };
    let url = "https://hooks.example.com/x";
    let found = problems(json!({
        "kind": "webhook", "url": url, "timeout": "0s",
        "headers": {"Idempotency-Key": "1", "Host": "h", "bad name": "x", "X-A": "a\nb"},
        "body": "{\"text\": \"{{ title }}\"}",
    }));
    insta::assert_snapshot!(found.join("\n"), @r#"
        headers.Host: belongs to the connection and cannot be set
        headers.Idempotency-Key: set by huntd itself
        headers.X-A: the value has characters that no header may have
        headers.bad name: not the name of a header
        body: the template does not yield JSON: expected `,` or `}` at line 1 column 12; values bring their own quotes, as in {"text": {{ title }}}
        timeout: must be longer than zero
        "#);
    let text = json!({
        "kind": "webhook", "url": url, "content_type": "text/plain", "body": "{{ title }}",
    });
    assert_eq!(problems(text), [""; 0]);
}
