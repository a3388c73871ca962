//! The Azure CLI, played by shell scripts.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use super::{TENANT, tokens};
use crate::microsoft::{
    AccessToken, Audience, AuthConfig, AzureCliAuth, ConnectionConfig, TokenError, TokenErrorKind,
};

/// What comes of asking a program with this script.
async fn ask(script: &str) -> (Result<AccessToken, TokenError>, String) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("az");
    let arguments = folder.path().join("arguments");
    let text = format!(
        "#!/bin/sh\necho \"$@\" > {}\n{script}\n",
        arguments.display()
    );
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = ask_program(AzureCliAuth {
        program: Some(program),
    })
    .await;
    let arguments = std::fs::read_to_string(arguments).unwrap_or_default();
    (outcome, arguments)
}

async fn ask_program(auth: AzureCliAuth) -> Result<AccessToken, TokenError> {
    let config = ConnectionConfig::new(TENANT, AuthConfig::AzureCli(auth));
    let audience = Audience::new("https://graph.microsoft.com");
    tokens(&config, &super::clock()).token(&audience).await
}

#[tokio::test]
async fn the_program_is_asked_for_the_tenant_and_audience() {
    let json = r#"{"accessToken":"abc","expiresOn":"2030-01-02 03:04:05.000000",
                   "expires_on":1893553445,"tokenType":"Bearer"}"#;
    let (outcome, arguments) = ask(&format!("echo '{json}'")).await;
    let token = outcome.unwrap();
    assert_eq!(token.secret.expose(), "abc");
    assert_eq!(token.expires_at.timestamp(), 1_893_553_445);
    assert_eq!(
        arguments.trim(),
        format!(
            "account get-access-token --output json --resource https://graph.microsoft.com \
             --tenant {TENANT}"
        )
    );
}

#[tokio::test]
async fn what_the_program_lacks_is_told() {
    let old = r#"echo '{"accessToken":"abc","expiresOn":"2030-01-02 03:04:05.000000"}'"#;
    let error = ask(old).await.0.unwrap_err();
    assert!(error.to_string().contains("2.54.0"), "{error}");
    assert!(!error.to_string().contains("abc"));

    let script = "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1";
    let error = ask(script).await.0.unwrap_err();
    assert_eq!(error.kind, TokenErrorKind::Rejected);
    let line = error.to_string();
    assert!(
        line.contains("setup account") && line.contains("az login --tenant"),
        "{line}"
    );

    let script = "echo 'ERROR: Temporary failure in name resolution' >&2; exit 1";
    let error = ask(script).await.0.unwrap_err();
    assert_eq!(error.kind, TokenErrorKind::Unavailable);
    assert!(error.to_string().contains("name resolution"), "{error}");

    let error = ask_program(AzureCliAuth {
        program: Some("/nowhere/az".into()),
    })
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("install the Azure CLI"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_odd_is_put_on_a_command_line() {
    let config = ConnectionConfig::new(TENANT, AuthConfig::AzureCli(AzureCliAuth::default()));
    let tokens = tokens(&config, &super::clock());
    for audience in ["https://x/&calc", "--help", "a b", "$(id)"] {
        let error = tokens.token(&Audience::new(audience)).await.unwrap_err();
        assert!(error.to_string().contains("characters"), "{error}");
    }
}
