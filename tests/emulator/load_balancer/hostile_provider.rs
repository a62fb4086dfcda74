//! A provider that is wrong, broken or not the one it was.

use axum::{
    Json, Router,
    routing::{any, get},
};
use serde_json::{Value, json};
use tower_alb_auth::emulator::IdentityProvider;

use crate::load_balancer::{
    proxy::serve,
    scripted::{Script, Scripted},
    site::Site,
};

/// Nobody follows a token endpoint elsewhere: the client's secret and the code would go there.
#[tokio::test]
async fn s_49_redirects_of_the_provider_are_not_followed() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let elsewhere = serve(Router::new().fallback(any(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { "{}" }
    })))
    .await;
    let (site, provider) = Site::scripted().await;
    for status in [301, 302, 303, 307, 308] {
        provider.change(|script| {
            (script.token_status, script.token_location) = (status, Some(elsewhere.clone()));
        });
        assert_eq!(site.browser().callback("/").await.status, 561, "{status}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

/// The issuer is at https or on this machine; what its document names must be as safe, since the secret goes there.
#[tokio::test]
async fn endpoints_of_a_discovery_document_are_checked_as_those_of_a_configuration() {
    for (member, url) in [
        ("token_endpoint", "http://idp.example.com/token"),
        ("userinfo_endpoint", "http://169.254.169.254/latest"),
        ("jwks_uri", "file:///etc/passwd"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "http://idp.example.com/authorize"),
        ("token_endpoint", "https://user:secret@idp.example.com/token"),
        ("jwks_uri", "/jwks"),
    ] {
        let issuer = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
        let own = std::sync::Arc::clone(&issuer);
        let document = get(async move || {
            let own = own.get().expect("an address");
            let mut document = json!({
                "issuer": own,
                "authorization_endpoint": format!("{own}/a"),
                "token_endpoint": format!("{own}/t"),
                "userinfo_endpoint": format!("{own}/u"),
                "jwks_uri": format!("{own}/j"),
            });
            document[member] = json!(url);
            Json(document)
        });
        let url = serve(Router::new().route("/.well-known/openid-configuration", document)).await;
        issuer.set(url.clone()).expect("once");
        let provider = IdentityProvider::discover(&url);
        let site = Site::with(|config| config.provider(provider).client("alb-emulator", "x")).await;
        let page = site.browser().get("/").await;
        assert_eq!((page.status, page.headers.get("location")), (561, None), "{member}: {page:?}");
    }
}

/// Development providers make a key at each start, and many call it by the same name.
#[tokio::test]
async fn a_provider_that_was_restarted_with_another_key_of_the_same_id_is_known_again() {
    let (site, provider) = Site::scripted().await;
    assert_eq!(site.browser().callback("/").await.status, 302);
    provider.change_key();
    assert_eq!(site.browser().callback("/").await.status, 302);
    provider.change(|script| script.foreign_key = true);
    assert_eq!(site.browser().callback("/").await.status, 401);
    // And without ids.
    provider.change(|script| {
        script.foreign_key = false;
        script.id_token_header = json!({ "alg": "ES256" });
    });
    provider.change_key();
    assert_eq!(site.browser().callback("/").await.status, 302);
}

type Change = fn(&mut Script);

#[tokio::test]
async fn what_a_provider_says_twice_or_in_a_way_that_is_not_understood_is_refused() {
    let cases: [(&str, u16, Change); 11] = [
        ("a token of another type", 561, |script| script.token["token_type"] = json!("DPoP")),
        ("the type in small letters", 302, |script| script.token["token_type"] = json!("bearer")),
        ("no type", 302, |script| {
            script.token.as_object_mut().expect("an object").remove("token_type");
        }),
        ("an extension that must be understood", 401, |script| script.id_token_header["crit"] = json!(["exp"])),
        ("a key that says it is for another algorithm", 401, |script| script.key_algorithm = "ES384"),
        ("a key of a kind that nobody knows yet", 302, |script| {
            script.more_keys = vec![json!({ "kty": "AKP", "alg": "ML-DSA-65", "kid": "k0", "pub": "AAAA" })];
        }),
        ("a curve that nobody has here", 302, |script| {
            script.more_keys = vec![json!({ "kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AAAA", "y": "AAAA" })];
        }),
        ("a secret as a key", 401, |script| {
            script.more_keys = vec![json!({ "kty": "oct", "kid": "k2", "k": "c2VjcmV0", "alg": "HS256" })];
            script.id_token_header = json!({ "alg": "HS256", "kid": "k2" });
        }),
        ("a key for encryption", 401, |script| {
            script.more_keys = vec![json!({ "kty": "RSA", "use": "enc", "kid": "k3", "n": "AAAA", "e": "AQAB" })];
            script.id_token_header = json!({ "alg": "RS256", "kid": "k3" });
        }),
        ("nobody", 561, |script| (script.id_token["sub"], script.userinfo["sub"]) = (json!(""), json!(""))),
        ("exp as a text", 401, |script| script.id_token["exp"] = json!("4102444800")),
    ];
    for (case, status, change) in cases {
        let (site, provider) = Site::scripted().await;
        provider.change(change);
        assert_eq!(site.browser().callback("/").await.status, status, "{case}");
    }
}

/// Of two members of one name, one target takes the first and another one the last.
#[tokio::test]
async fn s_13_claims_that_stand_there_twice_are_refused() {
    let (_, provider) = Site::scripted().await;
    for text in [
        r#"{"sub":"subject-1","email":"jane@example.com","email":"admin@example.com"}"#,
        r#"{"sub":"subject-1","sub":"subject-2"}"#,
        r#"{"sub":"subject-1","\u0073ub":"subject-2"}"#,
    ] {
        let userinfo = serve(Router::new().fallback(any(async move || text))).await;
        let site = with_userinfo(&provider, userinfo).await;
        assert_eq!(site.browser().callback("/").await.status, 561, "{text}");
    }
}

async fn with_userinfo(provider: &Scripted, userinfo: String) -> Site {
    let mut endpoints = provider.endpoints();
    endpoints.userinfo = userinfo;
    Site::with(|config| config.provider(IdentityProvider::endpoints(endpoints)).client("alb-emulator", "x")).await
}

/// Answers that do not end, and answers that are not what they say.
#[tokio::test]
async fn long_and_broken_answers_are_refused() {
    let (_, provider) = Site::scripted().await;
    let long = serve(Router::new().fallback(any(async || {
        let claims: Value = json!({ "sub": "subject-1", "x": "y".repeat(70_000) });
        Json(claims)
    })))
    .await;
    assert_eq!(with_userinfo(&provider, long).await.browser().callback("/").await.status, 561);
    let endless = serve(Router::new().fallback(any(async || {
        let pieces = futures::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(bytes::Bytes::from_static(&[b' '; 1024]))
        });
        axum::body::Body::from_stream(pieces)
    })))
    .await;
    assert_eq!(with_userinfo(&provider, endless).await.browser().callback("/").await.status, 561);
    let deep = serve(Router::new().fallback(any(async || format!("{{\"x\":{}", "[".repeat(60_000))))).await;
    assert_eq!(with_userinfo(&provider, deep).await.browser().callback("/").await.status, 561);
}

/// What no key, no token and no signature is, in every form that got a parser into trouble somewhere.
#[tokio::test]
async fn keys_and_id_tokens_that_are_none_are_refused() {
    let keys = [
        ("RS256", json!({ "kty": "RSA", "n": "", "e": "" })),
        ("RS256", json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB" })),
        ("RS256", json!({ "kty": "RSA", "n": "!", "e": "AQAB" })),
        ("PS512", json!({ "kty": "RSA", "n": "_".repeat(20_000), "e": "_".repeat(20_000) })),
        ("ES256", json!({ "kty": "EC", "crv": "P-256", "x": "", "y": "" })),
        ("ES256", json!({ "kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43) })),
        ("ES384", json!({ "kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA" })),
        ("EdDSA", json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" })),
        ("EdDSA", json!({ "kty": "OKP", "crv": "X25519", "x": "A".repeat(43) })),
    ];
    let (site, provider) = Site::scripted().await;
    for (algorithm, mut key) in keys {
        key["kid"] = json!("k9");
        provider.change(|script| {
            script.more_keys = vec![key.clone()];
            script.id_token_header = json!({ "alg": algorithm, "kid": "k9" });
        });
        assert_eq!(site.browser().callback("/").await.status, 401, "{key}");
    }
    let long = format!("{}.{}.{}", "e".repeat(9_000), "e".repeat(9_000), "e".repeat(9_000));
    for token in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.e30",
        "e30.e30.",
        "\u{e4}.\u{e4}.\u{e4}",
        "eyJhbGciOiJFUzI1NiJ9..AAAA",
        &long,
    ] {
        provider.change(|script| {
            script.more_keys = Vec::new();
            (script.id_token, script.token["id_token"]) = (json!(null), json!(token));
        });
        assert_eq!(site.browser().callback("/").await.status, 401, "{token}");
    }
}

/// A subject becomes a header. One that cannot be one would sign in, and then be 500 until the session's end.
#[tokio::test]
async fn subjects_are_any_text_that_fits_into_a_header() {
    let (site, provider) = Site::scripted().await;
    for (subject, status) in [
        ("j\u{e4}n\u{e9}", 302),
        ("a b", 302),
        ("a\nb", 561),
        ("a\rx-forged: 1", 561),
        ("a\u{0}", 561),
        ("a\u{7f}", 561),
    ] {
        provider.change(|script| {
            (script.id_token["sub"], script.userinfo["sub"]) = (json!(subject), json!(subject));
        });
        let browser = site.browser();
        assert_eq!(browser.callback("/").await.status, status, "{subject:?}");
        if status == 302 {
            let page = browser.get("/").await;
            assert_eq!(page.saw("x-amzn-oidc-identity").as_deref(), Some(subject));
            assert!(page.user().is_some(), "{page:?}");
        }
    }
    provider.change(|script| {
        (script.id_token["sub"], script.userinfo["sub"]) = (json!("a"), json!("a"));
        script.token["access_token"] = json!("a\nb");
    });
    assert_eq!(site.browser().callback("/").await.status, 561);
}
