//! Where the service is found, and whose pages may ask.

use crate::settings::{read, wrong};

#[test]
fn the_auth_backend_is_below_the_backend_unless_discovery_says_otherwise() {
    let settings = read("backend: { baseUrl: 'https://b.example.com:8443/base/' }");
    assert_eq!(settings.base_url, "https://b.example.com:8443/base");
    assert_eq!(settings.auth_url, "https://b.example.com:8443/base/api/auth");
    assert_eq!(settings.app_url, "https://backstage.example.com");
    let of = |endpoint: &str| read(&format!("discovery: {{ endpoints: [{endpoint}] }}")).auth_url;
    let usual = "https://backstage.example.com/api/auth";
    let other = "https://auth.example.com/api/auth";
    assert_eq!(of("{ target: 'https://auth.example.com/api/{{ pluginId }}', plugins: [auth] }"), other);
    assert_eq!(of("{ target: { external: 'https://auth.example.com/api/auth' }, plugins: [auth] }"), other);
    assert_eq!(of("{ target: { internal: 'http://auth:7007/api/auth' }, plugins: [auth] }"), usual);
    assert_eq!(of("{ target: 'https://x.example.com/api/{{pluginId}}', plugins: [catalog] }"), usual);
}

#[test]
fn pages_of_the_application_and_of_listed_origins_may_ask() {
    let origins = |cors: &str| read(&format!("backend: {{ cors: {cors} }}")).allowed_origins;
    let app = "https://backstage.example.com";
    assert_eq!(read("").allowed_origins, [app]);
    assert_eq!(origins("{ origin: 'https://other.example.org:3000' }"), [app, "https://other.example.org:3000"]);
    assert_eq!(
        origins("{ origin: ['https://A.example.com:443', 'https://b.example.com/', 'https://backstage.example.com'] }"),
        [app, "https://a.example.com", "https://b.example.com"]
    );
    assert_eq!(origins("{ origin: false }"), [app]);
    assert_eq!(origins("{}"), [app]);
    let local = "app: { baseUrl: 'http://localhost:3000/base' }\nbackend: { baseUrl: 'http://localhost:7007' }";
    assert_eq!(read(local).allowed_origins, ["http://localhost:3000"]);
}

/// S-85: what create-app writes, in a production file that names the production addresses alone.
#[test]
fn s_85_an_insecure_origin_beside_an_address_on_https_takes_a_waiver() {
    let waiver = "auth: { providers: { awsalb: { dangerouslyAllowInsecureOrigins: true } } }";
    for origin in [
        "http://localhost:3000",
        "https://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "http://app.localhost:3000",
        "http://intranet.example.com",
        "http://backstage.example.com",
    ] {
        let cors = format!("backend: {{ cors: {{ origin: '{origin}' }} }}");
        let said = wrong(&cors);
        assert!(
            said.starts_with("backend.cors.origin (app-config.production.yaml:1): ") && said.contains(origin),
            "{said}"
        );
        assert!(said.contains("auth.providers.awsalb.dangerouslyAllowInsecureOrigins: true"), "{said}");
        let settings = read(&format!("{cors}\n{waiver}"));
        assert!(settings.allow_insecure_origins, "{origin}");
        assert_eq!(settings.allowed_origins, ["https://backstage.example.com", origin]);
    }
    assert!(!read("").allow_insecure_origins);
    // Each address that is not on https beside one that is.
    for (text, place) in [
        ("app: { baseUrl: 'http://localhost:3000' }", "app.baseUrl (app-config.production.yaml:1)"),
        ("backend: { baseUrl: 'http://localhost:7007' }", "backend.baseUrl (app-config.production.yaml:1)"),
        (
            "discovery: { endpoints: [{ target: 'http://auth.example.com/api/auth', plugins: [auth] }] }",
            "discovery.endpoints[0].target (app-config.production.yaml:1)",
        ),
    ] {
        let said = wrong(text);
        assert!(said.starts_with(place) && said.contains("dangerouslyAllowInsecureOrigins"), "{said}");
        read(&format!("{text}\n{waiver}"));
    }
    // One of the list, and a pattern that only looks like a name.
    let list = "backend: { cors: { origin: ['https://a.example.com', 'http://localhost:3000'] } }";
    assert!(wrong(list).contains("\"http://localhost:3000\" is not an origin for pages"), "{}", wrong(list));
    read("backend: { cors: { origin: 'https://localhost.example.com' } }");
    // On a laptop there is nothing on https, or nothing but the laptop.
    for scheme in ["http", "https"] {
        let laptop = format!(
            "app: {{ baseUrl: '{scheme}://localhost:3000' }}\nbackend: {{ baseUrl: '{scheme}://localhost:7007', \
             cors: {{ origin: 'http://localhost:3000' }} }}"
        );
        read(&laptop);
    }
}

/// S-68: a pattern that is not supported admits no origin.
#[test]
fn s_68_a_pattern_of_origins_admits_no_page_and_is_reported() {
    for pattern in
        ["*", "https://*.example.com", "https://{a,b}.example.com", "http*://example.com", "https://a?.example.com"]
    {
        let settings = read(&format!("backend: {{ cors: {{ origin: '{pattern}' }} }}"));
        assert_eq!(settings.allowed_origins, ["https://backstage.example.com"], "{pattern}");
        let told = settings.warnings.join("\n");
        assert!(told.contains("is a pattern") && told.contains("app-config.production.yaml:1"), "{told}");
    }
}

#[test]
fn connections_are_taken_where_backstage_would() {
    let listen = |written: &str| {
        let listen = read(&format!("backend: {{ listen: {written} }}")).listen;
        format!("{} {}", listen.host.as_deref().unwrap_or("every interface"), listen.port)
    };
    let usual = read("").listen;
    assert_eq!((usual.host, usual.port), (None, 7007));
    for (written, expected) in [
        ("':7008'", "every interface 7008"),
        ("'7008'", "every interface 7008"),
        ("'127.0.0.1:7008'", "127.0.0.1 7008"),
        ("'[::1]:7008'", "::1 7008"),
        ("{ host: localhost }", "localhost 7007"),
        ("{ port: 7008 }", "every interface 7008"),
        ("{ port: '${PORT}' }", "every interface 6432"),
    ] {
        assert_eq!(listen(written), expected, "{written}");
    }
    assert!(
        wrong("backend: { listen: 'localhost' }").contains("backend.listen (app-config.production.yaml:1) must be")
    );
    assert!(
        wrong("backend: { listen: { port: 70000 } }").contains("backend.listen.port (app-config.production.yaml:1)")
    );
}

#[test]
fn the_load_balancers_session_ends_by_its_own_name() {
    use http::{HeaderMap, Method, Response};
    let answer = |text: &str| -> Response<String> { read(text).sign_out.response(&Method::POST, &HeaderMap::new()) };
    let cookies = |answer: &Response<String>| {
        let all = answer.headers().get_all("set-cookie").iter();
        all.map(|value| value.to_str().expect("ASCII").split('=').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let usual = answer("");
    assert_eq!((usual.status().as_u16(), cookies(&usual)[0].as_str()), (204, "AWSELBAuthSessionCookie-0"));
    let own = answer(
        "auth: { providers: { awsalb: { sessionCookieName: corp, signOutUrl: 'https://idp.example.com/logout' } } }",
    );
    assert_eq!((own.status().as_u16(), cookies(&own)[0].as_str()), (303, "corp-0"));
    assert_eq!(own.headers()["location"], "https://idp.example.com/logout");
    let bad = wrong("auth: { providers: { awsalb: { sessionCookieName: 'a b', signOutUrl: nowhere } } }");
    assert!(bad.contains("auth.providers.awsalb.sessionCookieName (app-config.production.yaml:1)"), "{bad}");
    assert!(bad.contains("the end-session address"), "{bad}");
}
