//! Every message of a configuration, as the operator reads it who has made that mistake.

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthSettings, TrustedAlb,
    keys::{FixedKeys, HttpsKeys},
    sign_in::{ClaimsOnly, EmailLocalPart, GroupOwnership, NamedClaim, SignInResolver, WholeEmail},
};

use crate::config::{ALB, EMULATOR, ISSUER, builder, builder_without_policy, entry, problem};

#[test]
fn entries() {
    let none = || TrustedAlb::new(ALB, ISSUER);
    insta::assert_snapshot!(problem(AlbAuthConfig::builder().sign_in(ClaimsOnly)), @"nothing is trusted: add .trust(TrustedAlb::new(<ARN of the load balancer>, <issuer>)); find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'");
    let no_signer =
        r#"{"trust": [{"issuer": "https://idp.example.com", "client_ids": ["app"]}], "sign_in": "claims_only"}"#;
    let no_signer: AlbAuthSettings = serde_json::from_str(no_signer).unwrap();
    insta::assert_snapshot!(problem(no_signer.to_builder()), @r#"the entry of issuer "https://idp.example.com" has no signer: name the ARN of the load balancer; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'"#);
    insta::assert_snapshot!(problem(builder([TrustedAlb::new(ALB, "").client_id("app")])), @r#"the entry of issuer "": an issuer is an absolute URL without spaces; it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>"#);
    insta::assert_snapshot!(problem(builder([none()])), @r#"the entry of issuer "https://idp.example.com" has no client id: add .client_id(<id>); it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>"#);
    insta::assert_snapshot!(problem(builder([none().client_id("")])), @r#"the entry of issuer "https://idp.example.com": a client id is empty; it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>"#);
    insta::assert_snapshot!(problem(builder([entry(ALB).dangerously_accept_any_client()])), @r#"the entry of issuer "https://idp.example.com" lists client ids and accepts any: leave one of the two out"#);
    insta::assert_snapshot!(problem(builder_without_policy([entry(ALB)])), @r#"the entry of issuer "https://idp.example.com" has no sign-in policy: add .sign_in(EmailLocalPart::in_domains([..])), or .sign_in(ClaimsOnly) where there is no Backstage"#);
    insta::assert_snapshot!(problem(builder([entry(ALB), entry(ALB)])), @"two entries trust arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188 with issuer https://idp.example.com and the same client id: join them");
}

#[test]
fn arns() {
    let listener = ALB.replace("loadbalancer/", "listener/") + "/f2f7dc8efc522ab2";
    let wrong = [
        "edge.example.com".to_owned(),
        ALB.replace(":aws:", ":gcp:"),
        ALB.replace(":elasticloadbalancing:", ":elbv2:"),
        ALB.replace("eu-central-1", "eu-central"),
        ALB.replace("123456789012", "12345678901"),
        listener,
        ALB.replace("loadbalancer/app/", "targetgroup/"),
        ALB.replace("/app/", "/net/"),
        ALB.replace("edge", "ed_ge"),
        ALB.replace("arn:aws:", "arn:aws-cn:").replace("eu-central-1", "cn-north-1"),
    ];
    let said: Vec<String> = wrong.iter().map(|arn| problem(builder([entry(arn)]))).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
        the entry of issuer "https://idp.example.com": "edge.example.com" is not an ARN: expected arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": the partition (second part) of "arn:gcp:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188" is not one of AWS: aws, aws-us-gov, aws-cn, ...; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": the service (third part) of "arn:aws:elbv2:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188" is not elasticloadbalancing; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": the region (fourth part) of "arn:aws:elasticloadbalancing:eu-central:123456789012:loadbalancer/app/edge/50dc6c495c0c9188" is not a region of its partition; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": the account (fifth part) of "arn:aws:elasticloadbalancing:eu-central-1:12345678901:loadbalancer/app/edge/50dc6c495c0c9188" is not twelve digits; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/50dc6c495c0c9188/f2f7dc8efc522ab2" is the ARN of a listener, but the signer of a token is the load balancer: its ARN has loadbalancer instead of listener or listener-rule and ends after the first id of 16 digits; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/edge/50dc6c495c0c9188" is the ARN of a target group, but the signer of a token is the load balancer; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/edge/50dc6c495c0c9188" is not an Application Load Balancer (loadbalancer/app/...): no other kind signs users in; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": the resource (last part) of "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/ed_ge/50dc6c495c0c9188" is not loadbalancer/app/<name>/<id>, with a name of at most 32 letters, digits and hyphens and an id of 16 lower-case hexadecimal digits; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        the entry of issuer "https://idp.example.com": AWS documents no public keys for the partition aws-cn: name their address by key_endpoint(<URL>) (app-config.yaml: keyEndpoint, environment: ALB_AUTH_KEY_ENDPOINT)
    "#);
}

#[test]
fn endpoints() {
    let wrong = [
        "keys example",
        "keys.example.com",
        "https://user:hunter2@keys.example.com",
        "https://keys.example.com/?kid=",
        "http://keys.example.com",
    ];
    let said: Vec<String> = wrong.iter().map(|url| problem(builder([entry(ALB).key_endpoint(*url)]))).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
        the key endpoint "keys example" is not a URL
        the key endpoint "keys.example.com" must begin with https://
        the key endpoint must name a host, without user or password
        the key endpoint "https://keys.example.com/?kid=" must be a plain address: no query, no fragment, no dot segments
        the key endpoint "http://keys.example.com" must be https: keys from plain http cannot be trusted
    "#);
    let mixed = entry(EMULATOR).or_signer(ALB).key_endpoint("http://127.0.0.1:9000");
    insta::assert_snapshot!(problem(builder([mixed])), @"the key endpoint http://127.0.0.1:9000 is plain http, which is for the local emulator (account 000000000000) alone, but arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188 is trusted too: use https");
}

#[test]
fn keys() {
    let with = |https| problem(builder([entry(ALB)]).https(https));
    insta::assert_snapshot!(with(HttpsKeys::new().proxy("https://user:hunter2@proxy")), @"the proxy must be written as http://host:port, without user and password");
    insta::assert_snapshot!(with(HttpsKeys::new().pem_roots("no certificate")), @"pem_roots has no PEM block CERTIFICATE");
    insta::assert_snapshot!(with(HttpsKeys::new().pem_roots("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), @"pem_roots has a certificate that cannot be a root: invalid peer certificate: BadEncoding");
    let kid = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";
    let pem = tower_alb_auth::test_util::MockAlb::new().public_key_pem();
    let fixed = |kid, pem: &str| FixedKeys::new().add(kid, pem).unwrap_err().to_string();
    insta::assert_snapshot!(fixed("C6F14C2F", &pem), @r#""C6F14C2F" is not a kid: expected a UUID in lower case"#);
    insta::assert_snapshot!(fixed(kid, "no key"), @r#"the key of kid "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90" is not exactly one PEM block PUBLIC KEY"#);
    let twice = FixedKeys::new().add(kid, &pem).unwrap().add(kid, &pem).unwrap_err();
    insta::assert_snapshot!(twice, @r#"the kid "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90" occurs twice"#);
}

#[test]
fn policies() {
    fn with(policy: impl SignInResolver) -> String {
        problem(builder_without_policy([entry(ALB).sign_in(policy)]))
    }
    let email = || EmailLocalPart::in_domains(["example.com"]);
    let said = [
        with(EmailLocalPart::in_domains([""; 0])),
        with(WholeEmail::in_domains(["@example.com"])),
        with(email().allow_address("partner")),
        with(email().max_email_chars(15)),
        with(email().max_email_chars(255)),
        with(email().in_namespace("Team A")),
        with(NamedClaim::new("")),
        with(NamedClaim::new("email")),
        with(NamedClaim::new("sub")),
        with(GroupOwnership::of(email()).map("a", "group:default/a")),
        with(GroupOwnership::of(email()).claim("groups").map("a", "platform")),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
        the entry of issuer "https://idp.example.com": sign-in: no email domain is allowed: add one by in_domains(["example.com"])
        the entry of issuer "https://idp.example.com": sign-in: "@example.com" is not an email domain: write it as example.com
        the entry of issuer "https://idp.example.com": sign-in: "partner" is not a plain email address
        the entry of issuer "https://idp.example.com": sign-in: max_email_chars is 15; set it to a value from 16 to 254
        the entry of issuer "https://idp.example.com": sign-in: max_email_chars is 255; set it to a value from 16 to 254
        the entry of issuer "https://idp.example.com": sign-in: the namespace of an entity is lower-case letters, digits and inner hyphens, 63 at most
        the entry of issuer "https://idp.example.com": sign-in: NamedClaim needs the name of a claim
        the entry of issuer "https://idp.example.com": sign-in: for the claim email use EmailLocalPart, WholeEmail or Subject, which make the checks that it needs
        the entry of issuer "https://idp.example.com": sign-in: for the claim sub use EmailLocalPart, WholeEmail or Subject, which make the checks that it needs
        the entry of issuer "https://idp.example.com": sign-in: GroupOwnership reads no claim: add the claim in which the provider sends groups, .claim("groups") or .claim("roles")
        the entry of issuer "https://idp.example.com": sign-in: "platform" is not a full entity ref: write it as group:default/platform
    "#);
    let google = TrustedAlb::new(ALB, "https://accounts.google.com").client_id("app");
    let any = EmailLocalPart::dangerously_in_any_domain();
    insta::assert_snapshot!(problem(builder_without_policy([google.sign_in(any)])), @r#"the entry of issuer "https://accounts.google.com": sign-in: https://accounts.google.com has users of many organisations, so a sign-in by email requires in_domains([..])"#);
}

/// What is logged at start-up: not mistakes, but what the operator should know.
#[test]
fn summary_and_warnings() {
    let sound = builder([entry(ALB)]).accept_missing_email_verified().build().unwrap();
    assert_eq!(sound.warnings(), Vec::<String>::new());
    insta::assert_snapshot!(sound.summary(), @"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188 with issuer https://idp.example.com, client app; sign-in by email's local part in example.com");

    let green = ALB.replace("edge", "green");
    let loose = AlbAuthConfig::builder()
        .trust(TrustedAlb::new(ALB, ISSUER).or_signer(green).dangerously_accept_any_client())
        .trust(TrustedAlb::new(ALB, "https://other.example").client_id("a").client_id("b"))
        .sign_in(EmailLocalPart::dangerously_in_any_domain().dangerously_accept_unverified_email())
        .dangerously_share_sign_in_between_issuers()
        .dangerously_ignore_identity_header()
        .build()
        .unwrap();
    insta::assert_snapshot!(loose.warnings().join("\n"), @"
        x-amzn-oidc-identity may differ from the signed subject
        any client id of https://idp.example.com is accepted
        several issuers name users in the same namespace
        emails that the provider says are not verified are accepted
        users of any email domain are signed in: list your domains
    ");
    insta::assert_snapshot!(loose.summary(), @"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188 or arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/green/50dc6c495c0c9188 with issuer https://idp.example.com, any client; sign-in by email's local part in any domain; and arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188 with issuer https://other.example, client a or b; sign-in by email's local part in any domain");
}
