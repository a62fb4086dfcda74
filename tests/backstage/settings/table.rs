//! The table of keys against the reader: a key that the table calls used is read.

use std::fs;

use tower_alb_auth::backstage::settings::Check;

use crate::settings::config;

/// Values that no setting accepts: a reader of the key reports at least one of them.
const WRONG: [&str; 4] = ["[[x]]", "{ nothing: [x] }", r#""\u0001""#, "-1"];

/// What the rest of the files has: some keys are read only beside others.
const RESTS: [&str; 2] = [
    "
app: { baseUrl: https://backstage.example.com }
backend:
  baseUrl: https://backstage.example.com
  database:
    client: pg
    connection: { host: db.example.com, user: backstage, password: secret }
auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [backstage]
      signIn:
        resolvers:
          - resolver: emailMatchingUserEntityProfileEmail
",
    "
app: { baseUrl: https://backstage.example.com }
backend: { baseUrl: https://backstage.example.com }
auth: { keyStore: { provider: static } }
",
];

/// The paths that `src/backstage/settings/rules.rs` declares as used.
fn used() -> Vec<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/backstage/settings/rules.rs");
    let text = fs::read_to_string(source).expect("the table");
    let declared =
        text.split("used(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let paths: Vec<String> = declared.map(str::to_owned).collect();
    assert!(paths.len() >= 40, "{paths:?}");
    paths
}

/// A file in which the key has this value.
fn file(path: &str, value: &str) -> String {
    let names: Vec<&str> = path.split('.').collect();
    let lines = names.iter().enumerate().map(|(depth, name)| {
        let value = if depth + 1 == names.len() { format!(" {value}") } else { String::new() };
        format!("{}{name}:{value}\n", "  ".repeat(depth))
    });
    lines.collect()
}

#[test]
fn every_key_that_the_table_calls_used_is_read() {
    let mut unread = Vec::new();
    for path in used() {
        let tries = RESTS.iter().flat_map(|rest| WRONG.iter().map(move |value| (rest, value)));
        let is_reported = tries.into_iter().any(|(rest, value)| {
            let (usual, check) = (Check::of(&config(rest)), Check::of(&config(&file(&path, value)).over(config(rest))));
            let mut found = check.problems().iter().filter(|problem| !usual.problems().contains(problem));
            found.any(|problem| {
                problem.key().is_some_and(|key| key.starts_with(&path)) || problem.to_string().contains(&path)
            })
        });
        if !is_reported {
            unread.push(path);
        }
    }
    assert_eq!(unread, Vec::<String>::new());
}
