//! What a session says of its user.

use std::sync::atomic::Ordering;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use tower_alb_auth::{
    AlbAuthLayer, EntityRef,
    backstage::SessionProfile,
    sign_in::{self, SignIn, SignInError},
    test_util::User,
};

use crate::{
    router::site::{SAYS_403, Site, json, said, token},
    support::traced::Traced,
};

#[tokio::test]
async fn what_the_provider_does_not_say_is_left_out() {
    let site = Site::of(
        |alb| {
            let policy = sign_in::from_fn(|_| {
                EntityRef::user("jane").map(SignIn::user).map_err(|e| SignInError::refused(e.to_string()))
            });
            AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    for (user, profile) in [
        (User::okta("jane"), r#"{"displayName":"00ujane"}"#),
        (User::okta("jane").claim("email", "j.d@example.com"), r#"{"email":"j.d@example.com","displayName":"j.d"}"#),
        (User::okta("jane").claim("name", "Jane \"J\" Doe"), r#"{"displayName":"Jane \"J\" Doe"}"#),
    ] {
        let answer = site.refresh(&user).await;
        assert!(answer.body.starts_with(&format!(r#"{{"profile":{profile},"providerInfo""#)), "{}", answer.body);
        assert!(!answer.body.contains("null"), "{}", answer.body);
    }
}

#[tokio::test]
async fn ownership_stands_in_the_session_in_its_order() {
    let site = Site::of(
        |alb| {
            let policy = sign_in::from_fn(|_| {
                let refs = ["group:default/zebra", "group:default/ant"].map(|text| text.parse::<EntityRef>().unwrap());
                Ok(SignIn::user(EntityRef::user("jane").unwrap()).owning(refs))
            });
            AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    let answer = site.refresh(&User::jane()).await;
    let owned = r#""ownershipEntityRefs":["user:default/jane","group:default/zebra","group:default/ant"]"#;
    assert!(answer.body.contains(owned), "{}", answer.body);
    let info = site.user_info(&token(&answer)).await;
    assert_eq!(
        info.body,
        r#"{"claims":{"sub":"user:default/jane","ent":["user:default/jane","group:default/zebra","group:default/ant"]}}"#
    );
}

#[tokio::test]
async fn s_69_the_access_token_stays_here_unless_the_operator_says_otherwise() {
    for (exposed, sent, given) in [
        (false, vec!["opaque-access-token"], None),
        (true, vec!["opaque-access-token"], Some("opaque-access-token")),
        (true, vec!["a+b/c~d.\"e\\f="], Some("a+b/c~d.\"e\\f=")),
        (true, vec![], None),
        (true, vec![""], None),
        (true, vec!["one", "two"], None),
        (true, vec!["t\u{f6}ken"], None),
    ] {
        let site = Site::with(|auth| if exposed { auth.expose_access_token() } else { auth }).await;
        let request = site.request("/awsalb/refresh").token(&site.alb.sign(&User::jane()));
        let request = sent.iter().fold(request, |request, token| request.header("x-amzn-oidc-accesstoken", token));
        let answer = site.call(request).await;
        let info = &json(&answer)["providerInfo"];
        assert_eq!((answer.status.as_u16(), info["accessToken"].as_str()), (200, given), "{exposed} {sent:?}");
        assert_eq!(info.as_object().unwrap().contains_key("accessToken"), given.is_some());
    }
}

#[tokio::test]
async fn s_58_an_access_token_that_looks_like_a_jwt_says_nothing_of_the_user() {
    let claims = r#"{"sub":"admin","email":"admin@example.com","name":"Admin","picture":"https://evil.example/x.png"}"#;
    let forged = format!("{}.{}.c2ln", BASE64URL.encode(r#"{"alg":"none"}"#), BASE64URL.encode(claims));
    let site = Site::new().await;
    let user = User::jane().without("name").without("picture");
    let request = site.request("/awsalb/refresh").token(&site.alb.sign(&user));
    let with = json(&site.call(request.clone().header("x-amzn-oidc-accesstoken", forged)).await);
    let without = json(&site.call(request).await);
    assert_eq!(with["profile"], without["profile"]);
    assert_eq!(with["profile"]["displayName"], "jane.doe");
    assert_eq!(with["backstageIdentity"]["identity"], without["backstageIdentity"]["identity"]);
}

#[tokio::test]
async fn the_application_may_make_the_profile() {
    let site = Site::with(|auth| {
        auth.profile(|user| {
            let mut profile = SessionProfile::of(user);
            profile.picture = None;
            profile.display_name = user.claims().given_name().map(|name| format!("{name}!"));
            Ok(profile)
        })
    })
    .await;
    let answer = site.refresh(&User::jane()).await;
    assert!(
        answer.body.starts_with(r#"{"profile":{"email":"jane.doe@example.com","displayName":"Jane!"},"#),
        "{answer:?}"
    );
    assert_eq!(json(&answer)["backstageIdentity"]["id"], "jane.doe");
}

#[tokio::test]
async fn a_profile_may_be_waited_for_and_may_refuse() {
    let (traced, _guard) = Traced::begin();
    let site = Site::with(|auth| {
        auth.async_profile(|user| async move {
            tokio::task::yield_now().await;
            match user.identity().map(|identity| identity.user_entity_ref().name().to_owned()).as_deref() {
                Some("jane.doe") => Ok(SessionProfile::default()),
                Some("john.doe") => Err(SignInError::refused("the photo service does not like john")),
                _ => Err(SignInError::unavailable("the photo service is down")),
            }
        })
    })
    .await;
    assert!(site.refresh(&User::jane()).await.body.starts_with(r#"{"profile":{},"providerInfo""#));
    let refused = site.refresh(&User::entra("john.doe")).await;
    assert_eq!(said(&refused), (403, "NotAllowedError".to_owned(), SAYS_403.to_owned()));
    let down = site.refresh(&User::entra("jim.doe")).await;
    assert_eq!((down.status.as_u16(), down.header("retry-after")), (503, Some("1")));
    let lines = traced.lines(tracing::Level::WARN).join("\n");
    for reason in ["the photo service does not like john", "the photo service is down"] {
        assert!(lines.contains(reason), "{lines}");
    }
}

#[tokio::test]
async fn f_43_a_profile_that_panics_is_503_for_that_session_and_the_next_one_is_given() {
    fn once() -> impl Fn() + Clone + Send + Sync + 'static {
        let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        move || assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "a bug in the profile")
    }
    let (at_once, before, within) = (once(), once(), once());
    let sites = [
        Site::with(|auth| {
            auth.profile(move |user| {
                at_once();
                Ok(SessionProfile::of(user))
            })
        })
        .await,
        Site::with(|auth| {
            auth.async_profile(move |user| {
                before();
                async move { Ok(SessionProfile::of(&user)) }
            })
        })
        .await,
        Site::with(|auth| {
            auth.async_profile(move |user| {
                let within = within.clone();
                async move {
                    tokio::task::yield_now().await;
                    within();
                    Ok(SessionProfile::of(&user))
                }
            })
        })
        .await,
    ];
    for (case, site) in sites.iter().enumerate() {
        assert_eq!(site.refresh(&User::jane()).await.status, 503, "{case}");
        assert_eq!(site.refresh(&User::jane()).await.status, 200, "{case}");
    }
}

#[tokio::test]
async fn no_token_leaves_before_userinfo_knows_its_holder() {
    let site = Site::new().await;
    site.stores.users_down.store(true, Ordering::SeqCst);
    let refused = site.refresh(&User::jane()).await;
    assert_eq!((refused.status.as_u16(), refused.body.contains("token\"")), (503, false), "{refused:?}");
    site.stores.users_down.store(false, Ordering::SeqCst);
    let token = site.token(&User::jane()).await;
    assert_eq!(site.user_info(&token).await.status, 200);
}
