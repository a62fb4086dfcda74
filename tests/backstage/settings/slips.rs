//! Slips of the pen: each is reported beside all others, with the name that was meant.

use tower_alb_auth::{backstage::settings::Check, config::AppConfig};

const FILES: &str = "
app: { baseUrl: https://backstage.example.com }
backend:
  baseUrl: https://backstage.example.com
  database:
    client: pg
    connection: { host: db.example.com, user: backstage, pasword: p, ssl: { ca: x, rejectUnauthorised: true, other: 1 } }
auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [backstage]
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityNam
            allowedDomains: ['@example.com']
            alowedAddresses: [x@example.org]
";

fn check(text: &str) -> Check {
    Check::of(&AppConfig::from_text("app-config.yaml", text, |_| None).expect("YAML"))
}

#[test]
fn an_unknown_resolver_hides_no_mistake_in_its_options() {
    let check = check(FILES);
    let problems: Vec<String> = check.problems().iter().map(ToString::to_string).collect();
    for part in
        ["Did you mean emailLocalPartMatchingUserEntityName?", "Did you mean allowedAddresses?", "\"@example.com\""]
    {
        assert_eq!(problems.iter().filter(|problem| problem.contains(part)).count(), 1, "{part}: {problems:#?}");
    }
    // Nor is a resolver that is like none taken for one.
    let other = self::check(&FILES.replace("emailLocalPartMatchingUserEntityNam", "usernameMatchingUserEntityName"));
    assert!(!other.is_sound(), "{other}");
}

#[test]
fn a_member_of_the_connection_that_is_unknown_says_what_was_meant() {
    let check = check(FILES);
    let ignored = |key: &str| {
        let warning = check.warnings().iter().find(|warning| warning.contains(&format!(".{key} ")));
        warning.unwrap_or_else(|| panic!("{key}: {check}")).clone()
    };
    assert!(ignored("pasword").ends_with("it is not a known setting. Did you mean password?"), "{check}");
    assert!(ignored("rejectUnauthorised").ends_with("Did you mean rejectUnauthorized?"), "{check}");
    assert!(ignored("other").ends_with("it is not a known setting"), "{check}");
}
