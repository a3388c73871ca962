//! Who a request comes from, as its token says. The sign-in layer puts a [`Caller`] into the
//! extensions of every request; handlers ask it whether the caller may do what they do.

use std::collections::BTreeSet;

/// Every application role that some call of the emulator asks for.
pub const ROLES: [&str; 36] = [
    "AdvancedHunting.Read.All",
    "AdvancedQuery.Read.All",
    "Alert.Read.All",
    "Alert.ReadWrite.All",
    "Alerts.ReadWrite.All",
    "Data.Read",
    "File.Read.All",
    "Incident.Read.All",
    "Incident.ReadWrite.All",
    "Ip.Read.All",
    "Library.Manage",
    "Machine.CollectForensics",
    "Machine.Isolate",
    "Machine.LiveResponse",
    "Machine.Offboard",
    "Machine.Read.All",
    "Machine.ReadWrite.All",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.StopAndQuarantine",
    "Mail.Send",
    "Score.Read.All",
    "SecurityActions.ReadWrite.All",
    "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All",
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
    "SecurityRecommendation.Read.All",
    "Software.Read.All",
    "ThreatHunting.Read.All",
    "Ti.Read.All",
    "Ti.ReadWrite",
    "Ti.ReadWrite.All",
    "URL.Read.All",
    "User.Read.All",
    "Vulnerability.Read.All",
];

/// An application that signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its client id.
    pub app: String,
    /// The tenant that it signed in to.
    pub tenant: String,
    /// Application roles that were granted to it.
    pub roles: BTreeSet<String>,
    /// What its token is for.
    pub audience: String,
}

impl Caller {
    /// Whoever asks where nobody has to sign in: with every role.
    pub fn anybody() -> Self {
        Self {
            app: "anonymous".to_owned(),
            tenant: "common".to_owned(),
            roles: ROLES.iter().map(ToString::to_string).collect(),
            audience: String::new(),
        }
    }

    /// Whether one of these roles was granted.
    pub fn may(&self, any_of: &[&str]) -> bool {
        any_of.iter().any(|role| self.roles.contains(*role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_roles_is_enough_and_another_is_none() {
        let caller = Caller {
            roles: BTreeSet::from(["Machine.Scan".to_owned()]),
            ..Caller::anybody()
        };
        assert!(caller.may(&["Machine.Isolate", "Machine.Scan"]));
        assert!(!caller.may(&["Machine.Isolate"]));
        assert!(!caller.may(&[]));
    }

    #[test]
    fn anybody_has_every_role_and_they_are_in_order() {
        assert!(ROLES.is_sorted());
        assert!(ROLES.iter().all(|role| Caller::anybody().may(&[role])));
    }
}
