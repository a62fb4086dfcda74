//! `{email}`: the address of the user, in whichever claim the sign-in policy reads it.

use tower_alb_auth::{
    auth_proxy::AuthProxy,
    test_util::{MockAlb, User},
};

use crate::site::{Log, Seen, raw, serve, service, settings, status, trust};

const JANE: &str = "jane.doe@example.com";

/// The status of the proxy with this policy and these lines, and what the service got.
async fn call(policy: &str, lines: &str, user: &User) -> (u16, Option<Seen>) {
    let alb = MockAlb::new();
    let log = Log::default();
    let upstream = serve(service(log.clone())).await;
    let trust = trust(&alb).await;
    let of_email = "sign_in: { email_local_part: { domains: [example.com] } }";
    assert!(trust.contains(of_email));
    let text = trust.replace(of_email, &format!("sign_in: {{ {policy} }}"));
    let text = format!("{text}upstream: http://{upstream}\nlisten: 127.0.0.1:0\n{lines}\n");
    let proxy = AuthProxy::start(settings(&text).expect("sound")).await.expect("it starts");
    let address = proxy.addresses().reverse_proxy.expect("an upstream");
    let token = alb.sign(user);
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-oidc-data: {token}\r\n\r\n");
    let status = status(&raw(address, request.as_bytes()).await);
    (status, log.take().pop())
}

#[tokio::test]
async fn s_108_the_email_of_a_header_is_the_address_that_the_policy_reads() {
    let by_upn = "email_local_part: { domains: [example.com], email_claim: upn }";
    let with_email = User::entra("jane.doe").claim("upn", JANE).claim("email", "admin@example.com");
    let without = User::entra("jane.doe").claim("upn", JANE).without("email");
    for user in [&with_email, &without] {
        let (status, seen) = call(by_upn, "profile: grafana", user).await;
        assert_eq!(status, 200);
        let headers = seen.expect("a request").headers;
        assert_eq!(
            (&headers["x-webauth-user"], &headers["x-webauth-email"]),
            (&JANE.parse().unwrap(), &JANE.parse().unwrap())
        );
    }
    // The claim of that name can still be had.
    let (_, seen) = call(by_upn, "headers: { X-Contact: '{claim:email}' }", &with_email).await;
    assert_eq!(seen.expect("a request").headers["x-contact"], "admin@example.com");
}

#[tokio::test]
async fn s_108_an_email_whose_verification_is_waived_is_a_header() {
    let of_email = "email_local_part: { domains: [example.com], dangerously_accept_unverified_email: true }";
    let federated = User::cognito("jane.doe").claim("email", JANE).claim("email_verified", "false");
    let (status, seen) = call(of_email, "profile: grafana", &federated).await;
    assert_eq!(status, 200);
    assert_eq!(seen.expect("a request").headers["x-webauth-user"], JANE);
    let (status, seen) = call("subject: {}", "profile: grafana", &federated).await;
    assert_eq!((status, seen.is_none()), (403, true));
}
