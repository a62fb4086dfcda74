//! Where keys come from: the configuration says it, no token does.

use std::sync::{Arc, Mutex};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, TrustedAlb,
    keys::{KeyFetch, KeyRequest, KeySource},
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::{
    config::{ALB, EMULATOR, ISSUER, OTHER, builder, entry, problem},
    support::App,
};

fn endpoints(entries: impl IntoIterator<Item = TrustedAlb>) -> Vec<String> {
    let config = builder(entries).build().expect("a sound configuration");
    config.key_endpoints().iter().map(ToString::to_string).collect()
}

#[test]
fn s_23_a_region_that_would_name_another_host_is_refused() {
    for region in [
        "",
        "evil.com/#",
        "us-east-1.evil.com",
        "us-east-1@evil.com",
        "us-east-1/..",
        "us-east-1#",
        "us-east-1?",
        "us-east-1%2eevil",
        "us-east-1\r\n",
        " us-east-1",
        "US-EAST-1",
        "us-east-1-",
        "us--east-1",
        "us-east",
        "us-east-123",
        "u-east-1",
        "us-e\u{430}st-1",
    ] {
        let arn = format!("arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/app/edge/50dc6c495c0c9188");
        let problem = problem(builder([entry(&arn)]));
        assert!(problem.contains("the region (fourth part) of"), "{region:?}: {problem}");
    }
}

#[test]
fn s_23_a_region_of_another_partition_is_refused() {
    for (partition, region) in [
        ("aws", "us-gov-west-1"),
        ("aws", "cn-north-1"),
        ("aws", "us-iso-east-1"),
        ("aws", "us-isob-east-1"),
        ("aws", "eu-isoe-west-1"),
        ("aws", "eusc-de-east-1"),
        ("aws-us-gov", "us-east-1"),
        ("aws-us-gov", "us-gov-south-1"),
        ("aws-cn", "eu-central-1"),
    ] {
        let arn = ALB.replace("arn:aws:", &format!("arn:{partition}:")).replace("eu-central-1", region);
        // With an endpoint too, so that nothing but the region can be wrong.
        for entry in [entry(&arn), entry(&arn).key_endpoint("https://keys.example.com")] {
            let problem = problem(builder([entry]));
            assert!(problem.contains("is not a region of its partition"), "{partition} {region}: {problem}");
        }
    }
}

#[test]
fn s_23_endpoints_are_those_that_aws_documents() {
    let of = |arn: &str| endpoints([entry(arn)]).concat();
    assert_eq!(of(ALB), "https://public-keys.auth.elb.eu-central-1.amazonaws.com");
    let debug = format!("{:?}", builder([entry(ALB)]).build().expect("a sound configuration").key_endpoints());
    assert_eq!(debug, "[KeyEndpoint(https://public-keys.auth.elb.eu-central-1.amazonaws.com)]");
    for region in ["us-gov-west-1", "us-gov-east-1"] {
        let arn = ALB.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-central-1", region);
        let expected = format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}");
        assert_eq!(of(&arn), expected);
    }
    // Two load balancers of a region have one endpoint, two regions have two.
    let (sibling, distant) = (ALB.replace("/edge/", "/inner/"), OTHER);
    assert_eq!(
        endpoints([entry(ALB).or_signer(sibling).or_signer(distant)]),
        [
            "https://public-keys.auth.elb.eu-central-1.amazonaws.com",
            "https://public-keys.auth.elb.eu-west-1.amazonaws.com"
        ]
    );
}

#[test]
fn s_23_a_partition_without_documented_keys_needs_an_endpoint() {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-eusc", "eusc-de-east-1"), ("aws-iso", "us-iso-east-1")]
    {
        let arn = ALB.replace("arn:aws:", &format!("arn:{partition}:")).replace("eu-central-1", region);
        assert_eq!(
            problem(builder([entry(&arn)])),
            format!(
                "the entry of issuer \"{ISSUER}\": AWS documents no public keys for the partition {partition}: name \
                 their address by key_endpoint(<URL>) (app-config.yaml: keyEndpoint, environment: ALB_AUTH_KEY_ENDPOINT)"
            )
        );
        assert_eq!(endpoints([entry(&arn).key_endpoint("https://keys.example/")]), ["https://keys.example"]);
    }
}

#[test]
fn s_23_s_48_an_endpoint_that_is_not_a_plain_https_address_is_refused() {
    for (url, sentence) in [
        ("", "is not a URL"),
        ("keys.example.com", "must begin with https://"),
        ("//keys.example.com", "must begin with https://"),
        ("ftp://keys.example.com", "must begin with https://"),
        ("file:///etc/passwd", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://user@keys.example.com", "without user or password"),
        ("https://user:secret@keys.example.com", "without user or password"),
        ("https://keys.example.com@evil.com", "without user or password"),
        ("https://keys.example.com?x=", "no query"),
        ("https://keys.example.com/#", "no fragment"),
        ("https://keys.example.com/../x", "no dot segments"),
        ("https://keys.example.com//x", "no query"),
        ("https://keys example", "is not a URL"),
        ("https://keys.example\r\nx: y", "is not a URL"),
        ("http://keys.example.com", "must be https"),
        ("http://10.0.0.1", "must be https"),
        ("http://169.254.169.254", "must be https"),
        ("http://localhost.evil.test", "must be https"),
        ("http://127.0.0.1.evil.test", "must be https"),
        ("http://0.0.0.0", "must be https"),
        ("HTTP://keys.example.com", "must be https"),
        ("https://keys.example.com:99999", "is not a URL"),
        ("https://keys.example.com:x", "is not a URL"),
        ("https://keys.example.com:0", "is not a URL"),
        ("https://keys.example.com\\x", "is not a URL"),
        ("https://a;b", "must name a host"),
    ] {
        // The emulator's account changes none of it: only a loopback address may be plain.
        for arn in [ALB, EMULATOR] {
            let problem = problem(builder([entry(arn).key_endpoint(url)]));
            assert!(problem.starts_with("the key endpoint ") && problem.contains(sentence), "{url:?}: {problem}");
            // The remedy that a waiver is, where it is one: http, and no real load balancer.
            let names_the_waiver = problem.contains("dangerously_fetch_keys_over_http_from");
            assert_eq!(names_the_waiver, sentence == "must be https" && arn == EMULATOR, "{url:?}: {problem}");
        }
    }
}

#[test]
fn s_78_plain_http_is_for_the_emulator_alone() {
    for url in [
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        "http://[::1]:9000",
        "HTTP://127.0.0.1:9",
        "hTTp://localhost",
    ] {
        let emulator = || entry(EMULATOR).key_endpoint(url);
        assert_eq!(endpoints([emulator()]), [url], "the emulator by itself");
        for (case, entries) in [
            ("a real account", vec![entry(ALB).key_endpoint(url)]),
            ("both in one entry", vec![emulator().or_signer(ALB)]),
            ("a real account in another entry, with https", vec![emulator(), entry(ALB)]),
            (
                "an account that is nearly the emulator's",
                vec![entry(&EMULATOR.replace("000:", "001:")).key_endpoint(url)],
            ),
        ] {
            let problem = problem(builder(entries));
            assert!(problem.contains("is plain http, which is for the local emulator"), "{case} with {url}: {problem}");
        }
    }
}

/// Gives the key of a load balancer and writes down what it was asked for.
#[derive(Clone)]
struct Recorder {
    pem: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl KeySource for Recorder {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.asked.lock().unwrap().push(request.url());
        let pem = self.pem.clone().into_bytes();
        Box::pin(async move { Ok(pem) })
    }
}

#[tokio::test]
async fn s_23_no_token_and_no_header_changes_where_keys_are_fetched() {
    let alb = MockAlb::new();
    let recorder = Recorder { pem: alb.public_key_pem(), asked: Arc::default() };
    let config = AlbAuthConfig::builder().trust(alb.trusted()).sign_in(ClaimsOnly).key_source(recorder.clone());
    let app = App::new(AlbAuthLayer::new(config.build().unwrap()));
    let jane = User::jane();
    let elsewhere = alb.signer().replace("eu-central-1", "us-east-1");
    for (case, token) in [
        ("the signer of another region", alb.token(&jane).header("signer", elsewhere)),
        ("an issuer", alb.token(&jane).header("iss", "https://evil.example")),
        ("jku", alb.token(&jane).header("jku", "https://evil.example/keys")),
        ("x5u", alb.token(&jane).header("x5u", "https://evil.example/keys")),
        ("a path as kid", alb.token(&jane).header("kid", format!("../{}", alb.kid()))),
        ("a host as kid", alb.token(&jane).header("kid", "//evil.example/x")),
        ("region", alb.token(&jane).header("region", "us-east-1").header("signer", "")),
    ] {
        let answer = app.call(alb.request("/").token(&token.sign())).await;
        assert_eq!(answer.status, 401, "{case}: {answer:?}");
        assert_eq!(*recorder.asked.lock().unwrap(), Vec::<String>::new(), "{case}");
    }
    let request =
        alb.request("/").user(&jane).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    assert_eq!(app.call(request.header("x-amz-region", "us-east-1")).await.status, 200);
    let expected = format!("https://public-keys.auth.elb.eu-central-1.amazonaws.com/{}", alb.kid());
    assert_eq!(*recorder.asked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn s_23_each_signer_has_the_endpoint_of_its_region() {
    let alb = MockAlb::new();
    let recorder = Recorder { pem: alb.public_key_pem(), asked: Arc::default() };
    let entry = TrustedAlb::new(ALB, alb.issuer()).or_signer(OTHER).client_id(alb.client_id());
    let config = AlbAuthConfig::builder().trust(entry).sign_in(ClaimsOnly).key_source(recorder.clone());
    let app = App::new(AlbAuthLayer::new(config.build().unwrap()));
    for signer in [ALB, OTHER, ALB, OTHER] {
        let token = alb.token(&User::jane()).header("signer", signer).sign();
        assert_eq!(app.call(alb.request("/").token(&token)).await.status, 200, "{signer}");
    }
    let url = |region: &str| format!("https://public-keys.auth.elb.{region}.amazonaws.com/{}", alb.kid());
    assert_eq!(*recorder.asked.lock().unwrap(), [url("eu-central-1"), url("eu-west-1")]);
}

#[test]
fn s_61_a_password_in_an_endpoint_is_not_repeated_however_it_is_written() {
    for url in [
        "https://user:hunter2@keys.example.com",
        "https://user:hunter2 @keys.example.com",
        "https://user:hunter2#@keys.example.com",
        "http://user:hunter2@keys.example.com/?x",
        "user:hunter2@keys.example.com",
        "https://user:hunter2@",
    ] {
        let problem = problem(builder([entry(ALB).key_endpoint(url)]));
        assert!(problem.contains("without user or password") && !problem.contains("hunter2"), "{url}: {problem}");
    }
}
