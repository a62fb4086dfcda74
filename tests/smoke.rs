use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{AuthError, test_util::{MockAlb, User}};
#[tokio::test]
async fn smoke() {
    let alb = MockAlb::new();
    let svc = alb.layer().layer(service_fn(|r: Request<String>| async move { Ok::<_, std::convert::Infallible>(Response::new(format!("{:?}", r.extensions().get::<tower_alb_auth::BackstageIdentity>()))) }));
    let r: Response<String> = svc.oneshot(alb.request("/").user(&User::jane()).into()).await.unwrap();
    println!("{:?} {:?} {}", r.status(), r.extensions().get::<AuthError>(), r.body());
}
