//! Shared caches between the load balancer and the application: whose page the second of two users gets.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    Router,
    extract::{Path, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    response::IntoResponse,
    routing::any,
};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity,
    test_util::{MockAlb, User},
};

use super::{
    programs::{Limits, apache, nginx, squid, varnish},
    running::{Place, Running},
};
use crate::support::between::{CACHED, CACHES};

async fn listen(app: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends the headers of the column whose number is the path, and the value of the user's header.
async fn without_the_layer() -> SocketAddr {
    let page = async |Path(column): Path<usize>, request: Request| {
        let mut headers = HeaderMap::new();
        for (name, value) in CACHED[column].1 {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        (headers, request.headers()["x-amzn-oidc-data"].to_str().expect("ASCII").to_owned()).into_response()
    };
    listen(Router::new().route("/{column}", any(page))).await
}

/// The caches of the table, by its names.
async fn start(name: &str, upstream: SocketAddr) -> Running {
    let place = Place::new(upstream);
    let folder = place.folder();
    let command = match name {
        "nginx with `proxy_cache_valid`" => {
            let zone = format!("proxy_cache_path {folder}/cache keys_zone=pages:1m;");
            nginx(&place, &zone, "proxy_cache pages; proxy_cache_valid 200 1m;")
        }
        "Varnish" | "Varnish, requests with cookies" => varnish(Limits::Raised, &place, ""),
        "Squid" => squid(&place, "refresh_pattern . 0 20% 4320"),
        "Apache with mod_cache" => {
            apache(&place, &format!("CacheRoot {folder}\nCacheEnable disk /"), &["cache", "cache_disk"])
        }
        name => panic!("how is {name} started?"),
    };
    Running::start(place, command).await
}

/// Whose page the second user gets.
async fn second(running: &Running, path: &str, [jane, john]: &[String; 2], cookies: bool) -> String {
    let mut bodies = Vec::new();
    for token in [jane, john] {
        let mut lines = vec![("x-amzn-oidc-data", token.clone())];
        if cookies {
            lines.push(("cookie", format!("AWSELBAuthSessionCookie-0={}", token.len())));
        }
        let response = running.get(path, &lines).await;
        assert_eq!(response.cell(), "yes", "{response:?}: {}", running.output());
        bodies.push(response.body().to_owned());
    }
    match bodies[0] == bodies[1] {
        true => "other's".to_owned(),
        false => "own".to_owned(),
    }
}

#[tokio::test]
#[ignore = "peer: nginx, Varnish, Squid and Apache, installed by .ci/peers"]
async fn s_113_shared_caches_hand_pages_to_other_users_as_the_table_says() {
    let upstream = without_the_layer().await;
    let mut different = Vec::new();
    for (name, expected) in CACHES {
        let running = start(name, upstream).await;
        let mut found = Vec::new();
        for column in 0..CACHED.len() {
            let users = ["jane".to_owned(), "john".to_owned()];
            found.push(second(&running, &format!("/{column}"), &users, name.ends_with("cookies")).await);
        }
        if found != expected {
            different.push(format!("{name}: {found:?}, not {expected:?}"));
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

/// A handler behind the layer that sends nothing about caches, or what a file's time gives.
#[tokio::test]
#[ignore = "peer: nginx, Varnish, Squid and Apache, installed by .ci/peers"]
async fn s_113_no_shared_cache_hands_a_page_behind_the_layer_to_another_user() {
    let alb = MockAlb::new();
    let behind = async |layer: AlbAuthLayer| {
        let page = async |Path(column): Path<usize>, user: BackstageIdentity| {
            let mut headers = HeaderMap::new();
            for (name, value) in CACHED[column].1 {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            (headers, user.user_entity_ref().to_string()).into_response()
        };
        listen(Router::new().route("/{column}", any(page)).layer(layer)).await
    };
    let users = [alb.sign(&User::jane()), alb.sign(&User::entra("john"))];
    let (private, left) = (behind(alb.layer()).await, behind(alb.layer().leave_cache_control()).await);
    let mut shared = Vec::new();
    for (name, expected) in CACHES {
        let cookies = name.ends_with("cookies");
        let (private, left) = (start(name, private).await, start(name, left).await);
        for (column, path) in ["/0", "/1"].into_iter().enumerate() {
            if second(&private, path, &users, cookies).await != "own" {
                shared.push(format!("{name}, {}", CACHED[column].0));
            }
            // Otherwise the layer is not what prevents it.
            assert_eq!(second(&left, path, &users, cookies).await, expected[column], "{name}, {path}");
        }
    }
    assert_eq!(shared, Vec::<String>::new());
}
