//! Machine actions: `/api/machines/{id}/isolate` and its siblings, `/api/machineactions`

use huntd::emulator::security::settings::Repeat;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, MAC1, SHA1, SRV1, WS17};

fn on(machine: &str, action: &str) -> String {
    format!("/api/machines/{machine}/{action}")
}

/// Asks for an action that is accepted; gives its id.
async fn start(lab: &Lab, machine: &str, action: &str, body: Value) -> String {
    let answer = lab.post(&on(machine, action), body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn status(lab: &Lab, id: &str) -> String {
    let action = lab.get(&format!("/api/machineactions/{id}")).await.ok();
    action["status"].as_str().unwrap().to_owned()
}

/// What became of a machine.
async fn machine(lab: &Lab, id: &str) -> Value {
    let machines = lab.get("/admin/machines").await.ok();
    let mut machines = machines["value"].as_array().unwrap().iter();
    machines
        .find(|machine| machine["id"] == id)
        .unwrap()
        .clone()
}

#[tokio::test]
async fn an_isolation_takes_its_time_and_has_its_effect() {
    let lab = Lab::new().await;
    let body = json!({"Comment": "job 17", "IsolationType": "Selective"});
    let answer = lab.post(&on(WS17, "isolate"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let action = answer.json();
    let context = action["@odata.context"].as_str().unwrap();
    assert!(
        context.ends_with("/api/$metadata#MachineActions/$entity"),
        "{context}"
    );
    assert_eq!(action["type"], "Isolate");
    assert_eq!(action["scope"], "Selective");
    assert_eq!(action["status"], "Pending");
    assert_eq!(action["requestorComment"], "job 17");
    assert_eq!(action["computerDnsName"], "ws-17.example.org");
    assert_eq!(
        action["creationDateTimeUtc"],
        "2026-01-20T00:00:00.0000000Z"
    );
    assert_eq!(action["relatedFileInfo"], json!(null));
    let id = action["id"].as_str().unwrap();
    lab.pass(4);
    assert_eq!(status(&lab, id).await, "Pending");
    lab.pass(1);
    assert_eq!(status(&lab, id).await, "InProgress");
    assert_eq!(machine(&lab, WS17).await["isolation"], json!(null));
    lab.pass(25);
    let done = lab.get(&format!("/api/machineactions/{id}")).await.ok();
    assert_eq!(done["status"], "Succeeded");
    assert_eq!(
        done["lastUpdateDateTimeUtc"],
        "2026-01-20T00:00:30.0000000Z"
    );
    assert_eq!(machine(&lab, WS17).await["isolation"], "Selective");
    // Lists write that time under another name.
    let listed = lab.get("/api/machineactions").await.ok();
    assert_eq!(
        listed["value"][0]["lastUpdateTimeUtc"],
        "2026-01-20T00:00:30.0000000Z"
    );
    assert!(listed["value"][0].get("lastUpdateDateTimeUtc").is_none());

    start(&lab, WS17, "unisolate", json!({"Comment": "done"})).await;
    lab.pass(30);
    assert_eq!(machine(&lab, WS17).await["isolation"], json!(null));
}

#[tokio::test]
async fn each_kind_has_its_body_and_its_effect() {
    let lab = Lab::new().await;
    let comment = json!({"Comment": "c"});
    start(&lab, WS17, "restrictCodeExecution", comment.clone()).await;
    let file = json!({"Comment": "c", "Sha1": SHA1});
    start(&lab, WS17, "stopAndQuarantineFile", file).await;
    start(
        &lab,
        SRV1,
        "runAntiVirusScan",
        json!({"Comment": "c", "ScanType": "Quick"}),
    )
    .await;
    // Offboarding is answered with 200, unlike all others.
    let answer = lab.post(&on(SRV1, "offboard"), comment.clone()).await.ok();
    assert_eq!(answer["type"], "Offboard");
    lab.pass(30);
    let quarantined = machine(&lab, WS17).await;
    assert_eq!(quarantined["restricted"], true);
    assert_eq!(quarantined["quarantined"], json!([SHA1]));
    assert_eq!(machine(&lab, SRV1).await["offboarded"], true);
    start(&lab, WS17, "unrestrictCodeExecution", comment.clone()).await;
    lab.pass(30);
    assert_eq!(machine(&lab, WS17).await["restricted"], false);

    let scans = lab
        .get("/api/machineactions?$filter=type eq 'RunAntiVirusScan'")
        .await;
    assert_eq!(scans.each("scope"), ["Quick"]);
    let of_machine = format!("/api/machineactions/$count?$filter=machineId eq '{WS17}'");
    assert_eq!(lab.get(&of_machine).await.body, "3");
    let files = lab
        .get("/api/machineactions?$filter=type eq 'StopAndQuarantineFile'")
        .await;
    let expected = json!({"fileIdentifier": SHA1, "fileIdentifierType": "Sha1"});
    assert_eq!(files.each("relatedFileInfo"), [expected]);
}

#[tokio::test]
async fn bodies_are_case_sensitive_and_checked() {
    let lab = Lab::new().await;
    let post = async |action: &str, body: Value| lab.post(&on(WS17, action), body).await;
    post("isolate", json!({"comment": "c"}))
        .await
        .fails(400, "MissingRequiredParameter");
    let wrong_capital = json!({"Comment": "c", "isolationType": "Full"});
    post("isolate", wrong_capital)
        .await
        .fails(400, "InvalidRequestBody");
    let wrong_type = json!({"Comment": "c", "IsolationType": "Whole"});
    post("isolate", wrong_type).await.fails(400, "InvalidInput");
    post("isolate", json!({"Comment": 1}))
        .await
        .fails(400, "InvalidRequestBody");
    post("isolate", json!("c"))
        .await
        .fails(400, "InvalidRequestBody");
    let scan = json!({"Comment": "c"});
    post("runAntiVirusScan", scan)
        .await
        .fails(400, "MissingRequiredParameter");
    let short = json!({"Comment": "c", "Sha1": "abc"});
    post("StopAndQuarantineFile", short)
        .await
        .fails(400, "InvalidHashValue");
    let none = lab
        .send(lab.request(Method::POST, &on(WS17, "offboard")))
        .await;
    none.fails(400, "InvalidRequestBody");
    let cut = lab
        .post_text(&on(WS17, "isolate"), "application/json", "{\"Comment\":")
        .await;
    cut.fails(400, "InvalidRequestBody");
    let missing = lab
        .post(&on("none", "isolate"), json!({"Comment": "c"}))
        .await;
    missing.fails(404, "ResourceNotFound");
    let mac = lab
        .post(&on(MAC1, "restrictCodeExecution"), json!({"Comment": "c"}))
        .await;
    mac.fails(400, "OsPlatformNotSupported");
    start(&lab, MAC1, "isolate", json!({"Comment": "c"})).await;
    lab.get(&on(WS17, "isolate")).await.fails(405, "BadRequest");
    lab.post(&on(WS17, "explode"), json!({}))
        .await
        .fails(404, "NotFound");
}

#[tokio::test]
async fn what_runs_already_is_refused_or_told() {
    let lab = Lab::new().await;
    let comment = json!({"Comment": "c"});
    let id = start(&lab, WS17, "isolate", comment.clone()).await;
    let message = lab
        .post(&on(WS17, "isolate"), comment.clone())
        .await
        .fails(400, "BadRequest");
    assert_eq!(message, "Action is already in progress");
    start(&lab, SRV1, "isolate", comment.clone()).await;
    lab.pass(30);
    start(&lab, WS17, "isolate", comment.clone()).await;

    let changed = lab
        .patch("/admin/security", json!({"repeat": "return-pending"}))
        .await
        .ok();
    assert_eq!(changed["repeat"], json!(Repeat::ReturnPending));
    let first = start(&lab, WS17, "unisolate", comment.clone()).await;
    assert_eq!(start(&lab, WS17, "unisolate", comment.clone()).await, first);
    assert_ne!(first, id);
    start(&lab, WS17, "collectInvestigationPackage", comment.clone()).await;
    let again = lab
        .post(&on(WS17, "collectInvestigationPackage"), comment)
        .await;
    again.fails(400, "BadRequest");
}

#[tokio::test]
async fn actions_are_cancelled_while_they_run() {
    let lab = Lab::new().await;
    let id = start(&lab, WS17, "isolate", json!({"Comment": "c"})).await;
    let cancel = format!("/api/machineactions/{id}/cancel");
    lab.pass(10);
    lab.post(&cancel, json!({}))
        .await
        .fails(400, "MissingRequiredParameter");
    let cancelled = lab.post(&cancel, json!({"Comment": "no"})).await.ok();
    assert_eq!(cancelled["status"], "Cancelled");
    assert_eq!(cancelled["cancellationComment"], "no");
    assert_eq!(
        cancelled["cancellationDateTimeUtc"],
        "2026-01-20T00:00:10.0000000Z"
    );
    lab.pass(60);
    assert_eq!(status(&lab, &id).await, "Cancelled");
    assert_eq!(machine(&lab, WS17).await["isolation"], json!(null));
    lab.post(&cancel, json!({"Comment": "no"}))
        .await
        .fails(400, "BadRequest");
    let missing = "/api/machineactions/none/cancel";
    lab.post(missing, json!({"Comment": "no"}))
        .await
        .fails(404, "ResourceNotFound");
    lab.get("/api/machineactions/none")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn actions_fail_or_time_out_as_configured() {
    let lab = Lab::with(|config| {
        config.checks_tokens = false;
        config.security.failure_probability = 1.0;
        config
            .security
            .offline
            .insert("srv-1.example.org".to_owned());
        config.security.timeout_seconds = 600;
    })
    .await;
    let fails = start(&lab, WS17, "isolate", json!({"Comment": "c"})).await;
    let waits = start(&lab, SRV1, "isolate", json!({"Comment": "c"})).await;
    lab.pass(30);
    assert_eq!(status(&lab, &fails).await, "Failed");
    assert_eq!(status(&lab, &waits).await, "Pending");
    assert_eq!(machine(&lab, WS17).await["isolation"], json!(null));
    assert_eq!(machine(&lab, SRV1).await["offline"], true);
    lab.pass(600);
    assert_eq!(status(&lab, &waits).await, "TimeOut");
    let wrong = lab
        .patch("/admin/security", json!({"failure_probability": 2}))
        .await;
    wrong.fails(400, "InvalidInput");
    lab.patch("/admin/security", json!({"nonsense": 2}))
        .await
        .fails(400, "InvalidRequestBody");
}

#[tokio::test]
async fn the_same_seed_fails_the_same_actions() {
    let outcomes = async || {
        let lab = Lab::with(|config| {
            config.checks_tokens = false;
            config.security.failure_probability = 0.5;
            config.security.seed = 7;
            config.security.pending_seconds = 0;
            config.security.running_seconds = 1;
        })
        .await;
        for _ in 0..20 {
            start(&lab, WS17, "isolate", json!({"Comment": "c"})).await;
            lab.pass(1);
        }
        lab.get("/api/machineactions").await.each("status")
    };
    let first = outcomes().await;
    assert!(
        first.contains(&json!("Failed")) && first.contains(&json!("Succeeded")),
        "{first:?}"
    );
    assert_eq!(outcomes().await, first);
}

#[tokio::test]
async fn a_package_is_fetched_once_it_is_there() {
    let lab = Lab::new().await;
    let comment = json!({"Comment": "c"});
    let id = start(&lab, WS17, "collectInvestigationPackage", comment).await;
    let uri = format!("/api/machineactions/{id}/getPackageUri");
    lab.get(&uri).await.fails(404, "ResourceNotFound");
    lab.pass(30);
    let answer = lab.get(&uri).await.ok();
    assert!(
        answer["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("#Edm.String")
    );
    // The address is in quotes of its own.
    let quoted = answer["value"].as_str().unwrap();
    let link = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let response = lab.request(Method::GET, link).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/zip");
    let archive = response.bytes().await.unwrap();
    assert!(archive.starts_with(b"PK\x03\x04"));
    let text = String::from_utf8_lossy(&archive);
    assert!(
        text.contains("machine.json") && text.contains("ws-17.example.org"),
        "{text}"
    );
    lab.pass(3_600);
    assert_eq!(
        lab.get(link).await.status,
        403,
        "links work for a while only"
    );
    let scan = start(&lab, WS17, "isolate", json!({"Comment": "c"})).await;
    lab.pass(30);
    let none = lab
        .get(&format!("/api/machineactions/{scan}/getPackageUri"))
        .await;
    none.fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn live_response_runs_commands_in_turn() {
    let lab = Lab::new().await;
    let param = |key: &str, value: &str| json!({"key": key, "value": value});
    let body = json!({"Comment": "c", "Commands": [
        {"type": "PutFile", "params": [param("FileName", "s.ps1")]},
        {"type": "RunScript", "params": [param("ScriptName", "s.ps1"), param("Args", "-a")]},
    ]});
    let id = start(&lab, WS17, "runliveresponse", body.clone()).await;
    let again = lab.post(&on(WS17, "runliveresponse"), body).await;
    again.fails(400, "ActiveRequestAlreadyExists");
    lab.pass(5 + 13);
    let commands = async || {
        let action = lab.get(&format!("/api/machineactions/{id}")).await.ok();
        let commands = action["commands"].as_array().unwrap().clone();
        commands
            .iter()
            .map(|command| command["commandStatus"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(commands().await, ["Completed", "Created"]);
    let link = |index: usize| {
        format!("/api/machineactions/{id}/GetLiveResponseResultDownloadLink(index={index})")
    };
    lab.get(&link(1)).await.fails(404, "ResourceNotFound");
    lab.pass(12);
    assert_eq!(commands().await, ["Completed", "Completed"]);
    let value = lab.get(&link(1)).await.ok()["value"].clone();
    let result = lab.get(value.as_str().unwrap()).await.ok();
    assert_eq!(result["script_name"], "s.ps1");
    assert_eq!(result["exit_code"], 0);
    lab.get(&link(2)).await.fails(404, "ResourceNotFound");

    let run = async |commands: Value| {
        let body = json!({"Commands": commands});
        lab.post(&on(SRV1, "runliveresponse"), body).await
    };
    run(json!(null))
        .await
        .fails(400, "MissingRequiredParameter");
    run(json!([])).await.fails(400, "MissingRequiredParameter");
    run(json!([{"type": "Explode"}]))
        .await
        .fails(400, "InvalidRequestBody");
    let incomplete = json!([{"type": "GetFile", "params": []}]);
    run(incomplete).await.fails(400, "MissingRequiredParameter");
}

#[tokio::test]
async fn investigations_are_started_by_hand() {
    let lab = Lab::new().await;
    let answer = lab
        .post(&on(WS17, "startInvestigation"), json!({"Comment": "c"}))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let investigation = answer.json();
    assert_eq!(investigation["id"], "1");
    assert_eq!(investigation["state"], "Running");
    assert_eq!(investigation["machineId"], WS17);
    assert_eq!(lab.get("/api/investigations").await.each("id"), ["1"]);
    lab.get("/api/investigations/2")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn what_is_kept_is_of_reasonable_length() {
    let lab = Lab::new().await;
    let (long, most) = ("x".repeat(4_001), "é".repeat(4_000));
    let quarantine = |id: &str| json!({"Comment": "c", "Sha1": SHA1, "ExternalId": id});
    let path = on(WS17, "StopAndQuarantineFile");
    lab.post(&path, quarantine(&long))
        .await
        .fails(400, "InvalidInput");
    start(&lab, WS17, "StopAndQuarantineFile", quarantine(&most)).await;
    let session = |value: &str, count: usize| {
        let parameter = json!({"key": "Path", "value": value});
        let parameters = vec![parameter; count];
        json!({"Comment": "c", "Commands": [{"type": "GetFile", "params": parameters}]})
    };
    let path = on(WS17, "runliveresponse");
    lab.post(&path, session(&long, 1))
        .await
        .fails(400, "InvalidInput");
    lab.post(&path, session("x", 11))
        .await
        .fails(400, "InvalidRequestBody");
    let alert = "/v1.0/security/alerts_v2/da1_1";
    let comment = json!({"comment": long});
    lab.post(&format!("{alert}/comments"), comment)
        .await
        .fails(400, "BadRequest");
    for (path, body) in [
        (alert, json!({"assignedTo": long})),
        ("/v1.0/security/incidents/1", json!({"customTags": [long]})),
        ("/v1.0/security/incidents/1", json!({"displayName": long})),
    ] {
        lab.patch(path, body).await.fails(400, "BadRequest");
    }
    let groups = |groups: Value| {
        json!({
            "indicatorValue": SHA1, "indicatorType": "FileSha1", "action": "Block",
            "title": "t", "description": "d", "rbacGroupNames": groups,
        })
    };
    for wrong in [
        json!(long),
        json!([long]),
        json!(vec!["x"; 1_001]),
        json!(vec![&most; 11]),
    ] {
        lab.post("/api/indicators", groups(wrong))
            .await
            .fails(400, "InvalidInput");
    }
    lab.post("/api/indicators", groups(json!([most])))
        .await
        .ok();
}
