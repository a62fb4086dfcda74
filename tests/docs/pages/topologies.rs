//! The settings of the topologies in docs/DEPLOYING.md, against tokens of their load balancers.

use std::collections::BTreeMap;

use serde_json::Value;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AlbAuthSettings, AuthErrorKind as Kind, ConfigError,
    test_util::{MockAlb, User},
};

use crate::{
    pages::page::{blocks, read, section},
    support::App,
};

type Variables = BTreeMap<String, String>;

fn topology(heading: &str) -> String {
    section(&section(&read("docs/DEPLOYING.md"), "## Topologies"), &format!("### {heading}"))
}

/// The environment of each block.
fn environments(text: &str) -> Vec<Variables> {
    let variable = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}: expected a variable"));
        (name.to_owned(), value.to_owned())
    };
    let of = |block: &String| block.lines().filter(|line| !line.starts_with('#')).map(variable).collect();
    blocks(text, "sh").iter().map(of).collect()
}

fn yaml(text: &str) -> Vec<Value> {
    let documents = blocks(text, "yaml");
    let documents = documents.iter().flat_map(|block| block.split("\n---\n"));
    // CloudFormation's tag is for CloudFormation.
    documents.map(|text| serde_saphyr::from_str(&text.replace("!GetAtt ", "")).expect("YAML")).collect()
}

/// Load balancers that stand for the signers of the settings, in their order, and the settings with their ARNs instead.
fn with_mocks(variables: &Variables) -> (Vec<MockAlb>, Variables) {
    let (issuer, client) = (&variables["ALB_AUTH_ISSUER"], &variables["ALB_AUTH_CLIENT_IDS"]);
    let first = MockAlb::new().with_issuer(issuer).with_client_id(client);
    let signers: Vec<&str> = variables["ALB_AUTH_SIGNERS"].split(',').collect();
    // One key source serves the keys of all of them.
    let others = signers.iter().skip(1).map(|_| MockAlb::with_keys_of(&first));
    let mocks: Vec<MockAlb> = [first.clone()].into_iter().chain(others).collect();
    let mut changed = variables.clone();
    let arns: Vec<&str> = mocks.iter().map(MockAlb::signer).collect();
    changed.insert("ALB_AUTH_SIGNERS".to_owned(), arns.join(","));
    (mocks, changed)
}

fn built(variables: &Variables) -> Result<AlbAuthConfig, ConfigError> {
    AlbAuthSettings::from_vars(variables.clone())?.to_builder().build()
}

/// A service with these settings and the keys of this load balancer.
fn service(variables: &Variables, keys: &MockAlb) -> App {
    let config = AlbAuthSettings::from_vars(variables.clone()).expect("sound").to_builder();
    App::new(AlbAuthLayer::new(keys.keys_and_clock(config).build().expect("sound")))
}

async fn call(service: &App, alb: &MockAlb, token: &str) -> Result<String, Option<Kind>> {
    let answer = service.call(alb.request("/").token(token).body(String::new())).await;
    if answer.status == 200 { Ok(answer.body) } else { Err(answer.kind()) }
}

/// Users of each load balancer of the settings are signed in, those of another one are not.
async fn admits_each_signer(heading: &str, expected: usize) -> Variables {
    let environments = environments(&topology(heading));
    let [variables] = &environments[..] else { panic!("{heading}: {environments:?}") };
    // As printed, with the ARNs of real load balancers.
    built(variables).unwrap_or_else(|error| panic!("{heading}: {error}"));
    let (mocks, changed) = with_mocks(variables);
    assert_eq!(mocks.len(), expected, "{heading}");
    let service = service(&changed, &mocks[0]);
    for alb in &mocks {
        let signed_in = call(&service, alb, &alb.sign(&User::jane())).await;
        assert_eq!(signed_in.as_deref(), Ok("user:default/jane.doe"), "{heading}");
    }
    let stranger = MockAlb::with_keys_of(&mocks[0]);
    assert_eq!(call(&service, &stranger, &stranger.sign(&User::jane())).await, Err(Some(Kind::UntrustedSigner)));
    variables.clone()
}

#[tokio::test]
async fn both_load_balancers_of_blue_and_green_sign_users_in() {
    admits_each_signer("Blue and green, with two load balancers", 2).await;
}

#[tokio::test]
async fn the_load_balancers_of_two_regions_sign_users_in() {
    let variables = admits_each_signer("Several regions", 2).await;
    let regions: Vec<&str> = variables["ALB_AUTH_SIGNERS"].split(',').filter_map(|arn| arn.split(':').nth(3)).collect();
    assert_eq!(regions, ["eu-central-1", "us-east-1"]);
}

#[tokio::test]
async fn a_service_behind_an_edge_has_the_settings_of_the_edge() {
    admits_each_signer("gRPC behind an edge", 1).await;
}

/// S-150: the signer is the same, so the client tells them apart.
#[tokio::test]
async fn s_150_a_user_of_one_application_is_no_user_of_another_one() {
    let text = topology("Several applications on one load balancer");
    let environments = environments(&text);
    let [a, b] = &environments[..] else { panic!("{environments:?}") };
    assert_eq!((&a["ALB_AUTH_SIGNERS"], &a["ALB_AUTH_ISSUER"]), (&b["ALB_AUTH_SIGNERS"], &b["ALB_AUTH_ISSUER"]));
    let (mocks, a) = with_mocks(a);
    let alb_of_a = &mocks[0];
    let mut b = b.clone();
    b.insert("ALB_AUTH_SIGNERS".to_owned(), alb_of_a.signer().to_owned());
    let alb_of_b = alb_of_a.clone().with_client_id(&b["ALB_AUTH_CLIENT_IDS"]);
    let services = [service(&a, alb_of_a), service(&b, alb_of_a)];
    let tokens = [alb_of_a, &alb_of_b].map(|alb| alb.sign(&User::jane()));
    for (number, service) in services.iter().enumerate() {
        for (of, token) in tokens.iter().enumerate() {
            let expected =
                if number == of { Ok("user:default/jane.doe".to_owned()) } else { Err(Some(Kind::UntrustedClient)) };
            assert_eq!(call(service, alb_of_a, token).await, expected, "a token of {of} at {number}");
        }
    }
    // The rule, app-config and environment of B say the same.
    let yaml = yaml(&text);
    let (rule, app_config) = (&yaml[0]["AuthenticateOidcConfig"], &yaml[1]["auth"]["providers"]["awsalb"]);
    assert_eq!(rule["ClientId"], *b["ALB_AUTH_CLIENT_IDS"]);
    assert_eq!(rule["ClientId"], app_config["clientIds"][0]);
    assert_eq!(rule["SessionCookieName"], app_config["sessionCookieName"]);
    assert_eq!((&rule["Issuer"], &app_config["issuer"]), (&Value::from(&*b["ALB_AUTH_ISSUER"]), &rule["Issuer"]));
}

/// S-151: the application load balancer signs, with CloudFront or an NLB in front of it too.
#[tokio::test]
async fn s_151_a_network_load_balancer_is_no_signer() {
    let text = topology("Blue and green, with two load balancers");
    let mut variables = environments(&text).remove(0);
    let network = variables["ALB_AUTH_SIGNERS"].replace("loadbalancer/app/", "loadbalancer/net/");
    variables.insert("ALB_AUTH_SIGNERS".to_owned(), network);
    let error = built(&variables).expect_err("a network load balancer signs nothing").to_string();
    assert!(error.contains("loadbalancer/net/"), "{error}");
}

/// Another policy would store a user's page for others, or leave out the session's cookies.
#[test]
fn s_151_cloudfront_stores_nothing_and_is_the_only_way() {
    let yaml = yaml(&topology("A network load balancer or CloudFront in front"));
    let [distribution, condition] = &yaml[..] else { panic!("{yaml:?}") };
    let behavior = &distribution["DefaultCacheBehavior"];
    // The ids of the managed policies CachingDisabled and AllViewer, as AWS documents them.
    assert_eq!(behavior["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    assert_eq!(behavior["OriginRequestPolicyId"], "216adef6-5c7f-47e4-b989-5492eafa07d3");
    let origin = &distribution["Origins"][0];
    assert_eq!(
        (&behavior["TargetOriginId"], &origin["CustomOriginConfig"]["OriginProtocolPolicy"]),
        (&origin["Id"], &"https-only".into())
    );
    let (header, required) = (&origin["OriginCustomHeaders"][0], &condition["HttpHeaderConfig"]);
    assert_eq!((&header["HeaderName"], &header["HeaderValue"]), (&required["HttpHeaderName"], &required["Values"][0]));
    assert!(header["HeaderValue"].as_str().is_some_and(|value| value.starts_with("{{resolve:secretsmanager:")));
}

/// S-152: principals are known by mutual TLS only, and the policy is for the pods of deploy/kubernetes.
#[test]
fn s_152_in_a_mesh_the_gateway_alone_reaches_the_pods() {
    let yaml = yaml(&topology("EKS with Istio"));
    let [authentication, authorization] = &yaml[..] else { panic!("{yaml:?}") };
    assert_eq!(
        (&authentication["kind"], &authorization["kind"]),
        (&"PeerAuthentication".into(), &"AuthorizationPolicy".into())
    );
    assert_eq!(authentication["spec"]["mtls"]["mode"], "STRICT");
    let deployment: Value = serde_saphyr::from_str(&read("deploy/kubernetes/deployment.yaml")).expect("YAML");
    for policy in [authentication, authorization] {
        assert_eq!(policy["spec"]["selector"]["matchLabels"], deployment["spec"]["selector"]["matchLabels"]);
        assert_eq!(policy["metadata"]["namespace"], deployment["metadata"]["namespace"]);
    }
    assert_eq!(authorization["spec"]["action"], "ALLOW");
    let rules = authorization["spec"]["rules"].as_array().expect("rules");
    for rule in rules {
        let sources = rule["from"].as_array().expect("sources");
        assert!(sources.iter().all(|source| source["source"]["principals"].is_array()), "{rule}");
    }
    assert_eq!(rules.len(), 1);
}
