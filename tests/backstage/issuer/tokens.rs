//! User tokens, byte for byte.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tower_alb_auth::{EntityRef, Kid, backstage::TokenIssuer, test_util::TestClock};
use tracing::Level;

use crate::{
    issuer::site::{ISSUER, MINUTE, builder, is_signed_by, jane, json, kid, limited, segment, token},
    support::traced::Traced,
};

/// 2026-11-25T12:00:00Z.
const NOON: u64 = 1_795_608_000;

fn noon() -> TestClock {
    TestClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOON))
}

fn refs(refs: &[&str]) -> Vec<EntityRef> {
    refs.iter().map(|entity| entity.parse().unwrap()).collect()
}

#[tokio::test]
async fn s_64_header_and_claims_are_those_of_backstage_in_their_order() {
    let issuer = builder(&noon()).with_ownership_claim().build().unwrap();
    let owns = refs(&["user:default/jane.doe", "group:default/team-a"]);
    let issued = issuer.user_token(&jane(), &owns).await.unwrap();
    let token = issued.expose();
    let (kid, uip) = (kid(token), json(token, 1)["uip"].as_str().unwrap().to_owned());

    assert!(Kid::parse(&kid).is_some(), "{kid} is a UUID");
    assert_eq!(segment(token, 0), format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}"}}"#));
    assert_eq!(
        segment(token, 1),
        format!(
            r#"{{"iss":"{ISSUER}","sub":"user:default/jane.doe","ent":["user:default/jane.doe","group:default/team-a"],"aud":"backstage","iat":{NOON},"exp":{},"uip":"{uip}"}}"#,
            NOON + 3600
        )
    );
    assert!(is_signed_by(token, &issuer.public_keys().await.unwrap()));
    assert!(issued.has_ownership_claim);
    assert_eq!(issued.expires_at, SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + 3600));
}

#[tokio::test]
async fn s_64_uip_makes_the_limited_token_that_says_who_and_nothing_else() {
    let issuer = builder(&noon()).build().unwrap();
    let token = token(&issuer).await;
    let limited = limited(&token);
    let kid = kid(&token);
    assert_eq!(segment(&limited, 0), format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"{kid}"}}"#));
    assert_eq!(
        segment(&limited, 1),
        format!(r#"{{"sub":"user:default/jane.doe","iat":{NOON},"exp":{}}}"#, NOON + 3600)
    );
    assert!(is_signed_by(&limited, &issuer.public_keys().await.unwrap()));
    assert_eq!(issuer.verify(&limited).await.unwrap().user_entity_ref, jane());
}

#[tokio::test]
async fn ent_is_left_out_unless_the_configuration_keeps_it() {
    let issuer = builder(&noon()).build().unwrap();
    let issued = issuer.user_token(&jane(), &[jane()]).await.unwrap();
    let uip = json(issued.expose(), 1)["uip"].as_str().unwrap().to_owned();
    assert_eq!(
        segment(issued.expose(), 1),
        format!(
            r#"{{"iss":"{ISSUER}","sub":"user:default/jane.doe","aud":"backstage","iat":{NOON},"exp":{},"uip":"{uip}"}}"#,
            NOON + 3600
        )
    );
    assert!(!issued.has_ownership_claim);
}

/// As many groups as make a token of about so many characters.
fn groups(characters: usize) -> Vec<EntityRef> {
    (0..characters * 3 / 4 / 50).map(|n| format!("group:canary/{n:034}").parse().unwrap()).collect()
}

#[tokio::test]
async fn s_69_a_token_over_the_bound_goes_out_without_ent_and_the_log_says_so_without_claims() {
    let (traced, _guard) = Traced::begin();
    let issuer = builder(&noon()).with_ownership_claim().build().unwrap();
    let issued = issuer.user_token(&jane(), &groups(40_000)).await.unwrap();

    assert!(!issued.has_ownership_claim);
    assert!(json(issued.expose(), 1).get("ent").is_none());
    assert!(issued.expose().len() < 1000);
    assert_eq!(issuer.verify(issued.expose()).await.unwrap().user_entity_ref, jane());
    let warnings = traced.lines(Level::WARN);
    assert!(warnings.iter().any(|line| line.contains("32768") && line.contains("without ent")), "{warnings:?}");
    let all = traced.all();
    assert!(!all.contains("canary") && !all.contains("jane") && !all.contains(issued.expose()), "{all}");
}

#[tokio::test]
async fn s_69_the_bound_is_32_768_characters() {
    let issuer = builder(&noon()).with_ownership_claim().build().unwrap();
    let (mut owns, mut longest) = (groups(32_000), 0);
    loop {
        let issued = issuer.user_token(&jane(), &owns).await.unwrap();
        if !issued.has_ownership_claim {
            break;
        }
        longest = issued.expose().len();
        owns.push(format!("group:default/g{}", owns.len()).parse().unwrap());
    }
    assert!((32_700..=32_768).contains(&longest), "{longest}");
}

#[tokio::test]
async fn s_65_a_token_lives_as_long_as_configured_within_backstages_bounds() {
    for lifetime in [10 * MINUTE, 90 * MINUTE, 24 * 60 * MINUTE] {
        let issuer = builder(&noon()).token_lifetime(lifetime).build().unwrap();
        let claims = json(&token(&issuer).await, 1);
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), lifetime.as_secs());
    }
    for lifetime in [10 * MINUTE - Duration::from_secs(1), 24 * 60 * MINUTE + Duration::from_secs(1), Duration::ZERO] {
        let error = TokenIssuer::builder(ISSUER).token_lifetime(lifetime).build().unwrap_err();
        assert!(error.to_string().contains("10 minutes to 24 hours"), "{error}");
    }
}

#[tokio::test]
async fn names_that_json_escapes_do_not_break_a_token() {
    let issuer = TokenIssuer::builder("https://backstage.example.com/api/\"auth\"").clock(noon()).build().unwrap();
    assert_eq!(json(&token(&issuer).await, 1)["iss"], "https://backstage.example.com/api/\"auth\"");
}

#[tokio::test]
async fn s_63_a_listed_key_has_exactly_its_public_members() {
    let issuer = builder(&noon()).build().unwrap();
    let kid = kid(&token(&issuer).await);
    let keys = issuer.public_keys().await.unwrap();
    let key: serde_json::Value = serde_json::from_str(keys[0].json()).unwrap();
    let (x, y) = (key["x"].as_str().unwrap(), key["y"].as_str().unwrap());
    assert_eq!(
        keys[0].json(),
        // Its end: three token lifetimes and the verifiers' 10 minutes after noon.
        format!(r#"{{"kty":"EC","x":"{x}","y":"{y}","crv":"P-256","kid":"{kid}","alg":"ES256","exp":1795619400}}"#)
    );
    assert_eq!((x.len(), y.len()), (43, 43));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_first_start_makes_one_key() {
    let store = crate::issuer::site::Store::default();
    let issuer = builder(&TestClock::new()).user_keys(store.clone()).build().unwrap();
    let at_once = Arc::new(tokio::sync::Barrier::new(64));
    let crowd: Vec<_> = (0..64)
        .map(|_| {
            let (issuer, at_once) = (issuer.clone(), Arc::clone(&at_once));
            tokio::spawn(async move {
                at_once.wait().await;
                kid(&token(&issuer).await)
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for one in crowd {
        seen.insert(one.await.unwrap());
    }
    assert_eq!((seen.len(), store.publications()), (1, 1));
}
