//! What goes wrong on the way: faults that pass are got over, those that do not are told in one
//! line with what to do, and nothing secret is seen anywhere.

use std::sync::Arc;

use huntd::clock::SystemClock;
use huntd::emulator::clock::EmulatorClock;
use huntd::emulator::fault::{Kind, Rule};
use huntd::emulator::limit::Limit;
use huntd::source::{self, SourceError, Surroundings};
use serde_json::{Value, json};

use super::support::{CLIENT, SECRET, World, run, spec, window};

/// Every fault that passes, three in ten requests in all.
const PASSING: [Kind; 10] = [
    Kind::Throttled,
    Kind::ThrottledSilent,
    Kind::InternalError,
    Kind::Unavailable,
    Kind::GatewayTimeout,
    Kind::Cut,
    Kind::Truncated,
    Kind::Html,
    Kind::WrongContentType,
    Kind::ExpiredToken,
];

#[tokio::test]
async fn an_export_under_faults_has_every_row_once() {
    for seed in 0..4 {
        let clock = Arc::new(EmulatorClock::new(Arc::new(SystemClock), 2000.0));
        let world = World::with_clock(1000, clock, |config| {
            config.limits.put(Limit::HuntingRows, Some(100));
            config.seed = seed;
            config.faults = PASSING
                .into_iter()
                .map(|kind| Rule {
                    probability: 0.03,
                    ..Rule::always(kind)
                })
                .collect();
        })
        .await;
        let source = world.source("graph", &json!({"rows_max": 100}));
        let text = "DeviceProcessEvents | project Timestamp, ProcessId";
        let got = run(&source, &spec(text, Some(window(1000)))).await;
        let got = got.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let ids: Vec<String> = got.rows.iter().map(|row| row[1].clone()).collect();
        let expected: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
        assert_eq!(ids, expected, "seed {seed}");
        assert_eq!(got.report.missing(), None);
    }
}

async fn error_of(world: &World, kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut settings = json!({"attempts": 1});
    change(&mut settings);
    let surroundings = Surroundings::new(Arc::new(SystemClock));
    let built = source::build(&world.config(kind, &settings), &surroundings);
    let error = match built {
        Ok(source) => {
            let asked = run(&source, &spec("DeviceProcessEvents", Some(window(5)))).await;
            asked.unwrap_err().to_string()
        }
        Err(error) => format!("{error:#}"),
    };
    assert!(!error.contains(SECRET), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[tokio::test]
async fn wrong_credentials_and_roles_are_told_with_what_to_do() {
    let world = World::new(5, |config| {
        config.tenants = vec![super::support::TENANT.to_owned()];
        config.clients.push(
            huntd::emulator::config::ClientConfig::with_secret("poor", SECRET)
                .with_roles(["Machine.Read.All"]),
        );
    })
    .await;
    let secret =
        |id: &str, secret: &str| json!({"kind": "secret", "client_id": id, "secret": secret});
    let wrong = error_of(&world, "graph", |s| s["auth"] = secret(CLIENT, "wrong")).await;
    assert!(
        wrong.contains("AADSTS7000215") && wrong.contains("secret"),
        "{wrong}"
    );
    let unknown = error_of(&world, "graph", |s| s["auth"] = secret("nobody", "x")).await;
    assert!(unknown.contains("AADSTS700016"), "{unknown}");
    let tenant = error_of(&world, "graph", |s| s["tenant"] = json!("fabrikam.example")).await;
    assert!(
        tenant.contains("AADSTS90002") && tenant.contains("tenant"),
        "{tenant}"
    );
    for kind in ["graph", "xdr", "mde"] {
        let poor = error_of(&world, kind, |s| s["auth"] = secret("poor", SECRET)).await;
        let role = match kind {
            "graph" => "ThreatHunting.Read.All",
            "xdr" => "AdvancedHunting.Read.All",
            _ => "AdvancedQuery.Read.All",
        };
        assert!(poor.contains(role), "{kind}: {poor}");
        assert!(poor.contains("Machine.Read.All"), "{kind}: {poor}");
        assert!(poor.contains("permissions.md"), "{kind}: {poor}");
    }
}

#[tokio::test]
async fn a_wrong_way_is_told_with_what_to_do() {
    let world = World::new(5, |config| {
        config.faults = vec![Rule {
            path: "/v1.0".to_owned(),
            ..Rule::always(Kind::Html)
        }];
    })
    .await;
    let portal = error_of(&world, "graph", |_| {}).await;
    assert!(
        portal.contains("proxy") || portal.contains("portal"),
        "{portal}"
    );
    let host = "https://huntd-no-such-host.invalid";
    let dns = error_of(&world, "graph", |s| {
        s["url"] = json!(host);
        s["trusted_hosts"] = json!(["huntd-no-such-host.invalid"]);
    })
    .await;
    assert!(dns.contains("resolved") && dns.contains("DNS"), "{dns}");
    let foreign = error_of(&world, "graph", |s| s["url"] = json!("https://example.com")).await;
    assert!(foreign.contains("trusted_hosts"), "{foreign}");
    let cloud = error_of(&world, "graph", |s| s["cloud"] = json!("china")).await;
    assert!(cloud.contains("china"), "{cloud}");

    let secured = World::new(5, |config| config.tls = true).await;
    let tls = error_of(&secured, "graph", |_| {}).await;
    assert!(
        tls.contains("certificate") && tls.contains("ca_file"),
        "{tls}"
    );
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, secured.emulator.ca_pem().unwrap()).unwrap();
    let source = secured.source("graph", &json!({"ca_file": ca}));
    let got = run(&source, &spec("DeviceProcessEvents", Some(window(5)))).await;
    assert_eq!(got.unwrap().rows.len(), 5);
}

#[tokio::test]
async fn a_bad_query_is_asked_once() {
    let world = World::new(5, |_| {}).await;
    // A table that is known and that this tenant does not have.
    let source = world.source("graph", &json!({}));
    let error = run(&source, &spec("EmailEvents", Some(window(5)))).await;
    let error = error.unwrap_err();
    assert!(matches!(error, SourceError::Refused(_)), "{error}");
    assert!(error.to_string().contains("EmailEvents"), "{error}");
    let requests = world.emulator.requests();
    let asked = requests
        .iter()
        .filter(|request| request.path.ends_with("/runHuntingQuery"));
    assert_eq!(asked.count(), 1, "{requests:?}");
}
