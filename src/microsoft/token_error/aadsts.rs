//! What to fix for the error codes of Microsoft Entra, by the list at
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

/// What to do about a code that is known.
pub(in crate::microsoft) fn help_for(code: u32) -> Option<&'static str> {
    let help = match code {
        7_000_215 => {
            "the client secret is wrong: use the secret's value, shown once when it is made, not \
             its id"
        }
        7_000_222 => "the client secret has expired: make a new one and put its value in",
        7_000_218 => "no credential was sent: check `auth`",
        7_000_112 => "the application is disabled in the tenant: enable it under Enterprise apps",
        7_000_216 | 7_000_214 => "the application needs another kind of credential: check `auth`",
        700_016 => {
            "the tenant has no application with this client id: check `auth.client_id` and \
             `tenant`, and that the app was consented to in this tenant"
        }
        90_002 | 90_023 | 900_021 => {
            "the tenant does not exist in this cloud: check `tenant` and `cloud`"
        }
        900_382 | 900_432 | 900_439 | 900_491 => {
            "the application or the service is in another cloud: check `cloud`"
        }
        700_027 => {
            "the certificate is not one of the application's: upload it under Certificates & \
             secrets, or check `auth.file` and `auth.client_id`"
        }
        700_024 => {
            "the assertion is not valid at this time: check this machine's clock, or, for a \
             federated token, that its file is kept fresh"
        }
        700_021 | 700_023 | 50_027 | 700_030 => {
            "the assertion is malformed or made out to another: check `tenant`, `auth.client_id` \
             and the token or certificate"
        }
        70_021 => {
            "no federated credential of the application fits the token: compare its issuer, \
             subject and audience"
        }
        700_211 => {
            "no federated credential has the token's issuer: compare it, also its last slash"
        }
        700_212 => {
            "no federated credential has the token's audience: it is usually \
             api://AzureADTokenExchange"
        }
        700_213 => {
            "no federated credential has the token's subject: compare it, such as \
             system:serviceaccount:NAMESPACE:NAME"
        }
        500_011 | 500_014 | 650_052 | 650_057 => {
            "the service is not in this tenant: check `cloud` and the audience, and that the \
             tenant has a licence for the service"
        }
        65_001 | 650_056 => {
            "consent is missing: grant the application's permissions, then give admin consent"
        }
        70_011 | 1_002_012 | 28_002 | 28_003 => "the scope is not valid: check the audience",
        53_003 | 530_003 | 53_000 | 53_001 | 53_011 => {
            "a policy of Conditional Access blocks it: allow this application from this place"
        }
        50_034 => "the account is not in the tenant: check `tenant`, or sign in with another",
        50_076 | 50_079 | 50_158 | 50_173 | 700_082 | 70_043 | 50_078 => {
            "sign in again: az login --tenant with this tenant"
        }
        50_057 => "the account is disabled",
        700_022 | 50_146 => "one request may ask for one audience only: check the audience",
        500_133 | 50_089 => "the token is not valid at this time: check this machine's clock",
        50_196 | 90_033 | 90_006 | 90_024 => "Microsoft has a fault: it is tried again",
        501_051 => "the application is not assigned to the service in this tenant",
        _ => return None,
    };
    Some(help)
}
