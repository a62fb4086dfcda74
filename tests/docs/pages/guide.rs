//! The files and values that docs/GUIDE.md names, against the code.

use tower_alb_auth::{
    backstage::settings::{BackstageSettings, Check},
    config::AppConfig,
};

use crate::pages::page::{blocks, prose, read, sources};

const PAGE: &str = "docs/GUIDE.md";

fn variables(name: &str) -> Option<String> {
    match name {
        "TENANT_ID" => Some("0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61".to_owned()),
        "POSTGRES_PASSWORD" => Some("a-password".to_owned()),
        _ => None,
    }
}

/// Present in a complete file, and absent in a part of one.
const WHOLE: &str = "awsalb:";

#[test]
fn every_file_of_the_guide_starts_a_service() {
    let mut checked = 0;
    for block in blocks(&read(PAGE), "yaml").iter().filter(|block| block.contains(WHOLE)) {
        let check = Check::of(&AppConfig::from_text(PAGE, block, variables).expect("YAML"));
        assert!(check.is_sound(), "{check}");
        // Every key on the page has an effect.
        assert!(!check.lines().iter().any(|line| line.starts_with("ignored")), "{check}");
        checked += 1;
    }
    assert_eq!(checked, 2);
}

/// Each part of a file is merged over the first complete file.
#[test]
fn every_part_of_a_file_fits_into_the_whole_one() {
    let all = blocks(&read(PAGE), "yaml");
    let whole = all.iter().find(|block| block.contains(WHOLE)).expect("a whole file");
    let mut checked = 0;
    for part in all.iter().filter(|block| !block.contains(WHOLE)) {
        let earlier = AppConfig::from_text("app-config.yaml", whole, variables).expect("YAML");
        let over = AppConfig::from_text(PAGE, part, variables).expect("YAML").over(earlier);
        let check = Check::of(&over);
        assert!(check.is_sound(), "{check}");
        checked += 1;
    }
    assert_eq!(checked, 2);
}

/// The catalog is queried at the address in the part, not through the load balancer.
#[test]
fn the_catalogs_own_address_is_taken() {
    let all = blocks(&read(PAGE), "yaml");
    let whole = all.iter().find(|block| block.contains(WHOLE)).expect("a whole file");
    let part = all.iter().find(|block| block.contains("plugins: [catalog]")).expect("the catalog's part");
    let earlier = AppConfig::from_text("app-config.yaml", whole, variables).expect("YAML");
    let files = AppConfig::from_text(PAGE, part, variables).expect("YAML").over(earlier);
    let settings = BackstageSettings::read(&files).expect("sound");
    assert_eq!(settings.catalog.url, "https://backstage-backend.internal.example.com/api/catalog");
    assert_eq!(settings.auth_url, "https://backstage.example.com/api/auth");
}

#[test]
fn each_value_that_a_sign_in_needs_is_named() {
    let page = read(PAGE);
    let text = prose(&page);
    for part in [
        "https://backstage.example.com/oauth2/idpresponse",
        "identifier URI",
        "client secret",
        "Assignment required",
        "https://login.microsoftonline.com/<tenant>/v2.0",
        "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token",
        "https://graph.microsoft.com/oidc/userinfo",
        "Session cookie name",
        "604800",
        "`openid profile email`",
        "`offline_access`",
        "Action on unauthenticated request",
        "security group",
        "`email_verified`",
        "`oid`",
        "groups and roles",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.matches("**On a laptop").count() >= 4, "every step also works on a laptop");
}

/// The log messages that the page quotes exist.
#[test]
fn the_log_has_what_its_setting_selects() {
    let (page, sources) = (read(PAGE), sources(&["src/sign_in"]));
    let sentence = "there is no claim email";
    assert!(page.contains(&format!("`{sentence}`")) && sources.contains(sentence), "{sentence}");
}

/// The flags on the page are those of the program.
#[test]
fn flags_of_the_service_are_those_that_it_has() {
    let (page, arguments) = (read(PAGE), read("src/bin/backstage-auth/cli.rs"));
    for flag in ["listen", "upstream", "without_catalog", "create_tables", "replicas"] {
        assert!(page.contains(&format!("--{}", flag.replace('_', "-"))), "--{flag} is missing on the page");
        assert!(arguments.contains(&format!("pub {flag}: ")), "--{flag} is not a flag of the service");
    }
}
