//! JOSE headers and claims that two readers could read in two ways, or that a reader could choke on.

use tower_alb_auth::{
    AuthErrorKind, TokenLimits,
    test_util::{MockAlb, User},
};

use crate::tokens::{
    forge::{BOTH, Text},
    gate::{Gate, fixed_keys},
};

impl Text {
    /// The message about JSON that is not valid here.
    fn malformed(self) -> AuthErrorKind {
        match self {
            Self::Header => AuthErrorKind::MalformedHeader,
            Self::Payload => AuthErrorKind::MalformedClaims,
        }
    }
}

/// That this is refused, before a key is asked for if it stands in the header.
async fn refuse(text: Text, case: &str, token: &str, kind: AuthErrorKind, gate: &Gate) {
    let case = format!("{text:?}, {case}");
    match text {
        Text::Header => gate.refuses_unasked(&case, token, kind).await,
        Text::Payload => gate.refuses(&case, token, kind).await,
    }
}

#[tokio::test]
async fn s_13_a_member_that_stands_twice_refuses_the_token() {
    let gate = Gate::new();
    for (text, member) in [
        (Text::Header, r#""alg":"none""#),
        (Text::Header, r#""alg":"ES256""#),
        (Text::Header, r#""\u0061lg":"none""#),
        (Text::Header, r#""al\u0067":"ES256""#),
        (Text::Header, r#""kid":"00000000-0000-4000-8000-000000000000""#),
        (Text::Header, r#""\u006b\u0069\u0064":null"#),
        (Text::Header, r#""signer":"another""#),
        (Text::Header, r#""s\u0069gner":"another""#),
        (Text::Header, r#""iss":"https://idp.example.com""#),
        (Text::Header, r#""client":["mock-client"]"#),
        (Text::Header, r#""exp":4102444800"#),
        (Text::Header, r#""typ":"JWT""#),
        (Text::Header, r#""other":1,"other":1"#),
        (Text::Header, r#""other":{"a":1,"\u0061":1}"#),
        (Text::Header, r#""other":[[{"a":{"b":1,"b":2}}]]"#),
        (Text::Payload, r#""email":"admin@example.com""#),
        (Text::Payload, r#""\u0065mail":"admin@example.com""#),
        (Text::Payload, r#""sub":"admin""#),
        (Text::Payload, r#""exp":4102444800"#),
        (Text::Payload, r#""iss":"https://idp.example.com""#),
        (Text::Payload, r#""groups":["users"],"groups":["admins"]"#),
        (Text::Payload, r#""groups":[],"gr\u006fups":["admins"]"#),
        (Text::Payload, r#""":1,"":2"#),
        (Text::Payload, r#""address":{"country":"DE","country":"CH"}"#),
        (Text::Payload, r#""address":[{"a":[{"b":null,"\u0062":null}]}]"#),
        (Text::Payload, r#""\ud83d\ude00":1,"😀":2"#),
    ] {
        let token = text.with_first(gate.alb.token(&User::jane()), member);
        refuse(text, member, &token, AuthErrorKind::DuplicateMember, &gate).await;
    }
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_13_an_issuer_of_the_providers_own_is_named_in_the_operators_sentence() {
    let gate = Gate::new();
    let token = gate.alb.token(&User::jane());
    let token = Text::Payload.with_first(token, r#""iss":"https://idp.example.com""#);
    let answer = gate.call(token).await;
    answer.assert_401(AuthErrorKind::DuplicateMember);
    let sentence = answer.error.expect("a refusal").operator_message();
    assert!(sentence.contains("userinfo") && sentence.contains("exp or iss"), "{sentence}");
}

#[tokio::test]
async fn s_13_names_that_differ_or_stand_in_different_objects_are_no_duplicates() {
    let gate = Gate::new();
    let members = r#""Email":1,"email ":2,"a":{"email":3,"b":{"email":4}},"c":[{"a":1},{"a":1}]"#;
    for text in BOTH {
        let token = text.with_first(gate.alb.token(&User::jane()), members);
        gate.admits(&format!("{text:?}"), token).await;
    }
}

#[tokio::test]
async fn s_14_what_is_no_object_is_refused() {
    let gate = Gate::new();
    let token = || gate.alb.token(&User::jane());
    let (kid, signer) = (gate.alb.kid(), gate.alb.signer());
    // In the order of the members: derived readers take an array for an object.
    let positional = format!(r#"["JWT","{kid}","ES256","{}","mock-client","{signer}",4102444800]"#, gate.alb.issuer());
    for text in BOTH {
        let inside = text.of(&token());
        for json in [
            positional.as_str(),
            r#"["ES256","00000000-0000-4000-8000-000000000000"]"#,
            "null",
            r#""x""#,
            "1",
            "true",
            "[]",
            "",
            " ",
            &format!("[{inside}]"),
            &format!("{:?}", inside),
            &inside[..inside.len() - 1],
            &inside[1..],
        ] {
            refuse(text, json, &text.replaced(token(), json), text.malformed(), &gate).await;
        }
    }
}

#[tokio::test]
async fn s_15_depth_and_width_are_bounded_in_header_and_claims() {
    let nested = |depth: usize, open: &str, close: &str| {
        // The token's own object is the first level.
        format!(r#""filler":{}1{}"#, open.repeat(depth - 1), close.repeat(depth - 1))
    };
    let arrays = |depth| nested(depth, "[", "]");
    let objects = |depth| nested(depth, r#"{"a":"#, "}");
    let mixed = |depth| nested(depth, r#"[0,{"a":"#, "}]");
    let array = |elements: usize| format!(r#""filler":[{}]"#, vec!["0"; elements].join(","));
    let empty = |depth: usize| format!(r#""filler":{}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let members = |count: usize| (0..count).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",");
    let object = |count: usize| format!(r#""filler":{{{}}}"#, members(count));

    // Wide texts want room: this is about their width.
    let gate = || {
        let alb = MockAlb::new();
        let builder = alb.config_builder().token_limits(roomy());
        Gate::with(alb, builder)
    };
    for text in BOTH {
        let cold = gate();
        let sign = |gate: &Gate, member: &str| text.with_first(gate.alb.token(&User::jane()), member);
        let own = text.of(&cold.alb.token(&User::jane())).matches("\":").count();
        for (case, member) in [
            ("17 deep in arrays", arrays(17)),
            ("17 deep in objects", objects(17)),
            ("17 deep, empty at the bottom", empty(17)),
            ("17 deep in both", mixed(9)),
            ("500 deep", arrays(500)),
            ("129 members", object(129)),
            ("129 members of its own", members(129 - own)),
            ("1,025 elements", array(1025)),
        ] {
            refuse(text, case, &sign(&cold, &member), text.malformed(), &cold).await;
        }
        for (case, member) in [
            ("16 deep in arrays", arrays(16)),
            ("16 deep in objects", objects(16)),
            ("16 deep, empty at the bottom", empty(16)),
            ("128 members", object(128)),
            ("128 members of its own", members(128 - own)),
            ("1,024 elements", array(1024)),
        ] {
            cold.admits(&format!("{text:?}, {case}"), sign(&cold, &member)).await;
        }
    }
}

/// Limits with room for texts that are wide or deep.
fn roomy() -> TokenLimits {
    TokenLimits::new().max_header_bytes(4096).max_token_bytes(64 * 1024)
}

/// For the whole way through the layer, the signature included. A debug build has larger frames: there a flat token takes
/// 44 KiB, one of 16 levels 76 KiB, and one of thousands no more than that.
const SMALL_STACK: usize = if cfg!(debug_assertions) { 96 * 1024 } else { 64 * 1024 };

#[test]
fn s_15_depth_takes_no_stack() {
    let alb = MockAlb::new();
    let builder = alb.config_builder().fixed_keys(fixed_keys(&alb)).token_limits(roomy());
    let gate = Gate::with(alb, builder);
    let token = |text: Text, depth: usize| {
        let member = format!(r#""filler":{}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        text.with_first(gate.alb.token(&User::jane()), &member)
    };
    let cases = [
        ("header, 16 deep", token(Text::Header, 16), None),
        ("header, 17 deep", token(Text::Header, 17), Some(AuthErrorKind::MalformedHeader)),
        ("header, 1,800 deep", token(Text::Header, 1800), Some(AuthErrorKind::MalformedHeader)),
        ("header, 7,000 deep", token(Text::Header, 7000), Some(AuthErrorKind::MalformedHeader)),
        ("payload, 16 deep", token(Text::Payload, 16), None),
        ("payload, 17 deep", token(Text::Payload, 17), Some(AuthErrorKind::MalformedClaims)),
        ("payload, 7,000 deep", token(Text::Payload, 7000), Some(AuthErrorKind::MalformedClaims)),
        ("payload, 20,000 deep", token(Text::Payload, 20_000), Some(AuthErrorKind::MalformedClaims)),
    ];
    std::thread::scope(|scope| {
        let small = std::thread::Builder::new().stack_size(SMALL_STACK);
        let run = move || {
            for (case, token, refused) in cases {
                let answer = gate.call_now(token);
                assert_eq!(answer.kind(), refused, "{case}: {answer:?}");
                assert_eq!(answer.status, if refused.is_some() { 401 } else { 200 }, "{case}");
            }
        };
        small.spawn_scoped(scope, run).expect("a thread").join().expect("no panic");
    });
}

#[tokio::test]
async fn s_16_what_is_not_text_in_utf_8_is_refused() {
    let gate = Gate::new();
    for text in BOTH {
        let token = || gate.alb.token(&User::jane());
        let json = text.of(&token());
        let inside = |bytes: &[u8]| [b"{\"filler\":\"", bytes, b"\",", &json.as_bytes()[1..]].concat();
        let cases: [(&str, Vec<u8>); 22] = [
            ("0xff", inside(b"\xff")),
            ("lone continuation byte", inside(b"\x80")),
            ("cut sequence", inside(b"\xe2\x82")),
            ("overlong NUL", inside(b"\xc0\x80")),
            ("overlong slash", inside(b"\xe0\x80\xaf")),
            ("surrogate in UTF-8", inside(b"\xed\xa0\x80")),
            ("beyond U+10FFFF", inside(b"\xf4\x90\x80\x80")),
            ("Latin-1", inside(b"J\xfcrgen")),
            ("0xff in a name", [b"{\"\xff\":1,", &json.as_bytes()[1..]].concat()),
            ("high surrogate alone", inside(br"\ud800")),
            ("low surrogate alone", inside(br"\udc00")),
            ("surrogates in the wrong order", inside(br"\udc00\ud800")),
            ("high surrogate and a letter", inside(br"\ud800x")),
            ("surrogate in a name", [br#"{"\ud800":1,"#, &json.as_bytes()[1..]].concat()),
            ("unescaped line feed", inside(b"a\nb")),
            ("unescaped NUL", inside(b"a\0b")),
            ("unknown escape", inside(br"\x41")),
            ("byte order mark before", format!("\u{feff}{json}").into_bytes()),
            ("UTF-16", json.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("letter after", format!("{json}x").into_bytes()),
            ("object after", format!("{json}{{}}").into_bytes()),
            ("NUL after", format!("{json}\0").into_bytes()),
        ];
        for (case, bytes) in cases {
            refuse(text, case, &text.replaced(token(), bytes), text.malformed(), &gate).await;
        }
    }
}

#[tokio::test]
async fn s_16_control_characters_in_subject_email_or_issuer_refuse_the_token() {
    let gate = Gate::new();
    let escapes = [
        r"\u0000", r"\u0001", r"\b", r"\t", r"\n", r"\r", r"\u001b", r"\u007f", r"\u0085", r"\u202e", r"\u2066",
        r"\u200e", r"\u200f", r"\u061c",
    ];
    for escape in escapes {
        for (name, raw) in [
            ("sub", format!(r#""jane{escape}doe""#)),
            ("email", format!(r#""jane.doe{escape}@example.com""#)),
            ("iss", format!(r#""https://idp.example.com{escape}""#)),
        ] {
            let token = Text::Payload.with_raw(gate.alb.token(&User::jane()), name, &raw);
            gate.refuses(&raw, token, AuthErrorKind::MalformedClaims).await;
        }
    }
    let cold = Gate::new();
    for escape in escapes {
        for (name, value, kind) in [
            ("iss", cold.alb.issuer(), AuthErrorKind::UntrustedIssuer),
            ("client", cold.alb.client_id(), AuthErrorKind::UntrustedClient),
            ("signer", cold.alb.signer(), AuthErrorKind::UntrustedSigner),
            ("kid", cold.alb.kid(), AuthErrorKind::MalformedKeyId),
            ("alg", "ES256", AuthErrorKind::UnsupportedAlgorithm),
            ("typ", "JWT", AuthErrorKind::UnsupportedType),
        ] {
            let raw = format!(r#""{value}{escape}""#);
            let token = Text::Header.with_raw(cold.alb.token(&User::jane()), name, &raw);
            cold.refuses_unasked(&format!("{name}: {raw}"), token, kind).await;
        }
    }
}

#[tokio::test]
async fn s_16_white_space_and_escapes_that_json_allows_change_nothing() {
    let gate = Gate::new();
    for text in BOTH {
        let token = || gate.alb.token(&User::jane());
        let json = text.of(&token());
        let spaced = format!("\n\t {} \r\n", json.replace("\",\"", "\" ,\n\"").replace("\":", "\" :\t"));
        gate.admits(&format!("{text:?}, white space"), text.replaced(token(), spaced)).await;
        let escaped = json.replace("iss", r"\u0069\u0073\u0073").replace("https://", r"\u0068ttps:\/\/");
        assert_ne!(escaped, json);
        gate.admits(&format!("{text:?}, escapes"), text.replaced(token(), escaped)).await;
    }
}
