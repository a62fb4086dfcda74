//! Rules from files: what the AWS CLI prints, and templates.

use std::path::PathBuf;

use axum::{Router, routing::any};
use http::Method;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tower_alb_auth::emulator::{Emulator, EmulatorConfig, OnJwtValidation};

use crate::load_balancer::site::{Page, Site, query};

fn of_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file with this content, and with a name that messages show.
fn file(content: &str) -> NamedTempFile {
    let file = tempfile::Builder::new().prefix("rules").suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), content).expect("written");
    file
}

/// Rules as `aws elbv2 describe-rules` prints them.
fn described(rules: &Value) -> NamedTempFile {
    file(&json!({ "Rules": rules }).to_string())
}

fn forward(group: &str) -> Value {
    json!({"Type": "forward", "TargetGroupArn": format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/{group}/73e2d6bc24d8a067")})
}

fn oidc(on_unauthenticated: &str) -> Value {
    json!({"Type": "authenticate-oidc", "AuthenticateOidcConfig": {
        "Issuer": "https://idp.example.com", "AuthorizationEndpoint": "https://idp.example.com/authorize",
        "TokenEndpoint": "https://idp.example.com/token", "UserInfoEndpoint": "https://idp.example.com/userinfo",
        "ClientId": "web", "ClientSecret": "s3cr3t-of-a-client", "OnUnauthenticatedRequest": on_unauthenticated,
    }})
}

fn path(pattern: &str) -> Value {
    json!({"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}})
}

fn rule(priority: u32, conditions: &Value, actions: &Value) -> Value {
    let arn = format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/edge/1/2/{priority}");
    json!({"RuleArn": arn, "Priority": priority.to_string(), "Conditions": conditions, "Actions": actions, "IsDefault": false})
}

fn default_rule(actions: &Value) -> Value {
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/edge/1/2/0";
    json!({"RuleArn": arn, "Priority": "default", "Conditions": [], "Actions": actions, "IsDefault": true})
}

fn not_found() -> Value {
    json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such page"}}])
}

/// An application that says its name.
async fn named(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app: Router = Router::new().fallback(any(move || async move { name }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn request(site: &Site, method: Method, host: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    let url = format!("http://{}{path}", site.emulator.address());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let mut request = client.request(method, url).header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Page::of(request.send().await.expect("a response")).await
}

async fn get(site: &Site, host: &str, path: &str) -> Page {
    request(site, Method::GET, host, path, &[]).await
}

#[tokio::test]
async fn the_edge_template_of_the_repository_is_emulated() {
    let site = Site::with(|config| config.rules_file(of_repository("deploy/cloudformation/edge.yaml"))).await;
    for path in ["/healthz", "/metrics", "/.alb-auth-proxy/ready", "/.backstage/health/x", "/", "/other"] {
        let page = get(&site, "localhost", path).await;
        assert_eq!((page.status, &*page.text), (404, ""), "{path}");
        assert_eq!(page.headers["content-type"], "text/plain", "{path}");
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn the_cdk_template_of_the_repository_is_emulated() {
    let (site, _provider) = Site::scripted_with(|config| {
        config.rules_file(of_repository("deploy/cdk/template.json")).on_jwt_validation(OnJwtValidation::Respond501)
    })
    .await;
    let host = "app.example.com";
    for (path, status) in [
        ("/healthz", 404),
        ("/metrics", 404),
        ("/sign-out", 204),
        ("/signed-out", 200),
        ("/.well-known/oauth-protected-resource", 200),
        ("/machine/x", 501),
        ("/cli/x", 501),
        ("/mcp", 501),
        ("/api/x", 401),
        ("/", 302),
    ] {
        assert_eq!(get(&site, host, path).await.status, status, "{path}");
    }
    // Another host has no rule.
    assert_eq!(get(&site, "localhost", "/api/x").await.status, 404);
    let redirect = get(&site, host, "/page").await;
    assert_eq!(query(redirect.location(), "scope"), "openid%20profile%20email");
}

/// The templates of one listener in several files: the rules name it by an export.
#[tokio::test]
async fn rules_and_listener_of_two_templates_are_one() {
    let (site, _provider) = Site::scripted_with(|config| {
        config
            .rules_file(of_repository("deploy/cloudformation/edge.yaml"))
            .rules_file(of_repository("deploy/cloudformation/application.yaml"))
            .rules_parameter("Host", "app.localhost")
            .on_jwt_validation(OnJwtValidation::Respond501)
    })
    .await;
    let browser = site.browser();
    for (path, status) in [
        ("/healthz", 404),
        ("/signed-out", 200),
        ("/.well-known/oauth-protected-resource", 200),
        ("/machine/x", 501),
        ("/mcp", 501),
        ("/api/x", 401),
        ("/", 302),
    ] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
    assert_eq!(
        browser.client.post(site.url("/.well-known/oauth-protected-resource")).send().await.unwrap().status(),
        302
    );
    browser.callback("/").await;
    for (path, known) in [("/", true), ("/api/x", true), ("/signed-out", false)] {
        assert_eq!(browser.get(path).await.user().is_some(), known, "{path}");
    }
}

#[tokio::test]
async fn conditions_are_those_of_a_listener() {
    let fixed =
        |status: u16| json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status.to_string()}}]);
    let rules = json!([
        // Not in the order of their priorities.
        rule(90, &json!([path("/*")]), &fixed(290)),
        rule(
            10,
            &json!([{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.Example.com"]}}, path("/a?/*")]),
            &fixed(210)
        ),
        rule(
            20,
            &json!([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["OPTIONS", "HEAD"]}}]),
            &fixed(220)
        ),
        rule(
            30,
            &json!([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["*robot*", "cli"]}}]),
            &fixed(230)
        ),
        rule(
            40,
            &json!([{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1?"}, {"Value": "beta"}]}}]),
            &fixed(240)
        ),
        rule(
            50,
            &json!([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "127.0.0.0/8"]}}, path("/local")]),
            &fixed(250)
        ),
        rule(60, &json!([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}]), &fixed(260)),
        // The form of old tools.
        rule(70, &json!([{"Field": "path-pattern", "Values": ["/old"]}]), &fixed(270)),
        default_rule(&not_found()),
    ]);
    let rules = described(&rules);
    let site =
        Site::with(|config| config.rules_file(rules.path()).also_host("www.example.com").also_host("example.com"))
            .await;
    for (method, host, path, headers, status) in [
        (Method::GET, "www.EXAMPLE.com:9000", "/ab/c", &[][..], 210),
        (Method::GET, "example.com", "/ab/c", &[], 290),
        (Method::GET, "www.example.com", "/abc/c", &[], 290),
        (Method::OPTIONS, "localhost", "/", &[], 220),
        (Method::POST, "localhost", "/", &[("x-kind", "A Robot 1")], 230),
        (Method::POST, "localhost", "/", &[("x-kind", "x"), ("x-kind", "CLI")], 230),
        (Method::POST, "localhost", "/", &[("x-kind", "client")], 290),
        (Method::GET, "localhost", "/?a=b&V=1x", &[], 240),
        (Method::GET, "localhost", "/?v=1", &[], 290),
        (Method::GET, "localhost", "/?any=%42eta", &[], 240),
        (Method::GET, "localhost", "/local", &[], 250),
        // The address of the connection counts.
        (Method::GET, "localhost", "/x", &[("x-forwarded-for", "10.0.0.1")], 290),
        (Method::GET, "localhost", "/old", &[], 270),
    ] {
        let page = request(&site, method.clone(), host, path, headers).await;
        assert_eq!(page.status, status, "{method} {host} {path} {headers:?}");
    }
    // An application would decode it to a path of another rule.
    assert_eq!(get(&site, "localhost", "/%6fld").await.status, 400);
}

#[tokio::test]
async fn actions_are_those_of_a_listener() {
    let weighted = json!([{"Type": "forward", "ForwardConfig": {
        "TargetGroups": [
            {"TargetGroupArn": forward("blue")["TargetGroupArn"], "Weight": 3}, {"TargetGroupArn": forward("green")["TargetGroupArn"], "Weight": 1},
        ],
        "TargetGroupStickinessConfig": {"Enabled": false},
    }}]);
    let to = |config: Value| json!([{"Type": "redirect", "RedirectConfig": config}]);
    let rules = described(&json!([
        rule(1, &json!([path("/weighted")]), &weighted),
        rule(2, &json!([path("/blue")]), &json!([forward("blue")])),
        rule(
            3,
            &json!([path("/to-https*")]),
            &to(json!({"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}))
        ),
        rule(
            4,
            &json!([path("/to/*")]),
            &to(
                json!({"Host": "new.#{host}", "Path": "/moved#{path}", "Query": "from=#{port}", "StatusCode": "HTTP_302"})
            )
        ),
        // An order that differs from that of the list.
        rule(
            5,
            &json!([path("/private")]),
            &json!([
                {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "203", "MessageBody": "in"}},
                {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc("deny")["AuthenticateOidcConfig"]},
            ])
        ),
        default_rule(&not_found()),
    ]));
    let (blue, green) = (named("blue").await, named("green").await);
    let (site, _provider) = Site::scripted_with(|config| {
        config.rules_file(rules.path()).target_group("blue", blue).target_group("green", green)
    })
    .await;
    let browser = site.browser();
    let mut got = Vec::new();
    for _ in 0..8 {
        got.push(browser.get("/weighted").await.text);
    }
    assert_eq!(got.iter().filter(|name| *name == "green").count(), 2, "{got:?}");
    assert_eq!(browser.get("/blue").await.text, "blue");
    let port = site.emulator.address().port();
    for (path, status, location) in [
        ("/to-https?a=b", 301, "https://app.localhost:443/to-https?a=b".to_owned()),
        ("/to/x?a=b", 302, format!("http://new.app.localhost:{port}/movedto/x?from={port}")),
    ] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.location()), (status, &*location));
    }
    let page = browser.get("/nothing").await;
    assert_eq!((page.status, &*page.text), (404, "no such page"));
    assert_eq!(browser.get("/private").await.status, 401);
}

/// Each authenticate action has its own cookie, scope and timeout, and those that a tool leaves out are the load balancer's.
#[tokio::test]
async fn each_authenticate_action_has_its_settings() {
    let mut own = oidc("authenticate");
    own["AuthenticateOidcConfig"]["SessionCookieName"] = json!("Own");
    own["AuthenticateOidcConfig"]["Scope"] = json!("openid email");
    // A text, as a listener of the CDK has it.
    own["AuthenticateOidcConfig"]["SessionTimeout"] = json!("60");
    own["AuthenticateOidcConfig"]["AuthenticationRequestExtraParams"] = json!({"prompt": "login"});
    let rules = described(&json!([
        rule(1, &json!([path("/own")]), &json!([own, forward("web")])),
        default_rule(&json!([oidc("authenticate"), forward("web")])),
    ]));
    let (site, _provider) = Site::scripted_with(|config| config.rules_file(rules.path())).await;
    let browser = site.browser();
    let location = browser.get("/own").await.location().to_owned();
    assert_eq!(
        (query(&location, "scope"), query(&location, "prompt")),
        ("openid%20email".to_owned(), "login".to_owned())
    );
    assert_eq!(query(browser.get("/").await.location(), "scope"), "openid");
    let back = browser.callback("/own").await;
    assert!(back.cookies()[0].starts_with("Own-0=") && back.cookies()[0].contains("Max-Age=60"), "{back:?}");
    assert!(browser.get("/own").await.user().is_some());
    assert_eq!(browser.get("/").await.status, 302, "the session has the cookie of the other action");
}

/// A rule without an authenticate action never has the headers, not even with a session.
#[tokio::test]
async fn s_134_rules_without_an_authenticate_action_have_no_identity() {
    let rules = described(&json!([
        rule(1, &json!([path("/open/*")]), &json!([forward("web")])),
        rule(2, &json!([path("/maybe/*")]), &json!([oidc("allow"), forward("web")])),
        default_rule(&json!([oidc("authenticate"), forward("web")])),
    ]));
    let (site, _provider) = Site::scripted_with(|config| config.rules_file(rules.path())).await;
    let browser = site.browser();
    browser.callback("/").await;
    for (path, known) in [("/", true), ("/open/a", false), ("/maybe/a", true)] {
        let forged = browser
            .client
            .get(site.url(path))
            .header("x-amzn-oidc-data", "forged")
            .header("x-amzn-oidc-identity", "forged");
        let page = Page::of(forged.send().await.expect("a response")).await;
        for header in ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"] {
            assert_eq!(page.saw(header).is_some(), known, "{path} {header}");
        }
        assert!(!page.text.contains("forged"), "{path}");
    }
    let stranger = site.browser();
    for path in ["/open/a", "/maybe/a"] {
        assert_eq!(stranger.get(path).await.saw("x-amzn-oidc-data"), None, "{path}");
    }
}

/// A browser sends a preflight request without cookies, so a rule for the method forwards it before the rule that authenticates.
#[tokio::test]
async fn s_134_a_rule_for_preflight_requests_forwards_them_without_identity() {
    let method =
        json!([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["OPTIONS"]}}, path("/api/*")]);
    let rules = described(&json!([
        rule(1, &method, &json!([forward("web")])),
        rule(2, &json!([path("/api/*")]), &json!([oidc("deny"), forward("web")])),
        default_rule(&json!([oidc("authenticate"), forward("web")])),
    ]));
    let (site, _provider) = Site::scripted_with(|config| config.rules_file(rules.path())).await;
    let browser = site.browser();
    browser.callback("/").await;
    let preflight = [("origin", "https://other.example"), ("access-control-request-method", "GET")];
    let send = |method: Method, path: &'static str, browser: &reqwest::Client| {
        let mut request = browser.request(method, site.url(path));
        for (name, value) in preflight {
            request = request.header(name, value);
        }
        request.send()
    };
    let stranger = site.browser();
    for (method, path, status) in [
        (Method::OPTIONS, "/api/items", 200),
        (Method::GET, "/api/items", 401),
        (Method::POST, "/api/items", 401),
        // The rule names a path, so no other one is open.
        (Method::OPTIONS, "/page", 302),
        (Method::GET, "/page", 302),
    ] {
        let page = Page::of(send(method.clone(), path, &stranger.client).await.expect("a response")).await;
        assert_eq!(page.status, status, "{method} {path}");
    }
    // With the cookie of a session, which browsers leave out, there is no identity either.
    for (method, known) in [(Method::OPTIONS, false), (Method::GET, true)] {
        let page = Page::of(send(method.clone(), "/api/items", &browser.client).await.expect("a response")).await;
        assert_eq!(page.status, 200, "{method}");
        for header in ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"] {
            assert_eq!(page.saw(header).is_some(), known, "{method} {header}");
        }
    }
}

/// All mistakes of an emulator with these rules.
async fn mistakes(change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> String {
    match Emulator::start(change(EmulatorConfig::on_free_ports())).await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.problems().iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

/// A rule, condition or key that is left out would send its requests to another rule.
#[tokio::test]
async fn s_135_what_is_not_emulated_is_refused_by_name() {
    let with = |conditions: Value, actions: Value| json!([rule(7, &conditions, &actions), default_rule(&not_found())]);
    let web = json!([forward("web")]);
    let mut transformed = rule(7, &json!([path("/*")]), &web);
    transformed["Transforms"] = json!([{"Type": "url-rewrite"}]);
    let mut other = oidc("deny");
    other["AuthenticateOidcConfig"]["ClientId"] = json!("another");
    let sticky = json!([{"Type": "forward", "ForwardConfig": {
        "TargetGroups": [{"TargetGroupArn": "a"}, {"TargetGroupArn": "b"}], "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 9},
    }}]);
    for (rules, expected) in [
        (
            with(json!([path("/*")]), json!([{"Type": "jwt-validation"}, forward("web")])),
            "jwt-validation: it must be an object",
        ),
        (with(json!([path("/*")]), json!([{"Type": "fixed-response"}])), "FixedResponseConfig: it must be an object"),
        (
            with(json!([path("/*")]), json!([{"Type": "fixed-response", "FixedResponseConfig": {"MessageBody": "a"}}])),
            "FixedResponseConfig: the StatusCode must be 2XX, 4XX or 5XX",
        ),
        (with(json!([path("/*")]), json!([{"Type": "redirect"}])), "RedirectConfig: it must be an object"),
        (
            with(json!([path("/*")]), json!([{"Type": "authenticate-saml"}, forward("web")])),
            "\"authenticate-saml\" is not one of",
        ),
        (
            with(json!([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a$"]}}]), web.clone()),
            "\"RegexValues\" is not one of Values",
        ),
        (with(json!([{"Field": "tls-version", "Values": ["1"]}]), web.clone()), "\"tls-version\" is not one of"),
        (with(json!([]), web.clone()), "it has no condition"),
        (
            with(json!([{"Field": "path-pattern", "Values": []}]), web.clone()),
            "condition path-pattern: it has no value",
        ),
        (
            with(json!([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1/40"]}}]), web.clone()),
            "\"10.0.0.1/40\" is not a network",
        ),
        (json!([transformed]), "transforms of requests are not emulated"),
        (with(json!([path("/*")]), sticky), "stickiness of target groups"),
        (with(json!([path("/*")]), json!([forward("web"), forward("web")])), "its actions are forward, forward"),
        (with(json!([path("/*")]), json!([oidc("deny")])), "its actions are authenticate-oidc"),
        (
            json!([
                rule(7, &json!([path("/a")]), &json!([oidc("deny"), forward("web")])),
                rule(8, &json!([path("/b")]), &json!([other, forward("web")]))
            ]),
            "rule 8 in",
        ),
        (
            json!([rule(7, &json!([path("/a")]), &web), rule(7, &json!([path("/b")]), &web)]),
            "its priority 7 is that of rule 7 too",
        ),
        (
            json!([rule(7, &json!([path("/a")]), &json!([])), rule(7, &json!([path("/b")]), &web)]),
            "its priority 7 is that of rule 7 too",
        ),
    ] {
        let file = described(&rules);
        let found = mistakes(|config| config.rules_file(file.path()).target("http://127.0.0.1:9")).await;
        assert!(found.contains(expected) && found.contains(" in rules"), "{expected}: {found}");
        assert!(!found.contains("s3cr3t"), "{found}");
    }
}

/// What a template does not say before its deployment, all at once and with what to set.
#[tokio::test]
async fn f_60_values_that_exist_after_a_deployment_only_are_named() {
    let yaml = "\
Parameters:
  Host: { Type: String }
  Path: { Type: String, Default: /a/* }
  Stage: { Type: String }
Conditions:
  IsTest: !Equals [!Ref Stage, test]
Resources:
  Group: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Name: web, Port: 80 } }
  One:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !ImportValue edge
      Priority: 1
      Conditions:
        - { Field: host-header, HostHeaderConfig: { Values: [!Ref Host] } }
        - { Field: path-pattern, PathPatternConfig: { Values: [!Ref Path] } }
      Actions: [{ Type: forward, TargetGroupArn: !Ref Group }]
  Two:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Condition: IsTest
    Properties:
      ListenerArn: !ImportValue edge
      Priority: 2
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/b] } }]
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '204' } }]
";
    let template = file(yaml);
    let found = mistakes(|config| config.rules_file(template.path()).rules_parameter("Hots", "x")).await;
    for expected in [
        "condition host-header: it depends on the parameter Host, which has no default: set it by --rules-parameter Host=VALUE",
        "its condition depends on the parameter Stage",
        "no template has the parameter \"Hots\"",
        "it forwards to the target group \"Group\", which has no target: add --target Group=",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let app = named("web").await;
    let site = Site::with(|config| {
        let config = config.rules_file(template.path()).rules_parameter("Host", "app.localhost");
        // By its name, instead of its logical id.
        config.rules_parameter("Stage", "test").target_group("web", app)
    })
    .await;
    let browser = site.browser();
    assert_eq!(browser.get("/a/x").await.text, "web");
    assert_eq!(browser.get("/b").await.status, 204);
}

#[tokio::test]
async fn f_61_target_groups_and_targets_fit() {
    let rules = described(&json!([
        rule(1, &json!([path("/a")]), &json!([forward("web")])),
        rule(2, &json!([path("/b")]), &json!([forward("api")])),
        default_rule(&not_found()),
    ]));
    let found = mistakes(|config| {
        config
            .rules_file(rules.path())
            .target_group("web", "http://127.0.0.1:9")
            .target_group("wep", "http://127.0.0.1:9")
    })
    .await;
    assert!(found.contains("rule 2 in") && found.contains("add --target api=http://localhost:3000"), "{found}");
    assert!(found.contains("no rule forwards to the target group \"wep\""), "{found}");
    assert!(!found.contains("rule 1 in"), "{found}");
    let found = mistakes(|config| config.target_group("web", "http://127.0.0.1:9")).await;
    assert!(found.contains("set rules_files"), "{found}");
}
