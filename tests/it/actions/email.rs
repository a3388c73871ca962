//! What mails hold and how they travel.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use huntd::action::{ActionOutcome, example};
use huntd::alert::Delivery;
use huntd::finding::EvidenceRow;
use mail_parser::{Message, MessageParser, MimeHeaders as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::suite::{action, action_with};
use crate::support::smtp_server::{Behaviour, Encryption, SmtpServer};

fn to_server(server: &SmtpServer, smtp: &Value) -> Value {
    let mut smtp = smtp.clone();
    smtp["host"] = json!("localhost");
    smtp["port"] = json!(server.address.port());
    smtp["timeout"] = json!("5s");
    json!({
        "kind": "email", "from": "huntd <huntd@example.com>",
        "to": ["SOC <soc@example.com>"], "cc": ["lead@example.com"], "smtp": smtp,
    })
}

fn why(outcome: ActionOutcome) -> String {
    match outcome {
        ActionOutcome::Retry { why, .. } => why,
        other => panic!("expected another try, not {other:?}"),
    }
}

/// A lake with one file of `rows` rows, and the delivery of a run that wrote it.
async fn with_result(rows: usize) -> (Arc<dyn ObjectStore>, Delivery) {
    let names: Vec<String> = (0..rows).map(|row| format!("=HYPERLINK({row})")).collect();
    let numbers: Vec<i64> = (0..rows as i64).collect();
    let hunts = vec!["encoded-powershell"; rows];
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "Command",
            Arc::new(StringViewArray::from_iter_values(names)),
        ),
        ("Count", Arc::new(Int64Array::from(numbers))),
        ("_hunt", Arc::new(StringViewArray::from_iter_values(hunts))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("it is written");
    writer.close().expect("it is closed");
    let file = "encoded-powershell/date=2026-01-02/w-r.parquet";
    let store = InMemory::new();
    let path = Path::parse(file).expect("a path");
    store.put(&path, bytes.into()).await.expect("it is stored");
    let mut delivery = example::delivery();
    delivery.alert.file = Some(file.to_owned());
    delivery.alert.rows = rows as u64;
    (Arc::new(store), delivery)
}

fn parse(mail: &[u8]) -> Message<'_> {
    MessageParser::default().parse(mail).expect("a mail")
}

#[tokio::test]
async fn a_mail_holds_it_all() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let (results, delivery) = with_result(2).await;
    let config = to_server(&server, &json!({"tls": "none"}));
    let mailer = action_with(config, results);
    assert_eq!(mailer.notify(&delivery).await, ActionOutcome::Done);
    let accepted = server.accepted().remove(0);
    assert_eq!(accepted.receivers, ["soc@example.com", "lead@example.com"]);

    let mail = parse(&accepted.content);
    let subject = mail.subject().unwrap();
    assert_eq!(
        subject,
        "[HIGH] Encoded PowerShell command line: ws-017.example.com"
    );
    let id = format!("{}@example.com", delivery.id);
    assert_eq!(mail.message_id(), Some(id.as_str()));
    let thread = "hunt.encoded-powershell@example.com";
    assert_eq!(mail.references().as_text(), Some(thread));
    assert_eq!(
        mail.date().unwrap().to_timestamp(),
        delivery.alert.created_at.timestamp()
    );
    assert_eq!(
        mail.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert_eq!(mail.header_raw("Importance").unwrap().trim(), "high");

    let text = mail.body_text(0).unwrap().replace('\r', "");
    insta::assert_snapshot!(text, @r#"
    HIGH: Encoded PowerShell command line: ws-017.example.com

    Hunt:       Encoded PowerShell command line (encoded-powershell)
                PowerShell started with a command encoded in base64.
    Window:     2026-01-02 14:00 – 15:00 UTC (1h)
    MITRE:      T1059.001, T1027 (Execution)
    Rows:       2

    FINDINGS (1)

    1. Encoded PowerShell command line: ws-017.example.com
       high, 2 rows
       device: ws-017.example.com
       account: j.doe

    EVIDENCE (2 of 2 rows)

       Timestamp: 2026-01-02T14:12:07.4910000Z
       DeviceName: ws-017.example.com
       AccountName: j.doe
       ProcessId: 4312
       ProcessCommandLine: powershell.exe -NoP -W Hidden -enc SQBFAFgA

       Timestamp: 2026-01-02T14:13:55.0020000Z
       DeviceName: ws-017.example.com
       AccountName: j.doe
       ProcessId: 4377
       ProcessCommandLine: powershell.exe -NoP -W Hidden -enc SQBFAFgA

    The whole result, 2 rows, is attached as CSV.
    Lake: encoded-powershell/date=2026-01-02/w-r.parquet

    QUERY

    DeviceProcessEvents
    | where ProcessCommandLine has "-enc"

    -- 
    huntd, run 019b7f2a000070008000000000000001, delivery 019b7f2a000070008000000000000003
    "#);
    let html = mail.body_html(0).unwrap();
    for part in [
        "<!DOCTYPE html>",
        "high severity",
        "Encoded PowerShell command line: ws-017.example.com",
        "2026-01-02 14:00 – 15:00 UTC",
        "https://attack.mitre.org/techniques/T1059/001/",
        "2 of 2 rows",
        "where ProcessCommandLine has &quot;-enc&quot;",
        "The whole result, 2 rows, is attached as CSV.",
        "color-scheme",
    ] {
        assert!(html.contains(part), "{part}");
    }

    let csv = mail.attachment(0).unwrap();
    let name = "encoded-powershell-20260102T140000Z-20260102T150000Z.csv";
    assert_eq!(csv.attachment_name(), Some(name));
    let text = "\u{feff}Command,Count\r\n\"'=HYPERLINK(0)\",0\r\n\"'=HYPERLINK(1)\",1\r\n";
    assert_eq!(String::from_utf8_lossy(csv.contents()), text);
}

#[tokio::test]
async fn an_attachment_that_is_cut_or_missing_is_said_to_be() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let (results, mut delivery) = with_result(2000).await;
    let mut config = to_server(&server, &json!({"tls": "none"}));
    config["attachment_max_bytes"] = json!(1000);
    let mailer = action_with(config, results);
    assert_eq!(mailer.notify(&delivery).await, ActionOutcome::Done);
    delivery.alert.file = Some("gone.parquet".to_owned());
    assert_eq!(mailer.notify(&delivery).await, ActionOutcome::Done);

    let accepted = server.accepted();
    let (cut, gone) = (parse(&accepted[0].content), parse(&accepted[1].content));
    let csv = cut.attachment(0).unwrap().contents();
    assert!(csv.len() <= 1000);
    let rows = String::from_utf8_lossy(csv).lines().count() - 1;
    let note = format!("The attached CSV has the first {rows} of 2,000 rows");
    assert!(cut.body_text(0).unwrap().contains(&note));
    assert!(cut.body_html(0).unwrap().contains(&note));
    assert_eq!(gone.attachment_count(), 0);
    assert!(gone.body_html(0).unwrap().contains("could not be attached"));
}

#[tokio::test]
async fn what_an_attacker_writes_stays_text() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let mailer = action(to_server(&server, &json!({"tls": "none"})));
    let mut delivery = example::delivery();
    let finding = &mut delivery.alert.findings[0];
    finding.title = "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>".to_owned();
    finding.entities[0].value = "<img src=x onerror=alert(1)>\u{202e}fdp.exe".to_owned();
    let cell = json!("</td></table><script>\u{0}</script>{{ 7 * 7 }}");
    finding.evidence[0].insert("<b>Column</b>".to_owned(), cell);
    delivery.alert.hunt.query = "print \"</pre><script>\"".to_owned();
    assert_eq!(mailer.notify(&delivery).await, ActionOutcome::Done);

    let accepted = server.accepted().remove(0);
    assert_eq!(accepted.receivers, ["soc@example.com", "lead@example.com"]);
    let mail = parse(&accepted.content);
    assert!(mail.bcc().is_none());
    assert!(
        mail.subject()
            .unwrap()
            .starts_with("[HIGH] x  Bcc: evil@example.com")
    );
    let html = mail.body_html(0).unwrap();
    for tag in ["<script", "<img", "<b>"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert!(html.contains("{{ 7 * 7 }}") && html.contains("\\u{202e}fdp.exe"));
}

#[tokio::test]
async fn many_rows_are_cut_to_a_table_of_a_hundred() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let mailer = action(to_server(&server, &json!({"tls": "none"})));
    let mut delivery = example::delivery();
    let finding = &mut delivery.alert.findings[0];
    finding.evidence = (0..150)
        .map(|row| EvidenceRow::from_iter([("N".to_owned(), json!(row))]))
        .collect();
    finding.rows = 12_345;
    assert_eq!(mailer.notify(&delivery).await, ActionOutcome::Done);
    let accepted = server.accepted().remove(0);
    let mail = parse(&accepted.content);
    let html = mail.body_html(0).unwrap();
    assert!(html.contains("100 of 12,345 rows"));
    assert!(html.contains("<td>99</td>") && !html.contains("<td>100</td>"));
}

#[tokio::test]
async fn encrypted_and_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    for (encryption, tls) in [(Encryption::StartTls, "starttls"), (Encryption::Tls, "tls")] {
        let behaviour = Behaviour {
            encryption,
            login: Some(("huntd".to_owned(), "hunter2".to_owned())),
            ..Behaviour::plain()
        };
        let server = SmtpServer::start(behaviour).await;
        let ca_file = folder.path().join(format!("{tls}.pem"));
        std::fs::write(&ca_file, &server.certificate).unwrap();
        let smtp = |password: &str, trusted: bool| {
            let mut smtp = json!({"tls": tls, "user": "huntd", "password": password});
            if trusted {
                smtp["ca_file"] = json!(ca_file);
            }
            action(to_server(&server, &smtp))
        };
        let delivery = example::delivery();

        assert_eq!(
            smtp("hunter2", true).notify(&delivery).await,
            ActionOutcome::Done
        );
        let accepted = server.accepted().remove(0);
        assert!(accepted.is_encrypted);
        assert_eq!(accepted.user.as_deref(), Some("huntd"));

        let refused = why(smtp("letmein", true).notify(&delivery).await);
        assert!(refused.contains("refuses the login"), "{refused}");
        assert!(
            refused.contains("535") && !refused.contains("letmein"),
            "{refused}"
        );

        let untrusted = why(smtp("hunter2", false).notify(&delivery).await);
        assert!(untrusted.contains("`smtp.ca_file`"), "{untrusted}");
        assert_eq!(server.accepted().len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let mailer = action(to_server(&server, &json!({"tls": "starttls"})));
    let refused = why(mailer.notify(&example::delivery()).await);
    assert!(refused.contains("STARTTLS"), "{refused}");
    assert!(server.accepted().is_empty());
}

#[tokio::test]
async fn folders_get_each_mail_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = |key: &str| json!({"kind": "email", "to": ["soc@example.com"], key: path(key)});
    let files = |name: &str| -> Vec<String> {
        let entries = std::fs::read_dir(path(name)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let delivery = example::delivery();

    let maildir = action(config("maildir"));
    for _ in 0..2 {
        assert_eq!(maildir.notify(&delivery).await, ActionOutcome::Done);
    }
    let name = format!(
        "{}.{}.huntd",
        delivery.alert.created_at.timestamp(),
        delivery.id
    );
    assert_eq!(files("maildir/new"), [name.as_str()]);
    // A mail program moves what was read; it does not come back.
    let read = path("maildir/cur").join(format!("{name}:2,S"));
    std::fs::rename(path("maildir/new").join(&name), read).unwrap();
    assert_eq!(maildir.notify(&delivery).await, ActionOutcome::Done);
    assert!(files("maildir/new").is_empty() && files("maildir/tmp").is_empty());

    let folder_of_eml = action(config("folder"));
    for _ in 0..2 {
        assert_eq!(folder_of_eml.notify(&delivery).await, ActionOutcome::Done);
    }
    let expected = format!("20260102T150000Z-encoded-powershell-{}.eml", delivery.id);
    assert_eq!(files("folder"), [expected.as_str()]);
    let mail = std::fs::read(path("folder").join(expected)).unwrap();
    assert!(
        parse(&mail)
            .subject()
            .unwrap()
            .starts_with("[HIGH] Encoded PowerShell")
    );
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// `HUNTD_TEST_SMTP=host:port`, for example of `python -m aiosmtpd -n -l 127.0.0.1:2525`.
#[tokio::test]
async fn a_server_that_is_not_ours() {
    let Ok(place) = std::env::var("HUNTD_TEST_SMTP") else {
        skipped("HUNTD_TEST_SMTP is not set");
        return;
    };
    let (host, port) = place.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let (results, delivery) = with_result(500).await;
    let config = json!({
        "kind": "email", "from": "huntd@example.com", "to": ["soc@example.com"],
        "smtp": {"host": host, "port": port, "tls": "none"},
    });
    let outcome = action_with(config, results).notify(&delivery).await;
    assert_eq!(outcome, ActionOutcome::Done);
}
