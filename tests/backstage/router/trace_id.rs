//! F-65: refusals of the auth backend join the load balancer's access log by the trace id.

use std::sync::atomic::Ordering;

use tower_alb_auth::{
    deny_list::{Denied, DenyList},
    sign_in::SignInError,
    test_util::User,
};

use crate::{
    router::site::{Site, token},
    support::traced::Traced,
};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

/// The trace ids of lines that begin with this.
fn traced_by(traced: &Traced, start: &str) -> Vec<Option<String>> {
    let events = std::mem::take(&mut traced.0.lock().unwrap().events);
    let lines = events.into_iter().map(|(_, fields)| fields).filter(|fields| fields["message"].starts_with(start));
    lines.map(|mut fields| fields.remove("trace_id")).collect()
}

#[tokio::test]
async fn f_65_each_line_of_a_refusal_has_the_trace_id() {
    let (traced, _guard) = Traced::begin();
    let (list, root) = (DenyList::new(), Some(ROOT.to_owned()));
    let of_layer = list.clone();
    let site = Site::of(
        move |alb| alb.layer().deny_list(&of_layer),
        |auth| {
            auth.profile(|user| match user.claims().subject() {
                "john" => Err(SignInError::refused("no profile")),
                _ => Ok(tower_alb_auth::backstage::SessionProfile::of(user)),
            })
        },
    )
    .await;
    let with_trace = |path: &str| site.request(path).header("x-amzn-trace-id", ROOT);
    let earlier = token(&site.refresh(&User::jane()).await);

    for (case, request, status, start, lines) in [
        ("no token", with_trace("/awsalb/refresh"), 401, "refused: ", 1),
        (
            "a page of another site",
            with_trace("/awsalb/refresh").header("origin", "https://x.example"),
            403,
            "refused a",
            1,
        ),
        (
            "no token of Backstage",
            with_trace("/v1/userinfo").header("authorization", "Bearer x"),
            401,
            "userinfo refused",
            1,
        ),
    ] {
        traced_by(&traced, "");
        assert_eq!(site.call(request).await.status, status, "{case}");
        assert_eq!(traced_by(&traced, start), vec![root.clone(); lines], "{case}");
    }

    let john = User::entra("john.doe").claim("sub", "john");
    assert_eq!(site.call(with_trace("/awsalb/refresh").user(&john)).await.status, 403);
    assert_eq!(traced_by(&traced, "refused: "), vec![root.clone()], "the profile");

    list.deny(Denied::user("user:default/jane.doe".parse().unwrap()));
    let of_jane = with_trace("/v1/userinfo").header("authorization", format!("Bearer {earlier}"));
    assert_eq!(site.call(of_jane).await.status, 403);
    assert_eq!(traced_by(&traced, "refused: "), vec![root.clone()], "a denied user");
    list.allow(&Denied::user("user:default/jane.doe".parse().unwrap()));

    site.stores.users_down.store(true, Ordering::SeqCst);
    assert_eq!(site.call(with_trace("/awsalb/refresh").user(&User::jane())).await.status, 503);
    assert_eq!(traced_by(&traced, "the store of users"), [root], "a store that is down");
}
