//! Hosts with a label too few.

use crate::site::{Site, raw, settings, status, trust};

/// With another final dot it is another host to nginx, Traefik and most virtual hosts, which then serve their first one.
#[tokio::test]
async fn s_222_a_host_with_an_empty_label_is_not_the_host_without_it() {
    let site = Site::with(
        "forward_auth_by_original_request: true\nrules:\n  - { host: open.example.com, access: optional }\n  \
         - { host: '*.below.example.com', access: optional }\n",
    )
    .await;
    let in_front = async |host: &str| {
        let request = format!("GET /page HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let forwarded = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-method: GET\r\nx-forwarded-uri: /page\r\n\
             x-forwarded-host: {host}\r\n\r\n"
        );
        (status(&site.raw(&request).await), status(&raw(site.forward_auth(), forwarded.as_bytes()).await))
    };
    for host in ["open.example.com", "open.example.com.", "OPEN.example.com.:80", "a.below.example.com"] {
        assert_eq!(in_front(host).await, (200, 200), "{host}");
    }
    for host in [
        "open.example.com..",
        "open.example.com..:80",
        "open.example.com...",
        ".open.example.com",
        ".below.example.com",
        "..below.example.com",
        "a..below.example.com",
    ] {
        assert_eq!(in_front(host).await, (400, 401), "{host}");
    }
}

#[tokio::test]
async fn s_222_a_rule_names_no_host_with_an_empty_label() {
    let trust = trust(&tower_alb_auth::test_util::MockAlb::new()).await;
    let with = |host: &str| {
        settings(&format!("{trust}upstream: http://127.0.0.1:1\nrules:\n  - {{ host: '{host}', access: optional }}\n"))
    };
    for host in ["app.example.com", "app.example.com.", "*.example.com"] {
        assert!(with(host).is_ok(), "{host}");
    }
    for host in ["app.example.com..", "app..example.com", "*.example..com", "*..", "."] {
        let error = with(host).err().unwrap_or_else(|| panic!("{host} is accepted"));
        assert_eq!(error.problems().len(), 1, "{error}");
        assert_eq!(error.problems()[0].key(), Some("rules[0].host"), "{host}");
    }
}
