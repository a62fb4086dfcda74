//! S-77: whom a shared cache may give an answer to.

use std::convert::Infallible;

use http::{
    Method, Request, Response, StatusCode, Version,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer,
    layer::Refuse,
    test_util::{MockAlb, MockRequest, User},
};

use crate::service::inside::jane;

/// What the handler answers with: its status, its content type, its own `Cache-Control`.
#[derive(Clone, Copy)]
struct Own(u16, &'static str, &'static [&'static str]);

const PAGE: Own = Own(200, "text/html", &[]);

impl Own {
    fn cache(values: &'static [&'static str]) -> Self {
        Self(200, "text/html", values)
    }
}

/// Status and `Cache-Control` of the answer.
async fn answered<R>(layer: &AlbAuthLayer<R>, own: Own, request: MockRequest<'_>) -> (u16, Vec<String>)
where
    R: Refuse<String, Body = String> + Clone,
{
    let service = layer.layer(service_fn(move |_: Request<String>| async move {
        let Own(status, content_type, values) = own;
        let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
        let response = values.iter().fold(response, |response, value| response.header(CACHE_CONTROL, *value));
        Ok::<_, Infallible>(response.body(String::new()).unwrap())
    }));
    let response = service.oneshot(request.into()).await.unwrap();
    let values = response.headers().get_all(CACHE_CONTROL).iter();
    (response.status().as_u16(), values.map(|value| value.to_str().unwrap().to_owned()).collect())
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn s_77_an_answer_without_cache_control_is_private_and_the_handlers_own_stays() {
    let alb = MockAlb::new();
    let nobody = || alb.request("/");
    let probe = || alb.request("/healthz");
    let (usual, left) = (alb.layer().optional().exempt_path("/healthz"), alb.layer().leave_cache_control().optional());
    let cases: [(&str, _, Own, _, &[&str]); 14] = [
        ("a user, key to be fetched", &usual, PAGE, jane(&alb), &["private"]),
        ("a user, key known", &usual, PAGE, jane(&alb), &["private"]),
        ("its own", &usual, Own::cache(&["public, max-age=60"]), jane(&alb), &["public, max-age=60"]),
        ("two of its own", &usual, Own::cache(&["no-cache", "max-age=0"]), jane(&alb), &["no-cache", "max-age=0"]),
        ("an empty one of its own", &usual, Own::cache(&[""]), jane(&alb), &[""]),
        ("nobody, for whom a user may get another answer", &usual, PAGE, nobody(), &["private"]),
        ("nobody, its own", &usual, Own::cache(&["public"]), nobody(), &["public"]),
        ("exempt", &usual, PAGE, probe(), &[]),
        ("a user, exempt", &usual, PAGE, probe().user(&User::jane()), &[]),
        ("moved", &usual, Own(302, "", &[]), jane(&alb), &["private"]),
        ("broken", &usual, Own(500, "", &[]), jane(&alb), &["private"]),
        ("left, key to be fetched", &left, PAGE, jane(&alb), &[]),
        ("left, key known", &left, Own::cache(&["max-age=60"]), jane(&alb), &["max-age=60"]),
        ("left, nobody", &left, PAGE, nobody(), &[]),
    ];
    for (case, layer, own, request, expected) in cases {
        assert_eq!(answered(layer, own, request).await, (own.0, strings(expected)), "{case}");
    }
}

/// What a request says it is, its sender has written; so an answer is judged by what it says itself.
#[tokio::test]
async fn s_77_answers_in_grpc_are_left_alone_and_others_are_not() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    for (asked, own, expected) in [
        ("application/grpc", "application/grpc", &[][..]),
        ("application/grpc+proto", "application/grpc+proto", &[]),
        ("application/grpc-web", "application/grpc-web+proto", &[]),
        ("application/grpc", "text/html", &["private"]),
        ("application/grpcx", "application/grpcx", &["private"]),
    ] {
        let request = jane(&alb).header("content-type", asked);
        let answer = answered(&layer, Own(200, own, &[]), request).await;
        assert_eq!(answer, (200, strings(expected)), "{asked}: {own}");
    }
}

#[tokio::test]
async fn s_77_no_refusal_is_stored() {
    let alb = MockAlb::new();
    let bad = || alb.request("/").token("bad");
    let grpc = || bad().method(Method::POST).version(Version::HTTP_2).header("content-type", "application/grpc");
    let public = Own::cache(&["public"]);
    for (case, layer) in [
        ("usual", alb.layer()),
        ("left", alb.layer().leave_cache_control()),
        ("JSON", alb.layer().refuse_with_backstage_json()),
    ] {
        assert_eq!(answered(&layer, public, bad()).await, (401, strings(&["no-store"])), "{case}");
        assert_eq!(answered(&layer, public, grpc()).await, (200, strings(&["no-store"])), "{case}, gRPC");
    }
    let refusing = |own: Option<&'static str>| {
        alb.layer().refuse_with(move |_, _| {
            let response = Response::builder().status(StatusCode::FOUND);
            let response = own.into_iter().fold(response, |response, own| response.header(CACHE_CONTROL, own));
            response.body(String::new()).unwrap()
        })
    };
    assert_eq!(answered(&refusing(None), public, bad()).await, (302, strings(&["no-store"])));
    assert_eq!(answered(&refusing(Some("no-cache")), public, bad()).await, (302, strings(&["no-cache"])));
}
