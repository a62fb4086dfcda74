//! F-65: the lines of a request join the load balancer's access log by the trace id.

use serde_json::Value;

use crate::service::site::Site;

#[tokio::test]
async fn f_65_the_span_of_a_request_has_the_trace_id_of_the_load_balancer() {
    let site = Site::with(&["--log-format", "json"]).await;
    site.signed_in("jane").await.session().await;
    let log = site.service.wait_until_it_logs("finished processing request");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ids = lines.filter_map(|line| line["span"]["trace_id"].as_str().map(str::to_owned));
    assert!(ids.any(|id| id.starts_with("Root=1-")), "{log}");
}
