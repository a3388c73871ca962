//! Microsoft's clouds: where each signs in, which hosts its services have, and which of those may
//! be sent a token. Addresses are defaults; sources can name others.

use serde::{Deserialize, Serialize};

use super::Audience;

/// One of Microsoft's clouds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The public one.
    #[default]
    Commercial,
    /// US Government Community Cloud: signs in as the public one, with hosts of its own for
    /// Defender.
    Gcc,
    /// US Government L4.
    GccHigh,
    /// US Government L5.
    Dod,
    /// Operated by 21Vianet. It has no hunting over Microsoft Graph and no Defender APIs.
    China,
}

/// A service that huntd talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Microsoft Graph: mail, and for security data [`Service::GraphSecurity`].
    Graph,
    /// Hunting, alerts and incidents of Microsoft Graph.
    GraphSecurity,
    /// Defender for Endpoint: `/api/machines`, `/api/advancedqueries/run` …
    Mde,
    /// Defender XDR: `/api/advancedhunting/run`.
    Xdr,
    /// Queries of Log Analytics workspaces.
    LogAnalytics,
    /// Azure Resource Manager.
    Arm,
    /// Logs Ingestion.
    LogsIngestion,
    /// Azure Data Explorer and Fabric Eventhouse.
    Kusto,
}

impl Service {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "Microsoft Graph",
            Self::GraphSecurity => "Microsoft Graph security",
            Self::Mde => "Defender for Endpoint",
            Self::Xdr => "Defender XDR",
            Self::LogAnalytics => "Log Analytics",
            Self::Arm => "Azure Resource Manager",
            Self::LogsIngestion => "Logs Ingestion",
            Self::Kusto => "Azure Data Explorer",
        }
    }
}

/// Suffixes of hosts, `.` first, and whole hosts, that belong to a cloud.
const PUBLIC_HOSTS: [&str; 15] = [
    "graph.microsoft.com",
    ".securitycenter.microsoft.com",
    ".security.microsoft.com",
    "management.azure.com",
    "api.loganalytics.azure.com",
    "api.loganalytics.io",
    ".ingest.monitor.azure.com",
    ".kusto.windows.net",
    ".kustomfa.windows.net",
    ".kusto.fabric.microsoft.com",
    ".kusto.azuresynapse.net",
    "adx.monitor.azure.com",
    "adx.loganalytics.azure.com",
    "ade.loganalytics.io",
    "ade.applicationinsights.io",
];
const GCC_HOSTS: [&str; 2] = [
    "api-gcc.securitycenter.microsoft.us",
    "api-gcc.security.microsoft.us",
];
const GOVERNMENT_HOSTS: [&str; 11] = [
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "api-gov.securitycenter.microsoft.us",
    "api-gov.security.microsoft.us",
    "management.usgovcloudapi.net",
    "api.loganalytics.us",
    ".ingest.monitor.azure.us",
    ".kusto.usgovcloudapi.net",
    ".kustomfa.usgovcloudapi.net",
    "adx.monitor.azure.us",
    "adx.loganalytics.azure.us",
];
const CHINA_HOSTS: [&str; 8] = [
    "microsoftgraph.chinacloudapi.cn",
    "management.chinacloudapi.cn",
    "api.loganalytics.azure.cn",
    ".ingest.monitor.azure.cn",
    ".kusto.chinacloudapi.cn",
    ".kustomfa.chinacloudapi.cn",
    "adx.monitor.azure.cn",
    "adx.loganalytics.azure.cn",
];

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Commercial,
        Self::Gcc,
        Self::GccHigh,
        Self::Dod,
        Self::China,
    ];

    /// The word in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commercial => "commercial",
            Self::Gcc => "gcc",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "china",
        }
    }

    /// Where tokens are asked for.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Commercial | Self::Gcc => "https://login.microsoftonline.com",
            Self::GccHigh | Self::Dod => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// The address of a service; none if the cloud does not have it, or if, as with clusters of
    /// Azure Data Explorer, each user has their own.
    pub fn base_url(self, service: Service) -> Option<&'static str> {
        let url = match (service, self) {
            (Service::Graph | Service::GraphSecurity, Self::Commercial | Self::Gcc) => {
                "https://graph.microsoft.com"
            }
            (Service::Graph | Service::GraphSecurity, Self::GccHigh) => {
                "https://graph.microsoft.us"
            }
            (Service::Graph | Service::GraphSecurity, Self::Dod) => {
                "https://dod-graph.microsoft.us"
            }
            (Service::Graph, Self::China) => "https://microsoftgraph.chinacloudapi.cn",
            (Service::Mde, Self::Commercial) => "https://api.securitycenter.microsoft.com",
            (Service::Mde, Self::Gcc) => "https://api-gcc.securitycenter.microsoft.us",
            (Service::Mde, Self::GccHigh | Self::Dod) => {
                "https://api-gov.securitycenter.microsoft.us"
            }
            (Service::Xdr, Self::Commercial) => "https://api.security.microsoft.com",
            (Service::Xdr, Self::Gcc) => "https://api-gcc.security.microsoft.us",
            (Service::Xdr, Self::GccHigh | Self::Dod) => "https://api-gov.security.microsoft.us",
            (Service::LogAnalytics, Self::Commercial | Self::Gcc) => {
                "https://api.loganalytics.azure.com"
            }
            (Service::LogAnalytics, Self::GccHigh | Self::Dod) => "https://api.loganalytics.us",
            (Service::LogAnalytics, Self::China) => "https://api.loganalytics.azure.cn",
            (Service::Arm, Self::Commercial | Self::Gcc) => "https://management.azure.com",
            (Service::Arm, Self::GccHigh | Self::Dod) => "https://management.usgovcloudapi.net",
            (Service::Arm, Self::China) => "https://management.chinacloudapi.cn",
            (Service::GraphSecurity | Service::Mde | Service::Xdr, Self::China)
            | (Service::LogsIngestion | Service::Kusto, _) => return None,
        };
        Some(url)
    }

    /// Whom tokens for a service are made out to; none as with [`Cloud::base_url`].
    pub fn audience(self, service: Service) -> Option<Audience> {
        let text = match (service, self) {
            // It keeps its first name, whichever of its hosts is asked.
            (Service::LogAnalytics, Self::Commercial | Self::Gcc) => "https://api.loganalytics.io",
            (Service::LogsIngestion, Self::Commercial | Self::Gcc) => "https://monitor.azure.com",
            (Service::LogsIngestion, Self::GccHigh | Self::Dod) => "https://monitor.azure.us",
            (Service::LogsIngestion, Self::China) => "https://monitor.azure.cn",
            _ => self.base_url(service)?,
        };
        Some(Audience::new(text))
    }

    /// Whether the cloud has a service; if not, why a source of it cannot work.
    pub fn check(self, service: Service) -> Result<(), String> {
        let is_missing = self == Self::China
            && matches!(
                service,
                Service::GraphSecurity | Service::Mde | Service::Xdr
            );
        if is_missing {
            return Err(format!(
                "{} does not exist in the cloud `china`; hunt with Log Analytics or Azure Data \
                 Explorer there",
                service.as_str()
            ));
        }
        Ok(())
    }

    /// Endings of the hosts of Azure Data Explorer, the usual one first.
    pub fn kusto_suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Commercial | Self::Gcc => &[
                ".kusto.windows.net",
                ".kustomfa.windows.net",
                ".kusto.fabric.microsoft.com",
                ".kusto.azuresynapse.net",
            ],
            Self::GccHigh | Self::Dod => {
                &[".kusto.usgovcloudapi.net", ".kustomfa.usgovcloudapi.net"]
            }
            Self::China => &[".kusto.chinacloudapi.cn", ".kustomfa.chinacloudapi.cn"],
        }
    }

    /// Whether a host is one of the cloud's. As the vendor's own clients do, tokens are sent to
    /// no other.
    pub fn has_host(self, host: &str) -> bool {
        let own: &[&str] = match self {
            Self::Commercial | Self::Gcc => &PUBLIC_HOSTS,
            Self::GccHigh | Self::Dod => &GOVERNMENT_HOSTS,
            Self::China => &CHINA_HOSTS,
        };
        let more: &[&str] = if self == Self::Gcc { &GCC_HOSTS } else { &[] };
        own.iter().chain(more).any(|entry| is_below(host, entry))
    }
}

/// Whether a host is `entry`, or ends with it if it begins with a dot.
pub(super) fn is_below(host: &str, entry: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let entry = entry.to_ascii_lowercase();
    if entry.starts_with('.') {
        host.len() > entry.len() && host.ends_with(&entry)
    } else {
        host == entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: [Service; 8] = [
        Service::Graph,
        Service::GraphSecurity,
        Service::Mde,
        Service::Xdr,
        Service::LogAnalytics,
        Service::Arm,
        Service::LogsIngestion,
        Service::Kusto,
    ];

    #[test]
    fn every_default_address_is_trusted_by_its_own_cloud() {
        for cloud in Cloud::ALL {
            for service in SERVICES {
                let Some(url) = cloud.base_url(service) else {
                    continue;
                };
                let host = url.strip_prefix("https://").unwrap();
                assert!(cloud.has_host(host), "{cloud:?} {service:?}");
            }
            for suffix in cloud.kusto_suffixes() {
                assert!(cloud.has_host(&format!("help.region{suffix}")), "{suffix}");
            }
        }
    }

    #[test]
    fn clouds_do_not_trust_each_other_or_lookalikes() {
        for host in [
            "graph.microsoft.com.example.com",
            "evilgraph.microsoft.com",
            "kusto.windows.net",
            ".kusto.windows.net",
            "evil-kusto.windows.net",
            "graph.microsoft.us",
            "api-gov.security.microsoft.us",
            "api-gcc.security.microsoft.us",
            "example.com",
        ] {
            assert!(!Cloud::Commercial.has_host(host), "{host}");
        }
        assert!(Cloud::Gcc.has_host("api-gcc.security.microsoft.us"));
        assert!(!Cloud::Gcc.has_host("graph.microsoft.us"));
        assert!(!Cloud::GccHigh.has_host("graph.microsoft.com"));
        assert!(Cloud::Commercial.has_host("Graph.Microsoft.com."));
    }

    #[test]
    fn china_has_no_hunting_over_graph() {
        let why = Cloud::China.check(Service::GraphSecurity).unwrap_err();
        assert!(why.contains("Log Analytics"), "{why}");
        assert!(Cloud::China.check(Service::Kusto).is_ok());
        assert!(Cloud::Dod.check(Service::GraphSecurity).is_ok());
        assert_eq!(Cloud::China.base_url(Service::Mde), None);
    }

    #[test]
    fn words_are_those_of_configurations() {
        for cloud in Cloud::ALL {
            let word = serde_json::to_value(cloud).unwrap();
            assert_eq!(word, cloud.as_str());
        }
    }
}
