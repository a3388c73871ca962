//! `sendMail` of Graph

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::lab::Lab;

const PATH: &str = "/v1.0/users/soc@example.org/sendMail";

fn mail(to: &str) -> Value {
    json!({"message": {
        "subject": "Hunt hit",
        "body": {"contentType": "HTML", "content": "<p>x</p>"},
        "toRecipients": [{"emailAddress": {"address": to}}],
    }})
}

#[tokio::test]
async fn mails_are_taken_and_kept() {
    let lab = Lab::new().await;
    let mut body = mail("ada@example.org");
    body["saveToSentItems"] = json!(false);
    body["message"]["ccRecipients"] = json!([{"emailAddress": {"address": "bob@example.org"}}]);
    body["message"]["internetMessageHeaders"] = json!([{"name": "x-hunt-run", "value": "1"}]);
    body["message"]["attachments"] = json!([{
        "@odata.type": "#microsoft.graph.fileAttachment", "name": "r.csv",
        "contentType": "text/csv", "contentBytes": STANDARD.encode("A,B"),
    }]);
    let answer = lab.post(PATH, body.clone()).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let mime = "From: soc@example.org\r\nTo: Ada <ada@example.org>,\r\n\tbob@example.org\r\n\
                Subject: s\r\n\r\nTo: not@example.org\r\n";
    let answer = lab
        .post_text(PATH, "text/plain", &STANDARD.encode(mime))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let kept = lab.get("/admin/mails").await.ok();
    let both = json!(["ada@example.org", "bob@example.org"]);
    assert_eq!(kept["value"][0]["from"], "soc@example.org");
    assert_eq!(kept["value"][0]["recipients"], both);
    assert_eq!(kept["value"][0]["savedToSentItems"], false);
    assert_eq!(kept["value"][0]["message"], body["message"]);
    assert_eq!(kept["value"][1]["recipients"], both);
    assert_eq!(kept["value"][1]["mime"], mime);
    assert_eq!(lab.delete("/admin/mails").await.status, 204);
    assert_eq!(lab.get("/admin/mails").await.ok()["value"], json!([]));
}

#[tokio::test]
async fn wrong_mails_are_refused() {
    let lab = Lab::with(|config| {
        config.checks_tokens = false;
        config
            .security
            .mailboxes
            .insert("SOC@example.org".to_owned());
    })
    .await;
    lab.post(PATH, mail("nobody"))
        .await
        .fails(400, "ErrorInvalidRecipients");
    let mut without = mail("ada@example.org");
    without["message"]["toRecipients"] = json!([]);
    lab.post(PATH, without)
        .await
        .fails(400, "ErrorInvalidRecipients");
    lab.post(PATH, json!({})).await.fails(400, "BadRequest");
    let mut header = mail("ada@example.org");
    header["message"]["internetMessageHeaders"] = json!([{"name": "Reply-To", "value": "x"}]);
    lab.post(PATH, header)
        .await
        .fails(400, "InvalidInternetMessageHeader");
    let mut kind = mail("ada@example.org");
    kind["message"]["body"]["contentType"] = json!("Markdown");
    lab.post(PATH, kind).await.fails(400, "BadRequest");
    let mut large = mail("ada@example.org");
    let bytes = STANDARD.encode(vec![0; 3_000_000]);
    large["message"]["attachments"] = json!([{"name": "r", "contentBytes": bytes}]);
    lab.post(PATH, large)
        .await
        .fails(413, "RequestEntityTooLarge");
    let message = lab.post_text(PATH, "text/plain", "no base64!").await;
    let message = message.fails(400, "ErrorMimeContentInvalidBase64String");
    assert_eq!(message, "Invalid base64 string for MIME content.");
    for other in ["other@example.org", "soc"] {
        let path = format!("/v1.0/users/{other}/sendMail");
        lab.post(&path, mail("ada@example.org"))
            .await
            .fails(404, "ErrorInvalidUser");
    }
    let me = lab.post("/v1.0/me/sendMail", mail("ada@example.org")).await;
    me.fails(400, "BadRequest");
    assert_eq!(lab.get("/admin/mails").await.ok()["value"], json!([]));
}
