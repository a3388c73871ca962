//! Typed identities in a finding.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of entities that a hunt may map columns to.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Debug,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A machine, by device id or name.
    Device,
    /// A user account.
    Account,
    /// An IP address.
    Ip,
    /// A file, by name or path.
    File,
    /// A file's hash.
    Hash,
    /// A URL.
    Url,
    /// A domain name.
    Domain,
    /// A mailbox.
    Mailbox,
    /// An e-mail message.
    Message,
    /// A process, by command line or id.
    Process,
    /// A registry key.
    Registry,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Device,
        Self::Account,
        Self::Ip,
        Self::File,
        Self::Hash,
        Self::Url,
        Self::Domain,
        Self::Mailbox,
        Self::Message,
        Self::Process,
        Self::Registry,
    ];

    /// Lowercase word, as in hunt files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Account => "account",
            Self::Ip => "ip",
            Self::File => "file",
            Self::Hash => "hash",
            Self::Url => "url",
            Self::Domain => "domain",
            Self::Mailbox => "mailbox",
            Self::Message => "message",
            Self::Process => "process",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One identity.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Entity {
    /// What kind.
    pub kind: EntityKind,
    /// Its value in the mapped column, as text.
    pub value: String,
}
