//! The emulator, its provider and the application in separate containers.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig,
    emulator::{
        ApplicationSettings, Emulator, EmulatorConfig, EmulatorSettings, IdentityProvider,
        provider::{DemoClient, DemoProvider},
    },
    sign_in::ClaimsOnly,
};

use crate::load_balancer::site::{Page, Site};

async fn mistakes(change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> String {
    match Emulator::start(change(EmulatorConfig::on_free_ports())).await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.problems().iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

#[tokio::test]
async fn s_147_keys_leave_this_machine_for_a_named_private_network_only() {
    let everywhere = (Ipv4Addr::UNSPECIFIED, 0).into();
    let found = mistakes(|config| config.keys_listen(everywhere)).await;
    assert!(
        found.contains("plain http proves nothing on a network") && found.contains("name the host by which"),
        "{found}"
    );
    for host in ["emulator.example.com", "8.8.8.8", "134744072", "", "emulator:9002", "emulator/x", "a b", "a@emulator"]
    {
        let found = mistakes(|config| config.keys_listen(everywhere).keys_host(host)).await;
        assert!(found.contains("is not the host of a private network"), "{host}: {found}");
    }
}

/// The key endpoint responds under the named host, and a page of another name gets nothing.
#[tokio::test]
async fn s_147_the_named_host_gets_keys_and_no_rotation_by_another_name() {
    let site = Site::with(|config| config.keys_host("emulator").keys_listen((Ipv4Addr::UNSPECIFIED, 0).into())).await;
    let (endpoint, kid) = (site.emulator.key_endpoint().to_owned(), site.emulator.kid());
    let port = endpoint.strip_prefix("http://emulator:").expect("the named host");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let at = format!("http://127.0.0.1:{port}");
    for (host, status) in [
        ("emulator", 200),
        (&*format!("EMULATOR:{port}"), 200),
        ("localhost", 200),
        ("emulator.evil.example", 403),
        ("evil", 403),
    ] {
        let key = client.get(format!("{at}/{kid}")).header("host", host).send().await.expect("a response");
        assert_eq!(key.status(), status, "{host}");
    }
    // From this machine. The test of network namespaces shows that another one gets 403.
    let rotation = client.post(format!("{at}/rotate")).header("x-alb-emulator", "rotate").send();
    assert_eq!(rotation.await.expect("a response").status(), 200);
    assert_ne!(site.emulator.kid(), kid);
}

/// What the emulator prints is what an application needs, in each of its forms.
#[tokio::test]
async fn f_67_the_printed_settings_name_the_host_on_the_other_side() {
    let config =
        || EmulatorConfig::on_free_ports().keys_host("emulator").keys_listen((Ipv4Addr::UNSPECIFIED, 0).into());
    let emulator = Emulator::start(config()).await.expect("a sound configuration");
    let claims_only = |builder: tower_alb_auth::AlbAuthConfigBuilder| builder.sign_in(ClaimsOnly).build();
    let by_code = claims_only(AlbAuthConfig::builder().trust(emulator.trusted())).expect("it builds");
    let by_env =
        claims_only(AlbAuthConfig::trust_from_vars(emulator.env()).expect("known variables")).expect("it builds");
    assert_eq!(by_code.key_endpoints(), by_env.key_endpoints());
    let settings = ApplicationSettings::of(&emulator, &["example.com".to_owned()]);
    assert!(settings.to_env_file().contains("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM=emulator\n"));
    assert!(settings.to_rust().contains(".dangerously_fetch_keys_over_http_from(\"emulator\")"));
    let app_config = settings.to_app_config();
    let read = tower_alb_auth::config::AppConfig::from_text("app-config.yaml", &app_config, |_| None).expect("YAML");
    let by_file = read.alb_auth().expect("settings").build().expect("it builds");
    assert_eq!(by_code.key_endpoints(), by_file.key_endpoints());
    // On one machine nothing of it is printed.
    let local = Emulator::start(EmulatorConfig::on_free_ports()).await.expect("a sound configuration");
    assert_eq!(local.env().len(), 4);
    assert!(!ApplicationSettings::of(&local, &[]).to_app_config().contains("dangerouslyFetch"));
}

/// A provider whose issuer is an address that browsers alone can reach.
#[tokio::test]
async fn f_68_the_provider_is_reached_at_another_address_than_browsers_use() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    // Nothing listens there, so only the other address can work.
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let issuer = format!("http://idp.localhost:{}", unused.local_addr().expect("an address").port());
    drop(unused);
    let app = Site::with(|config| {
        config
            .provider(IdentityProvider::discover(&issuer))
            .client("web", "s3cr3t")
            .provider_address(address.to_string())
    })
    .await;
    let client = DemoClient::new("web", "s3cr3t").redirect_uri(app.emulator.redirect_uri());
    let provider = DemoProvider::builder().issuer(&issuer).client(client).auto_sign_in("jane").serve(listener);
    let _provider = provider.expect("a sound provider");

    let browser = app.browser();
    let to_provider = browser.get("/page").await.location().to_owned();
    assert!(to_provider.starts_with(&issuer), "{to_provider}");
    // The browser of this test reaches it where the emulator does.
    let there = to_provider.replacen(&issuer, &format!("http://{address}"), 1);
    let host = issuer.trim_start_matches("http://");
    let back = Page::of(browser.client.get(there).header("host", host).send().await.expect("a response")).await;
    let back = browser.visit(back.location()).await;
    assert_eq!(back.status, 302, "{back:?}");
    let page = browser.visit(back.location()).await;
    assert!(page.user().is_some_and(|user| user.contains("jane")), "{page:?}");
}

#[tokio::test]
async fn s_147_another_address_of_the_provider_is_one_of_a_private_network() {
    let issuer = "http://idp.localhost:8080";
    let with = |issuer: &str, address: &str| {
        let (issuer, address) = (issuer.to_owned(), address.to_owned());
        mistakes(move |config| {
            let config = config.target("http://127.0.0.1:9").client("web", "s3cr3t");
            config.provider(IdentityProvider::discover(issuer)).provider_address(address)
        })
    };
    for address in ["keycloak", "http://keycloak:8080", "keycloak:0", "", "a@keycloak:80", "keycloak:8080/x"] {
        let found = with(issuer, address).await;
        assert!(found.contains("write host:port"), "{address}: {found}");
    }
    for address in ["keycloak.example.com:8080", "8.8.8.8:80", "134744072:80"] {
        let found = with(issuer, address).await;
        assert!(found.contains("without TLS"), "{address}: {found}");
    }
    assert_eq!(with(issuer, "keycloak:8080").await, "none");
    assert_eq!(with(issuer, "127.0.0.1:8080").await, "none");
    // Over https the certificate decides.
    assert_eq!(with("https://idp.example.com", "203.0.113.7:443").await, "none");
    let found = mistakes(|config| config.provider_address("keycloak:8080")).await;
    assert!(found.contains("the demo provider is a part of the emulator"), "{found}");
}

/// Another container calls the emulator by the name of its service.
#[tokio::test]
async fn more_hosts_are_those_of_the_settings() {
    let settings = EmulatorSettings { more_hosts: vec!["emulator".to_owned()], ..Default::default() };
    let listed = settings.to_config().expect("sound").listen((Ipv4Addr::LOCALHOST, 0).into());
    let listed = listed.keys_listen((Ipv4Addr::LOCALHOST, 0).into()).target("http://127.0.0.1:9");
    let listed = listed.provider(IdentityProvider::demo((Ipv4Addr::LOCALHOST, 0).into()));
    let emulator = Emulator::start(listed).await.expect("sound");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    for (host, status) in [("emulator", 302), ("emulator:9000", 302), ("other", 400)] {
        let response = client.get(format!("http://{}", emulator.address())).header("host", host).send().await.unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
}
