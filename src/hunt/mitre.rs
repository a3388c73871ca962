//! Names of MITRE ATT&CK (Enterprise): which tactics exist, what a technique's id looks like.

use kql::diagnostic::did_you_mean;

/// The tactics, as Sentinel and Defender write them.
const TACTICS: [&str; 14] = [
    "Reconnaissance",
    "ResourceDevelopment",
    "InitialAccess",
    "Execution",
    "Persistence",
    "PrivilegeEscalation",
    "DefenseEvasion",
    "CredentialAccess",
    "Discovery",
    "LateralMovement",
    "Collection",
    "CommandAndControl",
    "Exfiltration",
    "Impact",
];

/// The tactic that is meant, whatever its letter case and blanks; or what to do.
pub(super) fn tactic(text: &str) -> Result<&'static str, String> {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphabetic)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    let written = letters(text);
    if let Some(tactic) = TACTICS
        .into_iter()
        .find(|tactic| letters(tactic) == written)
    {
        return Ok(tactic);
    }
    Err(match did_you_mean(text, TACTICS) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("use one of {}", TACTICS.join(", ")),
    })
}

/// `T1059` or `T1059.001`.
pub(super) fn is_technique(text: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = text.strip_prefix('T') else {
        return false;
    };
    match number.split_once('.') {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => digits(number, 4),
    }
}
