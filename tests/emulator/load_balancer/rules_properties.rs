//! Properties of the listener and its load balancer that are neither rules nor actions.

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tower_alb_auth::emulator::{Emulator, EmulatorConfig};

use crate::load_balancer::site::{Page, Site};

fn file(content: &Value) -> NamedTempFile {
    let file = tempfile::Builder::new().prefix("rules").suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), content.to_string()).expect("written");
    file
}

fn not_found() -> Value {
    json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
}

/// A listener as `aws elbv2 describe-listeners` prints it, with more members.
fn described(more: &Value) -> NamedTempFile {
    file(&json!({"Listeners": [with(listener(), more)]}))
}

fn listener() -> Value {
    json!({
        "ListenerArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/1/2",
        "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/1",
        "Port": 443, "Protocol": "HTTPS", "DefaultActions": not_found(),
    })
}

fn with(mut value: Value, more: &Value) -> Value {
    for (key, member) in more.as_object().expect("an object") {
        value[key] = member.clone();
    }
    value
}

/// A template with a load balancer of these attributes, a listener with these members, and a rule
/// that forwards everything.
fn template(attributes: &Value, more: &Value) -> NamedTempFile {
    let properties =
        json!({"LoadBalancerArn": {"Ref": "Edge"}, "Port": 443, "Protocol": "HTTPS", "DefaultActions": not_found()});
    file(&json!({"Resources": {
        "Edge": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"LoadBalancerAttributes": attributes}},
        "Group": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {"Protocol": "HTTPS", "TargetType": "lambda"}},
        "Acl": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {"ResourceArn": {"Ref": "Edge"}}},
        "Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": with(properties, more)},
        "Rule": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": {
            "ListenerArn": {"Ref": "Listener"}, "Priority": 1,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
        }},
    }}))
}

fn config(file: &NamedTempFile) -> EmulatorConfig {
    EmulatorConfig::on_free_ports().rules_file(file.path()).target("http://127.0.0.1:9")
}

/// All mistakes of an emulator with these rules, or its table.
async fn result(file: &NamedTempFile) -> Result<String, String> {
    let text = |error: tower_alb_auth::ConfigError| -> String {
        error.problems().iter().map(|problem| format!("{problem}\n")).collect()
    };
    Emulator::start(config(file)).await.map_err(text)?;
    config(file).describe_rules().map_err(text)
}

fn attribute(key: &str, value: &str) -> Value {
    json!([{"Key": key, "Value": value}])
}

/// A listener that rejects clients without a certificate, or renames headers, is not the same
/// listener without that.
#[tokio::test]
async fn s_145_a_property_that_decides_about_requests_is_refused_by_name() {
    let renamed = "routing.http.request.x_amzn_tls_version.header_name";
    for (more, expected) in [
        (json!({"MutualAuthentication": {"Mode": "verify"}}), "MutualAuthentication: Mode verify is not emulated"),
        (json!({"MutualAuthentication": {"Mode": "passthrough"}}), "Mode passthrough is not emulated"),
        (json!({"MutualAuthentication": {"Mode": "of"}}), "\"of\" is not one of off, passthrough, verify"),
        (json!({"MutualAuthentication": {"Mode": "off", "More": 1}}), "the key \"More\""),
        (json!({"ListenerAttributes": attribute(renamed, "X-Tls")}), "header_name is not emulated"),
        (json!({"ListenerAttributes": attribute("routing.http.surprise", "1")}), "\"routing.http.surprise\""),
        (json!({"ListenerAttributes": {"Key": "a"}}), "it must be a list"),
        (json!({"MutualAuthentification": {"Mode": "verify"}}), "\"MutualAuthentification\""),
    ] {
        let found = result(&described(&more)).await.expect_err(expected);
        assert!(found.contains(expected) && found.contains("listener 443 in rules"), "{expected}: {found}");
        let found = result(&template(&json!([]), &more)).await.expect_err(expected);
        assert!(found.contains(expected) && found.contains("Listener in rules"), "{expected}: {found}");
    }
    for (attributes, expected) in [
        (attribute("routing.http.xff_header_processing.mode", "remove"), "xff_header_processing.mode is not emulated"),
        (attribute("routing.http.xff_client_port.enabled", "true"), "xff_client_port.enabled is not emulated"),
        (
            attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true"),
            "cipher_suite.enabled is not emulated",
        ),
        (attribute("routing.http.surprise", "1"), "\"routing.http.surprise\""),
        (json!([{"Value": "1"}]), "an attribute without Key"),
    ] {
        let found = result(&template(&attributes, &json!({}))).await.expect_err(expected);
        assert!(found.contains(expected) && found.contains("Edge in rules"), "{expected}: {found}");
    }
}

/// `Transforms` that are no list, as one that a function makes, change requests too.
#[tokio::test]
async fn s_145_transforms_in_any_form_are_refused() {
    let rule = |transforms: Value| {
        let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/edge/1/2/3";
        let path = json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]);
        file(&json!({"Rules": [{
            "RuleArn": arn, "Priority": "1", "Conditions": path, "Actions": not_found(), "Transforms": transforms,
        }]}))
    };
    for (transforms, expected) in [
        (json!([{"Type": "url-rewrite"}, {"Type": "host-header-rewrite"}]), "\"url-rewrite\", \"host-header-rewrite\""),
        (json!({"Type": "url-rewrite"}), "Transforms: it must be a list"),
    ] {
        let found = result(&rule(transforms)).await.expect_err(expected);
        assert!(found.contains(expected) && found.contains("rule 1 in rules"), "{expected}: {found}");
    }
    for nothing in [json!([]), json!(null)] {
        result(&rule(nothing)).await.expect("no transform");
    }
}

#[tokio::test]
async fn s_145_a_property_of_connections_and_responses_is_listed() {
    let more = json!({
        "AlpnPolicy": ["None"], "SslPolicy": "p", "Certificates": [{"CertificateArn": "c"}],
        "MutualAuthentication": {"Mode": "off"},
        "ListenerAttributes": [
            {"Key": "routing.http.response.access_control_allow_origin.header_value", "Value": "https://a.example.com"},
            // The usual name.
            {"Key": "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "Value": "X-Amzn-Mtls-Clientcert-Leaf"},
        ],
    });
    let attributes = json!([
        {"Key": "routing.http.desync_mitigation_mode", "Value": "strictest"},
        {"Key": "deletion_protection.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": {"Ref": "Edge"}},
        {"Key": "routing.http.xff_header_processing.mode", "Value": "append"},
    ]);
    let name = |file: &NamedTempFile| file.path().file_name().unwrap().to_string_lossy().into_owned();
    let notes = |table: &str| -> Vec<String> {
        table.lines().filter_map(|line| line.strip_prefix("    note  ")).map(str::to_owned).collect()
    };
    let file = template(&attributes, &more);
    let table = result(&file).await.expect("emulated");
    let in_file = name(&file);
    assert_eq!(
        notes(&table),
        [
            format!("Acl in {in_file}: not emulated: AWS::WAFv2::WebACLAssociation"),
            format!(
                "Group in {in_file}: not emulated: TargetType lambda; its requests are HTTP requests to the target"
            ),
            format!("Group in {in_file}: not emulated: Protocol HTTPS; its requests are sent over plain http"),
            format!(
                "Listener in {in_file}: not emulated: AlpnPolicy, Certificates, SslPolicy, \
                 routing.http.response.access_control_allow_origin.header_value"
            ),
            format!("Edge in {in_file}: not emulated: routing.http.desync_mitigation_mode"),
        ],
        "{table}"
    );
    let file = described(&more);
    let table = result(&file).await.expect("emulated");
    assert!(table.contains(&format!("listener 443 in {}: not emulated: AlpnPolicy", name(&file))), "{table}");
}

/// The properties of a listener that is left out do not matter.
#[tokio::test]
async fn another_listener_may_have_any_properties() {
    let other = json!({
        "ListenerArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/1/9", "Port": 80, "Protocol": "HTTP",
        "MutualAuthentication": {"Mode": "verify"}, "Surprise": 1,
    });
    result(&file(&json!({"Listeners": [listener(), other]}))).await.expect("emulated");
}

#[tokio::test]
async fn invalid_header_fields_are_dropped_if_the_load_balancer_drops_them() {
    for (value, reaches) in [("true", false), ("false", true)] {
        let file = template(&attribute("routing.http.drop_invalid_header_fields.enabled", value), &json!({}));
        let site = Site::with(|config| config.rules_file(file.path())).await;
        let request = site.browser().client.get(site.url("/")).header("x_user", "a").header("x-user", "b");
        let page = Page::of(request.send().await.expect("a response")).await;
        assert_eq!((page.saw("x_user").is_some(), page.saw("x-user").as_deref()), (reaches, Some("b")), "{value}");
    }
}
