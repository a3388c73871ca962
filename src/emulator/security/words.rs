//! The closed sets of words of alerts and incidents, which Defender for Endpoint and Graph spell
//! differently, and Graph's habit of hiding members that came later.

use super::call::Request;

/// A word of a set: Defender for Endpoint's spelling, Graph's, and others that are understood.
type Word = (&'static str, &'static str, &'static [&'static str]);

/// How bad an alert is.
pub(super) const SEVERITIES: &[Word] = &[
    ("UnSpecified", "unknown", &[]),
    ("Informational", "informational", &[]),
    ("Low", "low", &[]),
    ("Medium", "medium", &[]),
    ("High", "high", &[]),
];

/// What state an alert is in.
pub(super) const STATUSES: &[Word] = &[
    ("New", "new", &[]),
    ("InProgress", "inProgress", &[]),
    ("Resolved", "resolved", &[]),
];

/// What somebody made of an alert.
pub(super) const CLASSIFICATIONS: &[Word] = &[
    ("TruePositive", "truePositive", &[]),
    ("FalsePositive", "falsePositive", &[]),
    (
        "InformationalExpectedActivity",
        "informationalExpectedActivity",
        &["Informational, expected activity"],
    ),
];

/// The same in detail.
pub(super) const DETERMINATIONS: &[Word] = &[
    ("Apt", "apt", &[]),
    ("Malware", "malware", &[]),
    ("SecurityPersonnel", "securityPersonnel", &[]),
    ("SecurityTesting", "securityTesting", &[]),
    ("UnwantedSoftware", "unwantedSoftware", &[]),
    ("Other", "other", &[]),
    ("MultiStagedAttack", "multiStagedAttack", &[]),
    ("CompromisedUser", "compromisedAccount", &[]),
    ("Phishing", "phishing", &[]),
    ("MaliciousUserActivity", "maliciousUserActivity", &[]),
    ("Clean", "notMalicious", &[]),
    ("InsufficientData", "notEnoughDataToValidate", &[]),
    (
        "ConfirmedUserActivity",
        "confirmedUserActivity",
        &["ConfirmedActivity"],
    ),
    (
        "LineOfBusinessApplication",
        "lineOfBusinessApplication",
        &[],
    ),
];

/// Graph's words for the product that an alert is from; those after `unknownFutureValue` last.
const SERVICE_SOURCES: &[&str] = &[
    "microsoftDefenderForEndpoint",
    "microsoftDefenderForIdentity",
    "microsoftDefenderForCloudApps",
    "microsoftDefenderForOffice365",
    "microsoft365Defender",
    "azureAdIdentityProtection",
    "microsoftAppGovernance",
    "dataLossPrevention",
];
const SERVICE_SOURCES_LATER: &[&str] = &[
    "microsoftDefenderForCloud",
    "microsoftSentinel",
    "microsoftInsiderRiskManagement",
    "microsoftThreatIntelligence",
];

/// Graph's words for what detected; those after `unknownFutureValue` last.
const DETECTION_SOURCES: &[&str] = &[
    "microsoftDefenderForEndpoint",
    "antivirus",
    "smartScreen",
    "customTi",
    "microsoftDefenderForOffice365",
    "automatedInvestigation",
    "microsoftThreatExperts",
    "customDetection",
    "microsoftDefenderForIdentity",
    "cloudAppSecurity",
    "microsoft365Defender",
    "azureAdIdentityProtection",
    "manual",
    "microsoftDataLossPrevention",
    "appGovernancePolicy",
    "appGovernanceDetection",
];
const DETECTION_SOURCES_LATER: &[&str] = &[
    "microsoftDefenderForCloud",
    "microsoftSentinel",
    "nrtAlerts",
    "scheduledAlerts",
    "builtInMl",
    "microsoftInsiderRiskManagement",
    "microsoftThreatIntelligence",
    "securityCopilot",
];

/// The word of a set that a text is, in any spelling; Defender for Endpoint's spelling of it.
pub(super) fn known(set: &'static [Word], text: &str) -> Option<&'static str> {
    let found = set.iter().find(|(defender, graph, others)| {
        defender.eq_ignore_ascii_case(text)
            || graph.eq_ignore_ascii_case(text)
            || others.iter().any(|other| other.eq_ignore_ascii_case(text))
    });
    found.map(|(defender, ..)| *defender)
}

/// Graph's spelling of a word.
pub(super) fn of_graph(set: &'static [Word], word: &str) -> &'static str {
    let found = set.iter().find(|(defender, ..)| *defender == word);
    found.map_or("unknown", |(_, graph, _)| *graph)
}

/// Whether Graph is asked for members that came later than `unknownFutureValue`.
pub(super) fn wants_later_members(request: &Request) -> bool {
    request.header("prefer").is_some_and(|prefer| {
        prefer
            .split([',', ';'])
            .any(|part| part.trim() == "include-unknown-enum-members")
    })
}

/// Graph's word for the product that an alert is from, by its name in tables.
pub(super) fn service_source(name: &str, later: bool) -> &'static str {
    let word = match name {
        "Microsoft Cloud App Security" => "microsoftDefenderForCloudApps".to_owned(),
        "Microsoft Defender XDR" => "microsoft365Defender".to_owned(),
        "AAD Identity Protection" | "Azure Active Directory Identity Protection" => {
            "azureAdIdentityProtection".to_owned()
        }
        "Microsoft Data Loss Prevention" => "dataLossPrevention".to_owned(),
        "App Governance" => "microsoftAppGovernance".to_owned(),
        name => camel_case(name),
    };
    gated(&word, SERVICE_SOURCES, SERVICE_SOURCES_LATER, later)
}

/// Graph's word for what detected, by its name in tables.
pub(super) fn detection_source(name: &str, later: bool) -> &'static str {
    let word = match name {
        "EDR" | "Microsoft Defender for Endpoint" => "microsoftDefenderForEndpoint".to_owned(),
        "Custom TI" => "customTi".to_owned(),
        "Automated investigation" => "automatedInvestigation".to_owned(),
        "Microsoft Defender XDR" => "microsoft365Defender".to_owned(),
        "SmartScreen" => "smartScreen".to_owned(),
        "Scheduled alerts" => "scheduledAlerts".to_owned(),
        "NRT alerts" => "nrtAlerts".to_owned(),
        name => camel_case(name),
    };
    gated(&word, DETECTION_SOURCES, DETECTION_SOURCES_LATER, later)
}

/// Defender for Endpoint's word for what detected, by its name in tables.
pub(super) fn defender_detection_source(name: &str) -> String {
    match name {
        "EDR" => "WindowsDefenderAtp".to_owned(),
        "Antivirus" => "WindowsDefenderAv".to_owned(),
        "SmartScreen" => "WindowsDefenderSmartScreen".to_owned(),
        "Custom TI" => "CustomerTI".to_owned(),
        name => pascal_case(name),
    }
}

/// `word` where it is known and may be told.
fn gated(
    word: &str,
    always: &[&'static str],
    later: &[&'static str],
    wants_later: bool,
) -> &'static str {
    let is = |known: &&&'static str| known.eq_ignore_ascii_case(word);
    if let Some(word) = always.iter().find(is) {
        return word;
    }
    match later.iter().find(is) {
        Some(word) if wants_later => word,
        Some(_) => "unknownFutureValue",
        None => "unknown",
    }
}

/// Words as one, each with a capital.
pub(super) fn pascal_case(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let mut out = String::with_capacity(text.len());
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.extend(letters);
    }
    out
}

/// Words as one, the first with a small letter.
fn camel_case(text: &str) -> String {
    small_first(&pascal_case(text))
}

/// The same with a small first letter.
pub(super) fn small_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_spelling_is_understood() {
        for text in ["Clean", "clean", "notMalicious", "NotMalicious"] {
            assert_eq!(known(DETERMINATIONS, text), Some("Clean"), "{text}");
        }
        assert_eq!(
            known(DETERMINATIONS, "confirmedActivity"),
            Some("ConfirmedUserActivity")
        );
        assert_eq!(known(DETERMINATIONS, "nonsense"), None);
        assert_eq!(
            of_graph(DETERMINATIONS, "InsufficientData"),
            "notEnoughDataToValidate"
        );
    }

    #[test]
    fn sources_have_the_words_of_graph() {
        let endpoint = service_source("Microsoft Defender for Endpoint", false);
        assert_eq!(endpoint, "microsoftDefenderForEndpoint");
        let office = service_source("Microsoft Defender for Office 365", false);
        assert_eq!(office, "microsoftDefenderForOffice365");
        assert_eq!(
            service_source("Microsoft Sentinel", false),
            "unknownFutureValue"
        );
        assert_eq!(
            service_source("Microsoft Sentinel", true),
            "microsoftSentinel"
        );
        assert_eq!(service_source("Nonsense", true), "unknown");
        assert_eq!(
            detection_source("Custom detection", false),
            "customDetection"
        );
        assert_eq!(detection_source("Custom TI", false), "customTi");
        assert_eq!(defender_detection_source("EDR"), "WindowsDefenderAtp");
    }
}
