//! S-25: tokens of one load balancer at the application of another one of the same owner.

use tower_alb_auth::{
    AlbAuthLayer,
    AuthErrorKind::{UntrustedClient, UntrustedIssuer, UntrustedSigner},
    TrustedAlb,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::{
    service::inside::{JANE, jane},
    support::App,
};

/// Trusts these entries, with the keys of the region.
fn trusting(alb: &MockAlb, entries: impl IntoIterator<Item = TrustedAlb>) -> AlbAuthLayer {
    let builder =
        entries.into_iter().fold(tower_alb_auth::AlbAuthConfig::builder(), |builder, entry| builder.trust(entry));
    let builder = alb.keys_and_clock(builder).sign_in(EmailLocalPart::in_domains(["example.com"]));
    AlbAuthLayer::new(builder.dangerously_share_sign_in_between_issuers().build().expect("a sound configuration"))
}

#[tokio::test]
async fn s_25_a_token_of_the_other_load_balancer_counts_only_where_both_are_trusted() {
    let a = MockAlb::new();
    let b = MockAlb::with_keys_of(&a);
    let either = TrustedAlb::new(a.signer(), a.issuer()).or_signer(b.signer()).client_id(a.client_id());
    let cases = [
        ("a alone", trusting(&a, [a.trusted()]), true, false),
        ("b alone", trusting(&a, [b.trusted()]), false, true),
        ("an entry each", trusting(&a, [a.trusted(), b.trusted()]), true, true),
        ("one entry for both", trusting(&a, [either]), true, true),
    ];
    for (case, layer, trusts_a, trusts_b) in cases {
        let app = App::new(layer);
        // Twice: the second time the key is known.
        for _ in 0..2 {
            for (alb, trusted) in [(&a, trusts_a), (&b, trusts_b)] {
                let answer = app.call(jane(alb)).await;
                let refused = (!trusted).then_some(UntrustedSigner);
                assert_eq!((answer.status.is_success(), answer.kind()), (trusted, refused), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn s_25_one_entry_must_match_as_a_whole() {
    let a = MockAlb::new().with_issuer("https://one.example.com").with_client_id("one");
    let b = MockAlb::with_keys_of(&a).with_issuer("https://two.example.com").with_client_id("two");
    let app = App::new(trusting(&a, [a.trusted(), b.trusted()]));
    let token = |signer: &MockAlb, issuer: &MockAlb, client: &MockAlb| {
        let token = a.token(&User::jane()).header("signer", signer.signer()).header("client", client.client_id());
        token.header("iss", issuer.issuer()).claim("iss", issuer.issuer()).sign()
    };
    let cases = [
        ("issuer of the other", token(&a, &b, &a), UntrustedIssuer),
        ("client of the other", token(&a, &a, &b), UntrustedClient),
        ("issuer and client of the other", token(&a, &b, &b), UntrustedIssuer),
        ("signer of the other", token(&b, &a, &a), UntrustedIssuer),
        ("signer and issuer of the other", token(&b, &b, &a), UntrustedClient),
        ("signer and client of the other", token(&b, &a, &b), UntrustedIssuer),
    ];
    for (case, token, kind) in cases {
        let answer = app.call(a.request("/").token(&token)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(kind)), "{case}");
    }
    assert_eq!(a.key_fetches(), 0, "refused before the key is asked for");
    app.call(a.request("/").token(&token(&a, &a, &a))).await.assert_ok(JANE);
    app.call(a.request("/").token(&token(&b, &b, &b))).await.assert_ok(JANE);
}
