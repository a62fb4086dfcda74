//! Key ids: they become part of an address, so that one spelling of a key must mean one fetch.

use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{MockAlb, User},
};

use crate::tokens::gate::Gate;

#[tokio::test]
async fn s_22_a_kid_that_is_no_lower_case_uuid_is_refused_before_any_use() {
    let gate = Gate::new();
    let kid = gate.alb.kid().to_owned();
    let texts = [
        String::new(),
        " ".to_owned(),
        "/".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        format!("../{kid}"),
        format!("../../{kid}"),
        format!("{kid}/../{kid}"),
        format!("./{kid}"),
        format!("/{kid}"),
        format!("{kid}/"),
        format!("//evil.example/{kid}"),
        format!("http://evil.example/{kid}"),
        format!("{kid}@evil.example"),
        format!("x@evil/{kid}"),
        format!(":80/{kid}"),
        format!("{kid}?x=1"),
        format!("{kid}?"),
        format!("{kid}#"),
        format!("{kid}#fragment"),
        format!("{kid}%00"),
        format!("%2e%2e%2f{kid}"),
        format!("%2e%2e/{kid}"),
        format!("{kid}\r\nHost: evil.example"),
        format!("{kid}\n"),
        format!("{kid}\r"),
        format!("{kid}\0"),
        format!("{kid}\0.pem"),
        format!("{kid}.pem"),
        format!("{kid};x"),
        format!("{kid}\\..\\"),
        format!("o'brien {kid}"),
        "a = 'b'".to_owned(),
        "(a) $b".to_owned(),
        "{a}".to_owned(),
        kid.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"),
        format!("{}F{}", &kid[..7], &kid[8..]),
        format!("{{{kid}}}"),
        format!("urn:uuid:{kid}"),
        kid.replace('-', ""),
        kid.replace('-', "_"),
        kid.replace('-', "\u{2010}"),
        kid.replace('-', "\u{2212}"),
        format!(" {kid}"),
        format!("{kid} "),
        kid[..35].to_owned(),
        format!("{kid}0"),
        format!("{}g{}", &kid[..4], &kid[5..]),
        format!("{}\u{ff11}{}", &kid[..4], &kid[5..]),
        format!("{}\u{661}{}", &kid[..4], &kid[6..]),
        format!("{}-{}{}", &kid[..7], &kid[7..8], &kid[9..]),
        "-".repeat(36),
        "00000000000000000000000000000000000000000000000000".to_owned(),
    ];
    let others =
        [json!(1), json!(0), json!(null), json!([]), json!([kid]), json!({"kid": kid}), json!(true), json!(1.5)];
    for value in texts.into_iter().map(Value::from).chain(others) {
        let case = value.to_string();
        let token = gate.alb.token(&User::jane()).header("kid", value).sign();
        gate.refuses_unasked(&case, token, AuthErrorKind::MalformedKeyId).await;
    }
    let missing = gate.alb.token(&User::jane()).without_header("kid").sign();
    gate.refuses_unasked("missing", missing, AuthErrorKind::MalformedKeyId).await;
    let long = gate.alb.token(&User::jane()).header("kid", "a".repeat(10 * 1024)).sign();
    gate.refuses_unasked("10 KiB", long, AuthErrorKind::MalformedHeader).await;
    let long = gate.alb.token(&User::jane()).header("kid", "a".repeat(1500)).sign();
    gate.refuses_unasked("1,500 characters", long, AuthErrorKind::MalformedKeyId).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn f_41_a_thousand_spellings_of_one_kid_cost_no_fetch() {
    let (alb, kid) = with_letters_in_its_kid();
    let builder = alb.config_builder();
    let gate = Gate::with(alb, builder);
    let letters: Vec<usize> = kid.char_indices().filter(|(_, c)| c.is_ascii_lowercase()).map(|(at, _)| at).collect();
    let mut variants = 0;
    // Every choice of upper case among ten letters but none at all,
    for choice in 1_usize..1 << 10 {
        let mut spelling = kid.clone().into_bytes();
        for (bit, at) in letters.iter().take(10).enumerate() {
            if choice >> bit & 1 == 1 {
                spelling[*at].make_ascii_uppercase();
            }
        }
        let spelling = String::from_utf8(spelling).expect("ASCII");
        refuse_kid(&gate, &spelling).await;
        variants += 1;
    }
    // and white space of all kinds at each place.
    for space in [" ", "\t", "\n", "\u{a0}", "\u{200b}", "\u{feff}"] {
        for place in 0..=kid.len() {
            refuse_kid(&gate, &format!("{}{space}{}", &kid[..place], &kid[place..])).await;
            variants += 1;
        }
    }
    assert!(variants > 1000, "{variants}");
    gate.admits_jane().await;
    assert_eq!(gate.alb.key_fetches(), 1, "one key, one fetch");
}

async fn refuse_kid(gate: &Gate, kid: &str) {
    let token = gate.alb.token(&User::jane()).header("kid", kid).sign();
    gate.refuses_unasked(&format!("{kid:?}"), token, AuthErrorKind::MalformedKeyId).await;
}

/// A load balancer whose kid has ten letters or more.
fn with_letters_in_its_kid() -> (MockAlb, String) {
    let mut albs = std::iter::repeat_with(MockAlb::new).take(1000);
    let has_letters = |alb: &MockAlb| alb.kid().chars().filter(char::is_ascii_lowercase).count() >= 10;
    let alb = albs.find(has_letters).expect("one of a thousand");
    let kid = alb.kid().to_owned();
    (alb, kid)
}
