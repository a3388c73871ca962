//! On which way the calls of a source go: whose quota they use, and what fails together.
//!
//! Sources of the rules: Microsoft's pages on the limits of advanced hunting (by tenant), of the
//! Azure Monitor Log Analytics API (by user or application), and of Kusto (by cluster).

use std::sync::Arc;

use super::address::Address;
use super::config::ServiceConfig;
use crate::microsoft::{AuthConfig, Service};
use crate::quota::{Api, Route, Scope};

/// The way to a service. `part` is what of it may fail without the rest: a workspace, a database.
pub(super) fn route(
    config: &ServiceConfig,
    service: Service,
    api: Api,
    part: Option<&str>,
) -> anyhow::Result<Route> {
    let host = Address::of(config, service)?.host();
    let identity = identity(&config.connection.auth);
    let tenant = &config.connection.tenant;
    let counted = match api {
        Api::Kusto => host.clone(),
        Api::LogAnalytics => format!("{tenant}/{identity}"),
        _ => tenant.clone(),
    };
    let part = part.map_or_else(String::new, |part| format!("/{part}"));
    Ok(Route {
        scope: Scope {
            tenant: counted,
            api,
        },
        door: Arc::from(format!("{host}{part} as {identity} of {tenant}")),
    })
}

/// Who signs in, as far as the configuration tells.
fn identity(auth: &AuthConfig) -> String {
    let id = match auth {
        AuthConfig::Secret(auth) => Some(&auth.client_id),
        AuthConfig::Certificate(auth) => Some(&auth.client_id),
        AuthConfig::Federated(auth) => auth.client_id.as_ref(),
        AuthConfig::ManagedIdentity(auth) => {
            let ids = auth.client_id.as_ref().or(auth.object_id.as_ref());
            ids.or(auth.resource_id.as_ref())
        }
        AuthConfig::AzureCli(_) | AuthConfig::Token(_) => None,
    };
    id.map_or_else(|| auth.kind().to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn way(service: Service, api: Api, more: &Value, part: Option<&str>) -> Route {
        let mut config = json!({
            "tenant": "contoso",
            "auth": {"kind": "secret", "client_id": "app", "secret": "s"},
        });
        let more = more.as_object().cloned().unwrap_or_default();
        config.as_object_mut().unwrap().extend(more);
        let config: ServiceConfig = serde_json::from_value(config).unwrap();
        route(&config, service, api, part).unwrap()
    }

    #[test]
    fn clusters_count_and_fail_for_themselves() {
        let cluster = |name: &str, database| {
            let url = json!({"url": format!("https://{name}.westeurope.kusto.windows.net")});
            way(Service::Kusto, Api::Kusto, &url, Some(database))
        };
        let (one, other) = (cluster("a", "x"), cluster("b", "x"));
        assert_ne!(one.scope, other.scope);
        assert_ne!(one.door, other.door);
        assert_eq!(one.scope, cluster("a", "y").scope);
        assert_ne!(one.door, cluster("a", "y").door, "its role may be missing");
    }

    #[test]
    fn workspaces_share_the_quota_of_a_client_and_fail_for_themselves() {
        let workspace = |client: &str, workspace| {
            let auth = json!({"auth": {"kind": "secret", "client_id": client, "secret": "s"}});
            let api = Api::LogAnalytics;
            way(Service::LogAnalytics, api, &auth, Some(workspace))
        };
        let (one, other) = (workspace("app", "x"), workspace("app", "y"));
        assert_eq!(one.scope, other.scope);
        assert_ne!(one.door, other.door);
        assert_ne!(one.scope, workspace("other", "x").scope);
    }

    #[test]
    fn applications_share_the_hunting_quota_of_a_tenant_and_not_their_secrets() {
        let app = |client: &str| {
            let auth = json!({"auth": {"kind": "secret", "client_id": client, "secret": "s"}});
            way(Service::GraphSecurity, Api::Graph, &auth, None)
        };
        assert_eq!(app("one").scope, app("two").scope);
        assert_eq!(app("one").scope.to_string(), "graph of contoso");
        assert_ne!(app("one").door, app("two").door);
        assert_eq!(
            app("one").door.as_ref(),
            "graph.microsoft.com as one of contoso"
        );
    }
}
