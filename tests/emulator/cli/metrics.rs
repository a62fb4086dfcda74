//! `--metrics` of the program.

use crate::cli::{
    program::{program, run},
    running::{FREE_PORTS, Running},
};

#[tokio::test]
async fn metrics_are_served_at_the_address_that_is_printed() {
    let mut command = program(&FREE_PORTS);
    command.args(["--metrics", "0", "--target", "http://127.0.0.1:1"]);
    let running = Running::start(command);
    let browser = running.browser();
    assert_eq!(running.get(&browser, "/oauth2/idpresponse").await.0, 401);
    let text = browser.get(running.named("Metrics")).send().await.expect("a response").text().await.expect("a text");
    for counted in [
        "alb_emulator_responses_total{outcome=\"callback\",class=\"4xx\"} 1",
        "alb_emulator_sign_ins_total{result=\"failed\"} 1",
        "alb_emulator_bearer_tokens_total{result=\"refused\"} 0",
    ] {
        assert!(text.lines().any(|line| line == counted), "{counted}: {text}");
    }
}

#[test]
fn a_port_that_is_taken_names_the_flag_and_a_provider_alone_has_no_metrics() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended =
        run(program(&[&FREE_PORTS[..], &["--metrics", &address, "--target", "http://127.0.0.1:1"]].concat()), "");
    assert_eq!(ended.code, 2, "{ended:?}");
    for part in ["the server of the metrics cannot listen at", &address, "(--metrics)"] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    let ended = run(program(&["--provider-only", "--redirect-uri", "http://localhost:3000/", "--metrics", "0"]), "");
    assert!(ended.code == 2 && ended.stderr.contains("--metrics"), "{ended:?}");
}
