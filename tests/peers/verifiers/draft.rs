//! A token on its way: members, JSON, segments, signature.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_alb_auth::test_util::MockAlb;

use super::random::Random;

/// Which of the two JSON texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Header,
    Claims,
}

type EditText = fn(&[u8], &mut Random) -> Vec<u8>;
type EditSegment = fn(&str, &mut Random) -> String;
type EditSignature = fn(Vec<u8>, &mut Random) -> Vec<u8>;

pub struct Draft {
    /// Names and values as JSON, of the header and of the claims.
    members: [Vec<(String, String)>; 2],
    edit_text: [Option<EditText>; 2],
    padded: [bool; 3],
    edit_segment: Option<(usize, EditSegment)>,
    pub signer: usize,
    pub signed_instead: Option<String>,
    edit_signature: Option<EditSignature>,
    edit_token: Option<fn(String, &mut Random) -> String>,
    now: u64,
    kids: [String; 2],
}

impl Draft {
    /// A sound token, one of many.
    pub fn sound(albs: &[MockAlb; 3], now: u64, random: &mut Random) -> Self {
        let alb = &albs[0];
        let signer = random.below(2);
        let kids = [albs[0].kid().to_owned(), albs[1].kid().to_owned()];
        let quoted = |text: &str| format!("\"{text}\"");
        let header = [
            ("typ", quoted("JWT")),
            ("kid", quoted(&kids[signer])),
            ("alg", quoted("ES256")),
            ("iss", quoted(alb.issuer())),
            ("client", quoted(alb.client_id())),
            ("signer", quoted(alb.signer())),
            ("exp", (now + 120).to_string()),
        ];
        let subject = random.next();
        let mut claims = vec![
            ("sub", quoted(&format!("subject-{subject:x}"))),
            ("email", quoted(&format!("user{}@example.com", subject % 1000))),
            ("name", quoted(random.of_list::<&str>(&["Jane", "J\\u00e4ne", "Jäne", "\\\"J\\\""]))),
            ("exp", (now + 120).to_string()),
            ("iss", quoted(alb.issuer())),
        ];
        if random.one_in(3) {
            claims.push(("groups", "[\"a\",\"b\",{\"c\":[1,2.5,null,true]}]".to_owned()));
        }
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        let all_padded = random.one_in(2);
        Self {
            members: [header.into_iter().map(own).collect(), claims.into_iter().map(own).collect()],
            edit_text: [None; 2],
            padded: [all_padded, all_padded, random.one_in(4) != all_padded],
            edit_segment: None,
            signer,
            signed_instead: None,
            edit_signature: None,
            edit_token: None,
            now,
            kids,
        }
    }

    /// Sets a member; "" removes it.
    pub fn set(&mut self, text: Text, name: &str, value: &str) {
        let value = self.value(value);
        let members = &mut self.members[text as usize];
        let at = members.iter().position(|(held, _)| held == name);
        match (at, value.is_empty()) {
            (Some(at), true) => drop(members.remove(at)),
            (Some(at), false) => members[at].1 = value,
            (None, true) => (),
            (None, false) => members.push((name.to_owned(), value)),
        }
    }

    fn value(&self, value: &str) -> String {
        if let Some((before, after)) = value.split_once('@').filter(|(before, _)| ["", "\""].contains(before)) {
            let end = after.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(after.len());
            let seconds: i64 = after[..end].parse().expect("seconds");
            return format!("{before}{}{}", self.now.saturating_add_signed(seconds), &after[end..]);
        }
        match value {
            "<other>" => format!("\"{}\"", self.kids[1 - self.signer.min(1)]),
            "<upper>" => format!("\"{}\"", self.kids[self.signer.min(1)].to_uppercase()),
            _ => value.replace("<256>", &"x".repeat(256)),
        }
    }

    /// Adds a member whose name is there already, in front or behind, escaped or not.
    pub fn repeat(&mut self, text: Text, random: &mut Random) {
        let members = &mut self.members[text as usize];
        if members.is_empty() {
            return;
        }
        let (name, value) = members[random.below(members.len())].clone();
        let value = if random.one_in(2) { value } else { "\"other\"".to_owned() };
        let first = name.bytes().next().unwrap_or_default();
        let name = if random.one_in(2) { format!("\\u{first:04x}{}", &name[1..]) } else { name };
        let at = if random.one_in(2) { 0 } else { members.len() };
        members.insert(at, (name, value));
    }

    pub fn edit(&mut self, text: Text, edit: EditText) {
        self.edit_text[text as usize] = Some(edit);
    }

    pub fn edit_segment(&mut self, random: &mut Random, edit: EditSegment) {
        self.edit_segment = Some((random.below(3), edit));
    }

    pub fn edit_signature(&mut self, edit: EditSignature) {
        self.edit_signature = Some(edit);
    }

    pub fn edit_token(&mut self, edit: fn(String, &mut Random) -> String) {
        self.edit_token = Some(edit);
    }

    /// The token.
    pub fn sign(&self, albs: &[MockAlb; 3], random: &mut Random) -> String {
        let json = |text: Text, random: &mut Random| {
            let members: Vec<_> =
                self.members[text as usize].iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let json = format!("{{{}}}", members.join(",")).into_bytes();
            self.edit_text[text as usize].map_or_else(|| json.clone(), |edit| edit(&json, random))
        };
        let header = self.segment(0, &json(Text::Header, random), random);
        let claims = self.segment(1, &json(Text::Claims, random), random);
        let signed = format!("{header}.{claims}");
        let message = self.signed_instead.as_ref().unwrap_or(&signed);
        let signature = albs[self.signer].sign_bytes(message.as_bytes());
        let signature = self.edit_signature.map_or_else(|| signature.clone(), |edit| edit(signature.clone(), random));
        let token = format!("{signed}.{}", self.segment(2, &signature, random));
        self.edit_token.map_or_else(|| token.clone(), |edit| edit(token.clone(), random))
    }

    fn segment(&self, index: usize, bytes: &[u8], random: &mut Random) -> String {
        let mut text = encode(bytes);
        if self.padded[index] {
            text.push_str(&"=="[..(4 - text.len() % 4) % 4]);
        }
        match self.edit_segment {
            Some((at, edit)) if at == index => edit(&text, random),
            _ => text,
        }
    }
}

/// base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
