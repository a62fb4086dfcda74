//! Emails that prove nothing, as values of headers.

use tower_alb_auth::{
    auth_proxy::AuthProxy,
    test_util::{MockAlb, User},
};

use crate::site::{Log, raw, serve, service, settings, status, trust};

/// At an issuer where anyone may make an account, with any address, a missing `email_verified` is no proof, whatever the policy
/// names users by.
#[tokio::test]
async fn s_96_at_a_shared_issuer_an_email_is_a_header_only_if_it_is_verified() {
    for issuer in ["https://login.microsoftonline.com/common/v2.0", "https://accounts.google.com"] {
        let alb = MockAlb::new().with_issuer(issuer);
        let log = Log::default();
        let upstream = serve(service(log.clone())).await;
        let of_email = "sign_in: { email_local_part: { domains: [example.com] } }";
        let trust = trust(&alb).await;
        assert!(trust.contains(of_email));
        let text = trust.replace(of_email, "sign_in: claims_only");
        let text = format!("{text}upstream: http://{upstream}\nlisten: 127.0.0.1:0\nprofile: grafana\n");
        let proxy = AuthProxy::start(settings(&text).expect("sound")).await.expect("it starts");
        let address = proxy.addresses().reverse_proxy.expect("an upstream");
        let call = async |user: &User| {
            let token = alb.sign(user);
            let request =
                format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-oidc-data: {token}\r\n\r\n");
            status(&raw(address, request.as_bytes()).await)
        };
        assert_eq!(call(&User::entra("admin")).await, 403, "{issuer}");
        assert_eq!(log.take().len(), 0);
        assert_eq!(call(&User::google("jane.doe")).await, 200, "{issuer}");
        assert_eq!(log.only().headers["x-webauth-user"], "jane.doe@example.com");
    }
}
