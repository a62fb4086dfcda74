//! Discovery document, key set and start page.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    DemoProvider,
    machine_signer::MachineTokenSigner,
    pages::{self, Page},
    paths::{AUTHORIZE, END_SESSION, JWKS, REVOKE, TOKEN, USERINFO},
};

/// OpenID Connect Discovery 1.0 section 3.
pub(super) async fn configuration(State(provider): State<DemoProvider>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer());
    let authentication_methods = ["client_secret_basic", "client_secret_post"];
    let mut grants = vec!["authorization_code", "refresh_token"];
    grants.extend(provider.inner().machine_signer.as_ref().map(|_| "client_credentials"));
    Json(json!({
        "issuer": provider.issuer(),
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USERINFO),
        "jwks_uri": at(JWKS),
        "end_session_endpoint": at(END_SESSION),
        "revocation_endpoint": at(REVOKE),
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": authentication_methods,
        "revocation_endpoint_auth_methods_supported": authentication_methods,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    }))
}

pub(super) async fn jwks(State(provider): State<DemoProvider>) -> Json<Value> {
    let inner = provider.inner();
    let mut jwks = inner.signer.jwks();
    let machines = inner.machine_signer.as_ref().and_then(MachineTokenSigner::jwk);
    if let (Some(jwk), Some(keys)) = (machines, jwks.get_mut("keys").and_then(Value::as_array_mut)) {
        keys.push(jwk);
    }
    Json(jwks)
}

pub(super) async fn about(State(provider): State<DemoProvider>) -> Page {
    pages::about(&provider, &provider.inner().users.now().await)
}
