//! What Microsoft Sentinel documents of its rules: words, lengths, ranges, entity types.

use kql::diagnostic::did_you_mean;

use super::super::mitre;
use crate::yaml::{Node, Value};

/// Minutes of an hour and of a day.
pub(super) const HOUR: f64 = 60.0;
pub(super) const DAY: f64 = 24.0 * HOUR;
/// Longest key of a custom detail.
pub(super) const DETAIL_KEY_MAX: usize = 20;
/// Columns that a title or description may name.
const PLACEHOLDERS_MAX: usize = 3;

/// What a value has to be.
pub(super) struct Rule {
    /// The keys that lead to it.
    pub(super) path: &'static [&'static str],
    /// Whether it is a list of such values.
    pub(super) is_list: bool,
    pub(super) wanted: Wanted,
}

/// A kind of value.
pub(super) enum Wanted {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text of at most so many characters.
    Text(usize),
    /// The same, with at most three `{{Column}}`.
    Template(usize),
    /// A whole number from zero on.
    Number(i64),
    /// A length of time, in minutes, both ends included.
    Time(f64, f64),
    /// A list of so many items, or a mapping of so many keys.
    Count(usize, usize),
    /// `T1059` or `T1059.001`.
    Technique,
    /// A tactic of MITRE ATT&CK.
    Tactic,
    /// A GUID.
    Guid,
    /// `1.0.0`
    Version,
    /// `true` or `false`
    Bool,
}

const fn rule(path: &'static [&'static str], wanted: Wanted) -> Rule {
    let is_list = matches!(wanted, Wanted::Tactic | Wanted::Technique);
    Rule {
        path,
        is_list,
        wanted,
    }
}

/// Tactics of the matrix for industrial control systems, which Sentinel has beside the others.
const INDUSTRIAL_TACTICS: [&str; 2] = ["ImpairProcessControl", "InhibitResponseFunction"];

/// All values with a limit.
pub(super) const RULES: &[Rule] = &[
    rule(&["id"], Wanted::Guid),
    rule(&["kind"], Wanted::Word(&["Scheduled", "NRT"])),
    rule(&["name"], Wanted::Text(256)),
    rule(&["description"], Wanted::Text(5000)),
    rule(
        &["severity"],
        Wanted::Word(&["Informational", "Low", "Medium", "High"]),
    ),
    rule(&["queryFrequency"], Wanted::Time(5.0, 14.0 * DAY)),
    rule(&["queryPeriod"], Wanted::Time(5.0, 14.0 * DAY)),
    rule(
        &["triggerOperator"],
        Wanted::Word(&["gt", "lt", "eq", "ne"]),
    ),
    rule(&["triggerThreshold"], Wanted::Number(10_000)),
    rule(&["tactics"], Wanted::Tactic),
    rule(&["relevantTechniques"], Wanted::Technique),
    rule(&["query"], Wanted::Text(10_000)),
    rule(&["entityMappings"], Wanted::Count(1, 10)),
    rule(&["customDetails"], Wanted::Count(1, 20)),
    rule(
        &["alertDetailsOverride", "alertDisplayNameFormat"],
        Wanted::Template(256),
    ),
    rule(
        &["alertDetailsOverride", "alertDescriptionFormat"],
        Wanted::Template(5000),
    ),
    rule(
        &["eventGroupingSettings", "aggregationKind"],
        Wanted::Word(&["SingleAlert", "AlertPerResult"]),
    ),
    rule(&["suppressionEnabled"], Wanted::Bool),
    rule(&["suppressionDuration"], Wanted::Time(5.0, DAY)),
    rule(&["incidentConfiguration", "createIncident"], Wanted::Bool),
    rule(
        &["incidentConfiguration", "groupingConfiguration", "enabled"],
        Wanted::Bool,
    ),
    rule(
        &[
            "incidentConfiguration",
            "groupingConfiguration",
            "lookbackDuration",
        ],
        Wanted::Time(5.0, 7.0 * DAY),
    ),
    rule(
        &[
            "incidentConfiguration",
            "groupingConfiguration",
            "matchingMethod",
        ],
        Wanted::Word(&["AllEntities", "AnyAlert", "Selected"]),
    ),
    rule(&["version"], Wanted::Version),
    rule(
        &["status"],
        Wanted::Word(&["Installed", "Available", "NotAvailable"]),
    ),
];

/// A message, and what to do.
type Refusal = (String, Option<String>);

impl Wanted {
    /// Whether a value is what Sentinel accepts under the key `name`.
    pub(super) fn check(&self, name: &str, node: &Node) -> Result<(), Refusal> {
        let text = node.as_text();
        let refuse = |what: String| Err((format!("`{name}` {what}"), None));
        match self {
            Self::Word(words) => match text {
                Some(text) if words.contains(&text) => Ok(()),
                _ => {
                    let written = text.unwrap_or(node.kind());
                    Err((
                        format!("Sentinel does not know the {name} `{written}`"),
                        Some(nearest(written, words)),
                    ))
                }
            },
            Self::Text(max) | Self::Template(max) => {
                let Some(text) = text else {
                    return refuse(format!("is {}, not a text", node.kind()));
                };
                let count = text.chars().count();
                if count == 0 || count > *max {
                    let found = format!("has {count} characters; Sentinel takes 1 to {max}");
                    return refuse(found);
                }
                let columns = text.matches("{{").count();
                if matches!(self, Self::Template(_)) && columns > PLACEHOLDERS_MAX {
                    let found =
                        format!("names {columns} columns; Sentinel takes {PLACEHOLDERS_MAX}");
                    return refuse(found);
                }
                Ok(())
            }
            Self::Number(max) => match node.value {
                Value::Integer(number) if (0..=*max).contains(&number) => Ok(()),
                _ => refuse(format!("is not a whole number from 0 to {max}")),
            },
            Self::Time(min, max) => match text.and_then(minutes) {
                Some(length) if (*min..=*max).contains(&length) => Ok(()),
                Some(_) => refuse(format!(
                    "is not between {} and {}",
                    shown(*min),
                    shown(*max)
                )),
                None => Err((
                    format!("`{name}` is no length of time"),
                    Some("write such as 5m, 1h or 14d".to_owned()),
                )),
            },
            Self::Count(min, max) => {
                let count = match &node.value {
                    Value::List(items) => items.len(),
                    Value::Mapping(entries) => entries.len(),
                    Value::Null => return Ok(()),
                    _ => return refuse(format!("is {}", node.kind())),
                };
                if (*min..=*max).contains(&count) {
                    return Ok(());
                }
                refuse(format!(
                    "has {count} entries; Sentinel takes {min} to {max}"
                ))
            }
            Self::Technique => match text {
                Some(text) if mitre::is_technique(text) => Ok(()),
                _ => Err((
                    format!(
                        "`{}` is no technique of MITRE ATT&CK",
                        text.unwrap_or_default()
                    ),
                    Some("write T and four digits, such as T1059 or T1059.001".to_owned()),
                )),
            },
            Self::Tactic => {
                let written = text.unwrap_or_default();
                if INDUSTRIAL_TACTICS.contains(&written) || mitre::tactic(written) == Ok(written) {
                    return Ok(());
                }
                let help = match mitre::tactic(written) {
                    Ok(tactic) => format!("write `{tactic}`"),
                    Err(help) => help,
                };
                Err((format!("Sentinel has no tactic `{written}`"), Some(help)))
            }
            Self::Guid => match text {
                Some(text) if uuid::Uuid::try_parse(text).is_ok() => Ok(()),
                _ => refuse("is no GUID".to_owned()),
            },
            Self::Version => {
                let is_number =
                    |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                match text {
                    Some(text)
                        if text.split('.').count() == 3 && text.split('.').all(is_number) =>
                    {
                        Ok(())
                    }
                    _ => Err((
                        format!("`{name}` is no version"),
                        Some("write three numbers, such as 1.0.0".to_owned()),
                    )),
                }
            }
            Self::Bool => match node.value {
                Value::Bool(_) => Ok(()),
                _ => refuse("is neither true nor false".to_owned()),
            },
        }
    }
}

fn nearest(written: &str, words: &[&str]) -> String {
    match did_you_mean(written, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("use one of {}", words.join(", ")),
    }
}

/// Minutes of `5m`, `1h`, `14d`, of `1.00:00:00`, or of `PT5M`.
pub(super) fn minutes(text: &str) -> Option<f64> {
    let unit = |unit: char| match unit.to_ascii_lowercase() {
        's' => Some(1.0 / 60.0),
        'm' => Some(1.0),
        'h' => Some(HOUR),
        'd' => Some(DAY),
        _ => None,
    };
    let text = text.trim();
    if let Some(period) = text.strip_prefix('P') {
        let mut total = 0.0;
        let mut number = String::new();
        for c in period.chars() {
            match c {
                '0'..='9' => number.push(c),
                'T' if number.is_empty() => {}
                _ => {
                    total += std::mem::take(&mut number).parse::<f64>().ok()? * unit(c)?;
                }
            }
        }
        return number.is_empty().then_some(total);
    }
    let last = text.chars().last()?;
    if last.is_ascii_alphabetic() {
        let number: u32 = text[..text.len() - 1].parse().ok()?;
        return Some(f64::from(number) * unit(last)?);
    }
    let ticks = kql::time::parse_timespan(text)?;
    Some(ticks as f64 / kql::types::TICKS_PER_SECOND as f64 / 60.0)
}

fn shown(minutes: f64) -> String {
    if minutes >= DAY {
        format!("{}d", minutes / DAY)
    } else {
        format!("{minutes}m")
    }
}

/// Entity types with their identifiers; of one without any, they are too many to tell.
const ENTITY_TYPES: &[(&str, &[&str])] = &[
    (
        "Account",
        &[
            "Name",
            "FullName",
            "NTDomain",
            "DnsDomain",
            "UPNSuffix",
            "Sid",
            "AadTenantId",
            "AadUserId",
            "PUID",
            "IsDomainJoined",
            "DisplayName",
            "ObjectGuid",
        ],
    ),
    (
        "Host",
        &[
            "DnsDomain",
            "NTDomain",
            "HostName",
            "FullName",
            "NetBiosName",
            "AzureID",
            "OMSAgentID",
            "OSFamily",
            "OSVersion",
            "IsDomainJoined",
        ],
    ),
    ("IP", &["Address"]),
    ("URL", &["Url"]),
    ("File", &["Directory", "Name"]),
    ("FileHash", &["Algorithm", "Value"]),
    (
        "Process",
        &[
            "ProcessId",
            "CommandLine",
            "ElevationToken",
            "CreationTimeUtc",
        ],
    ),
    ("RegistryKey", &["Hive", "Key"]),
    ("RegistryValue", &["Name", "Value", "ValueType"]),
    ("DNS", &["DomainName"]),
    ("AzureResource", &["ResourceId"]),
    ("CloudApplication", &["AppId", "Name", "InstanceName"]),
    ("Malware", &["Name", "Category"]),
    (
        "Mailbox",
        &[
            "MailboxPrimaryAddress",
            "DisplayName",
            "Upn",
            "ExternalDirectoryObjectId",
            "RiskLevel",
        ],
    ),
    (
        "MailMessage",
        &[
            "Recipient",
            "Urls",
            "Threats",
            "Sender",
            "P1Sender",
            "P1SenderDisplayName",
            "P1SenderDomain",
            "SenderIP",
            "P2Sender",
            "P2SenderDisplayName",
            "P2SenderDomain",
            "ReceivedDate",
            "NetworkMessageId",
            "InternetMessageId",
            "Subject",
            "BodyFingerprintBin1",
            "BodyFingerprintBin2",
            "BodyFingerprintBin3",
            "BodyFingerprintBin4",
            "BodyFingerprintBin5",
            "AntispamDirection",
            "DeliveryAction",
            "DeliveryLocation",
            "Language",
            "ThreatDetectionMethods",
        ],
    ),
    ("MailCluster", &[]),
    (
        "SubmissionMail",
        &[
            "NetworkMessageId",
            "Timestamp",
            "Recipient",
            "Sender",
            "SenderIp",
            "Subject",
            "ReportType",
            "SubmissionId",
            "SubmissionDate",
            "Submitter",
        ],
    ),
    ("SecurityGroup", &["DistinguishedName", "SID", "ObjectGuid"]),
    (
        "IoTDevice",
        &[
            "DeviceId",
            "DeviceName",
            "Manufacturer",
            "Model",
            "FirmwareVersion",
            "OperatingSystem",
            "MacAddress",
            "Protocols",
            "SerialNumber",
            "Source",
            "IoTSecurityAgentId",
            "DeviceType",
        ],
    ),
];

/// The identifiers of an entity type.
pub(super) fn identifiers(ty: &str) -> Option<&'static [&'static str]> {
    let found = ENTITY_TYPES.iter().find(|(name, _)| *name == ty);
    found.map(|(_, identifiers)| *identifiers)
}

/// The names of the entity types.
pub(super) fn entity_types() -> impl Iterator<Item = &'static str> {
    ENTITY_TYPES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_every_form() {
        assert_eq!(minutes("5m"), Some(5.0));
        assert_eq!(minutes("14d"), Some(14.0 * DAY));
        assert_eq!(minutes("1.00:05:00"), Some(DAY + 5.0));
        assert_eq!(minutes("PT1H30M"), Some(90.0));
        assert_eq!(minutes("P1D"), Some(DAY));
        assert_eq!(minutes("soon"), None);
        assert_eq!(minutes("PT5"), None);
    }
}
