//! Emails and names of the catalog to entity refs, against regular expressions.

use std::sync::LazyLock;

use regex::Regex;
use tower_alb_auth::{
    BackstageIdentity, EntityRef, fuzzing,
    sign_in::{EmailLocalPart, EmailSignIn, SignInResolver, WholeEmail},
    test_util::User,
};

static REF: LazyLock<Regex> = LazyLock::new(|| {
    let name = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
    let namespace = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
    regex(&format!("^([A-Za-z][A-Za-z0-9]{{0,62}}):({namespace})/({name})$"))
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| regex(r"^([A-Za-z0-9._+'&-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)$"));
/// `normalizeEntityName` of Backstage's module for Microsoft Graph, for the characters that an address may have.
static RUN: LazyLock<Regex> = LazyLock::new(|| regex("['&_]*['&][_'&]*|_{2,}"));

fn regex(text: &str) -> Regex {
    // `$` is the end of the text, not of a line.
    Regex::new(text).expect("a regular expression")
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    entity_ref(text);
    email(text);
}

fn entity_ref(text: &str) {
    let read = text.parse::<EntityRef>().ok();
    let Some(parts) = REF.captures(text) else {
        assert!(read.is_none());
        return;
    };
    let read = read.expect("a ref");
    assert_eq!(read.as_str(), text.to_ascii_lowercase());
    let lower = [&parts[1], &parts[2], &parts[3]].map(str::to_ascii_lowercase);
    assert_eq!([read.kind(), read.namespace(), read.name()], lower.each_ref().map(String::as_str));
    assert_eq!(EntityRef::new(&parts[1], &parts[2], &parts[3]).ok().as_ref(), Some(&read));
}

fn email(text: &str) {
    let parts = EMAIL.captures(text).filter(|_| text.len() <= 254);
    let parts =
        parts.as_ref().map(|parts| (parts.get(1).expect("local").as_str(), parts.get(2).expect("domain").as_str()));
    assert_eq!(fuzzing::email(text), parts);

    let user = User::empty().claim("sub", "subject").claim("email", text).claim("email_verified", true);
    let identity = BackstageIdentity::builder("user:default/x").claims(user).build().expect("an identity");
    let named = |policy: EmailSignIn| {
        let policy: &dyn SignInResolver = &policy;
        fuzzing::user_of(policy, identity.claims()).map(|user| user.as_str().to_owned())
    };
    let ours = parts.filter(|(_, domain)| domain.eq_ignore_ascii_case("example.com"));
    let written = |local: &str| RUN.replace_all(local, "_").into_owned();

    let local_part = ours.map(|(local, _)| written(local));
    assert_eq!(named(EmailLocalPart::in_domains(["example.com"])), local_part.and_then(|name| entity_of(&name)));
    let stripped = ours.map(|(local, _)| written(local.split('+').next().unwrap_or_default()));
    assert_eq!(
        named(EmailLocalPart::in_domains(["example.com"]).strip_plus_suffix()),
        stripped.and_then(|name| entity_of(&name))
    );
    let whole = ours.map(|(local, domain)| (written(local), domain));
    let whole = whole.filter(|(local, _)| !local.ends_with('_')).map(|(local, domain)| format!("{local}_{domain}"));
    assert_eq!(named(WholeEmail::in_domains(["example.com"])), whole.and_then(|name| entity_of(&name)));
}

fn entity_of(name: &str) -> Option<String> {
    let text = format!("user:default/{name}");
    REF.is_match(&text).then(|| text.to_ascii_lowercase())
}
