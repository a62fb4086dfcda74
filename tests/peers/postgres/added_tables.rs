//! The statements of docs/OPERATING.md for the deny list, run by the owner of the schema, for a user without the right to create tables.

use tower_alb_auth::{backstage::store::postgres::PostgresDenyList, deny_list::Denied};

use crate::{
    postgres::people::{JANE, Replica, entity},
    support::postgres::{
        backstage::migrate_all,
        database::AUTH,
        server::{PASSWORD, Server},
    },
};

const PAGE: &str = include_str!("../../../docs/OPERATING.md");

/// The block of SQL under the heading.
fn statements() -> &'static str {
    let (_, section) = PAGE.split_once("\n### Tables of the deny list\n").expect("the section");
    let (_, block) = section.split_once("```sql\n").expect("a block");
    block.split_once("```").expect("its end").0
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_78_the_tables_of_the_page_are_enough_for_a_user_who_may_create_none() {
    let server = Server::start();
    let owner = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let user = "without_create";
    let role = format!(
        "revoke create on schema public from public; create role {user} login password '{PASSWORD}'; \
         grant select, insert, update, delete on all tables in schema public to {user}"
    );
    owner.batch_execute(&role).await.expect("a role");
    let database = server.stores(AUTH).user(user).build().expect("sound settings");
    let open = async || -> Result<PostgresDenyList, _> { database.deny_list().await };
    let error = open().await.expect_err("no right to create the table").to_string();
    assert!(error.contains("permission denied"), "{error}");

    owner.batch_execute(&statements().replace("to backstage;", &format!("to {user};"))).await.expect("the page's SQL");
    let denied = open().await.expect("the table is there");
    let replica = Replica::start_with(&database, |layer| layer.deny_list(denied.list()));
    replica.auth.share_accounts(&denied).await.expect("the table is there");
    let token = replica.sign_in().await;
    let user_info = async || replica.get("/api/auth/v1/userinfo", Some(&token)).await.0;
    assert_eq!(user_info().await, 200);
    let jane = Denied::user(entity(JANE));
    denied.deny(&jane).await.expect("written");
    assert_eq!(user_info().await, 403);
    denied.allow(&jane).await.expect("removed");
    assert_eq!(user_info().await, 200);
}
