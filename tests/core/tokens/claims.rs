//! Whatever a provider says of a user comes out as it went in.

use std::{collections::BTreeMap, convert::Infallible, sync::LazyLock};

use futures::FutureExt as _;
use http::{Request, Response};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    test_runner::Config,
};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuth, AlbAuthLayer, Claims,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::tokens::{forge::encode, gate::fixed_keys};

/// The names that [`Claims`] or the layer reads; everything else is the provider's to choose.
const READ: [&str; 11] =
    ["sub", "iss", "exp", "nbf", "iat", "name", "given_name", "family_name", "email", "email_verified", "picture"];

static ALB: LazyLock<MockAlb> = LazyLock::new(MockAlb::new);

/// A user, as a provider may describe one.
#[derive(Debug, Clone)]
struct Described {
    sub: String,
    /// `name`, `given_name`, `family_name`, `picture`.
    shown: [Option<String>; 4],
    email: Option<String>,
    email_verified: Option<bool>,
    others: BTreeMap<String, Value>,
    /// Whether everything beyond ASCII is written in escapes, and whether the members of the provider come first.
    escaped: bool,
    others_first: bool,
    padded: bool,
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_user_comes_through_as_described(user in described()) {
        let claims = claims_of(&user.token()).expect("a good token");
        let [name, given_name, family_name, picture] = &user.shown;
        prop_assert_eq!(claims.subject(), &user.sub);
        prop_assert_eq!(claims.issuer(), ALB.issuer());
        prop_assert_eq!(claims.name(), name.as_deref());
        prop_assert_eq!(claims.given_name(), given_name.as_deref());
        prop_assert_eq!(claims.family_name(), family_name.as_deref());
        prop_assert_eq!(claims.picture(), picture.as_deref());
        prop_assert_eq!(claims.email(), user.email.as_deref());
        prop_assert_eq!(claims.email_verified(), user.email_verified);
        for (name, value) in &user.others {
            prop_assert_eq!(claims.get::<Value>(name), Ok(Some(value.clone())), "{}", name);
        }
        for (name, text) in [("sub", Some(&user.sub)), ("email", user.email.as_ref()), ("name", name.as_ref())] {
            prop_assert_eq!(claims.get::<String>(name), Ok(text.cloned()), "{}", name);
        }
        prop_assert_eq!(claims.get::<Value>("nobody\u{1}said this"), Ok(None));
    }

    #[test]
    fn any_subject_with_a_control_character_is_refused(before in text(0..20), after in text(0..20), control in control()) {
        let user = User::okta("x").claim("sub", format!("{before}{control}{after}"));
        prop_assert_eq!(claims_of(&ALB.sign(&user)), Err(401));
        let user = User::okta("x").claim("email", format!("{before}{control}{after}"));
        prop_assert_eq!(claims_of(&ALB.sign(&user)), Err(401));
    }
}

#[test]
fn a_subject_has_255_characters_at_most_whatever_they_are() {
    for letter in ["a", "é", "語", "😀"] {
        let with_length = |length: usize| ALB.sign(&User::empty().claim("sub", letter.repeat(length)));
        assert!(claims_of(&with_length(255)).is_ok(), "{letter}");
        assert_eq!(claims_of(&with_length(256)).map(drop), Err(401), "{letter}");
    }
}

#[test]
fn a_picture_that_is_too_long_is_left_out_and_the_user_let_in() {
    let with_length = |length: usize| ALB.sign(&User::jane().claim("picture", "p".repeat(length)));
    assert_eq!(claims_of(&with_length(2048)).expect("let in").picture().map(str::len), Some(2048));
    assert_eq!(claims_of(&with_length(2049)).expect("let in").picture(), None);
}

impl Described {
    fn token(&self) -> String {
        let mut members = BTreeMap::from([("sub", json!(self.sub)), ("iss", json!(ALB.issuer()))]);
        members.insert("exp", json!(ALB.unix_now() + 100));
        for (name, text) in ["name", "given_name", "family_name", "picture"].into_iter().zip(&self.shown) {
            members.extend(text.as_ref().map(|text| (name, json!(text))));
        }
        members.extend(self.email.as_ref().map(|email| ("email", json!(email))));
        members.extend(self.email_verified.map(|verified| ("email_verified", json!(verified))));
        let own: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        let others: Vec<String> = self.others.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        let members = if self.others_first { [others, own].concat() } else { [own, others].concat() };
        let json = format!("{{{}}}", members.join(","));
        let json = if self.escaped { in_escapes(&json) } else { json };
        let token = ALB.token(&User::empty()).raw_payload(json);
        if self.padded { token.sign() } else { token.unpadded().sign() }
    }
}

/// What the handler gets to see, or the status of the refusal.
fn claims_of(token: &str) -> Result<Seen, u16> {
    static APP: LazyLock<App> = LazyLock::new(|| {
        let builder = ALB.config_builder().fixed_keys(fixed_keys(&ALB)).sign_in(ClaimsOnly);
        AlbAuthLayer::new(builder.build().expect("a sound configuration")).layer(service_fn(hand_out))
    });
    let request = ALB.request("/").token(token).into();
    let response = APP.clone().oneshot(request).now_or_never().expect("nothing to wait for").expect("infallible");
    let status = response.status().as_u16();
    response.extensions().get::<Claims>().map(|claims| Seen(claims.clone())).ok_or(status)
}

type App = AlbAuth<tower::util::ServiceFn<fn(Request<String>) -> std::future::Ready<HandedOut>>>;
type HandedOut = Result<Response<String>, Infallible>;

fn hand_out(request: Request<String>) -> std::future::Ready<HandedOut> {
    let mut response = Response::new(String::new());
    response.extensions_mut().insert(Claims::of(request.extensions()).expect("claims").clone());
    std::future::ready(Ok(response))
}

/// Claims that a refusal can be compared with.
#[derive(Debug)]
struct Seen(Claims);

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.0.stable_id() == other.0.stable_id()
    }
}

impl std::ops::Deref for Seen {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0
    }
}

/// Everything that is not ASCII as `\u` and four digits. Outside of strings JSON is ASCII.
fn in_escapes(json: &str) -> String {
    let escape = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escape(c) }).collect()
}

fn is_control(c: char) -> bool {
    // The property Bidi_Control of Unicode.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text without what refuses a subject or an email.
fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let letters = prop_oneof![any::<char>(), proptest::char::range('a', 'z'), Just('"'), Just('\\'), Just('😀')];
    vec(letters.prop_filter("no control character", |c| !is_control(*c)), length)
        .prop_map(|letters| letters.into_iter().collect())
}

fn control() -> impl Strategy<Value = char> {
    prop_oneof![
        proptest::char::range('\0', '\u{1f}'),
        proptest::char::range('\u{7f}', '\u{9f}'),
        Just('\u{61c}'),
        proptest::char::range('\u{200e}', '\u{200f}'),
        proptest::char::range('\u{202a}', '\u{202e}'),
        proptest::char::range('\u{2066}', '\u{2069}'),
    ]
}

/// A claim of any shape, within the limits.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn described() -> impl Strategy<Value = Described> {
    let shown = || proptest::option::of(vec(any::<char>(), 0..30).prop_map(|letters| letters.into_iter().collect()));
    let names = any::<String>().prop_filter("a name of nobody else", |name| !READ.contains(&name.as_str()));
    (
        text(1..60),
        [shown(), shown(), shown(), shown()],
        proptest::option::of(text(0..60)),
        any::<Option<bool>>(),
        btree_map(names, value(), 0..6),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|(sub, shown, email, email_verified, others, (escaped, others_first, padded))| Described {
            sub,
            shown,
            email,
            email_verified,
            others,
            escaped,
            others_first,
            padded,
        })
        // Longer tokens are refused for their length, which is another test's.
        .prop_filter("a token within the limit", |user| encode(user.token()).len() < 20_000)
}
