//! What users own for: their groups, and those above them.

use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    sign_in::{Catalog, CatalogBuilder},
    test_util::{MockAlb, User},
};

use crate::catalog::server::{CatalogServer, group, user};

/// The ownership of Jane.
async fn owned(server: &CatalogServer, transitive: bool) -> Result<Vec<String>, u16> {
    let builder = Catalog::at(server.url()).token("t");
    owned_by(if transitive { builder.transitive_groups() } else { builder }).await
}

async fn owned_by(builder: CatalogBuilder) -> Result<Vec<String>, u16> {
    let alb = MockAlb::new();
    let policy = builder.build().expect("sound").by_profile_email();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound"));
    let request = alb.request("/").user(&User::jane()).body(());
    let user = layer.handle().authenticate(request.headers()).await.map_err(|error| error.status().as_u16())?;
    let refs = user.identity().expect("an identity").ownership_entity_refs();
    Ok(refs.iter().map(|entity| entity.as_str().to_owned()).collect())
}

fn jane(groups: &[&str]) -> Value {
    user("jane", "jane.doe@example.com", groups)
}

#[tokio::test]
async fn direct_groups_in_the_catalogs_order_and_nothing_else() {
    let server = CatalogServer::start([
        jane(&[
            "group:default/b",
            "group:default/a",
            "system:default/x",
            "nonsense",
            "Group:default/B",
            "GROUP:Default/A",
        ]),
        group("a", Some("group:default/top")),
    ])
    .await;
    // Canonical and each once, as a stock auth backend writes them since 0.31.
    assert_eq!(owned(&server, false).await.expect("in"), ["user:default/jane", "group:default/b", "group:default/a"]);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn parents_too_where_that_is_enabled_each_once_in_bounded_steps() {
    let server = CatalogServer::start([
        jane(&["group:default/a", "group:default/b"]),
        group("a", Some("group:default/top")),
        group("b", Some("group:default/top")),
        group("top", Some("group:default/a")),
    ])
    .await;
    let all = ["user:default/jane", "group:default/a", "group:default/b", "group:default/top"];
    assert_eq!(owned(&server, true).await.expect("in"), all);
    let asked: Vec<String> = server.asked().into_iter().map(|(question, _)| question).collect();
    assert_eq!(asked[1..], ["refs group:default/a group:default/b", "refs group:default/top"]);

    // A chain that is longer than any organisation.
    let chain = (0..40).map(|number| group(&format!("g{number}"), Some(&format!("group:default/g{}", number + 1))));
    let server = CatalogServer::start(chain.chain([jane(&["group:default/g0"])])).await;
    assert_eq!(owned(&server, true).await, Err(403));
    assert!(server.asked().len() <= 18);
}

/// A question has a bound, so many groups are asked for in parts; all of them count.
#[tokio::test]
async fn many_groups_are_requested_in_parts() {
    let names: Vec<String> = (0..250).map(|number| format!("group:default/g{number}")).collect();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = group("g249", Some("group:default/top"));
    let server = CatalogServer::start([jane(&refs), last]).await;
    let owned = owned(&server, true).await.expect("in");
    assert_eq!((owned.len(), owned.last().map(String::as_str)), (252, Some("group:default/top")));
    let asked: Vec<usize> =
        server.asked().into_iter().map(|(question, _)| question.matches("group:").count()).collect();
    assert_eq!(asked, [0, 100, 100, 50, 1]);
}

#[tokio::test]
async fn a_catalog_that_fails_halfway_signs_no_user_in_with_half_the_groups() {
    let server = CatalogServer::start([jane(&["group:default/a"])]).await;
    // Last in, first out: the user's own answer is the catalog's, that of the groups is not.
    let alb = MockAlb::new();
    let policy = Catalog::at(server.url()).token("t").transitive_groups().build().expect("sound").by_profile_email();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound"));
    let request = alb.request("/").user(&User::jane()).body(());
    assert!(layer.handle().authenticate(request.headers()).await.is_ok());
    server.answer_instead(9, 500, "");
    assert_eq!(owned(&server, true).await, Err(503));
}

#[tokio::test]
async fn groups_of_the_catalog_meet_requirements() {
    let server = CatalogServer::start([jane(&["group:default/admins"])]).await;
    let alb = MockAlb::new();
    let policy = Catalog::at(server.url()).token("t").build().expect("sound").by_profile_email();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound"));
    for (entity, status) in [("group:default/admins", 200), ("group:default/other", 403)] {
        let inner = service_fn(async |_: http::Request<String>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
        let app = layer.layer(RequireLayer::owner_of_any([entity]).expect("a ref").layer(inner));
        let answer = app.oneshot(alb.request("/").user(&User::jane()).into()).await.expect("infallible");
        assert_eq!(answer.status().as_u16(), status, "{entity}");
    }
}

/// Parents of groups that were not queried are not the user's.
#[tokio::test]
async fn only_the_groups_that_were_requested_have_parents() {
    let server = CatalogServer::start([jane(&["group:default/staff"]), group("staff", None)]).await;
    let asking = server.clone();
    let questions = AtomicUsize::new(0);
    let other = json!({ "items": [group("ops", Some("group:default/admins"))] }).to_string();
    let catalog = Catalog::at(server.url()).transitive_groups().token_from(move || {
        // The second question is the one for the groups.
        if questions.fetch_add(1, Ordering::SeqCst) == 1 {
            asking.answer_instead(1, 200, &other);
        }
        ready(Ok("t".to_owned()))
    });
    let owned = owned_by(catalog).await.expect("signed in");
    assert_eq!(owned, ["user:default/jane", "group:default/staff"]);
}
