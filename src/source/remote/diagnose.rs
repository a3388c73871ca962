//! What `huntd doctor` asks of a remote source: whether it lets us in, and with which roles.

use super::Inner;
use crate::source::{Diagnosis, Health};

/// Gets a token and looks into it; makes no call of the service.
pub(super) async fn diagnose(inner: &Inner) -> Vec<Diagnosis> {
    let role = inner.api.role();
    let token = match inner.tokens.token(inner.api.audience()).await {
        Ok(token) => token,
        Err(error) => {
            return vec![Diagnosis {
                what: "token".to_owned(),
                health: Health::Fail,
                detail: error.message.clone(),
                help: error.help.clone(),
            }];
        }
    };
    vec![]
}
