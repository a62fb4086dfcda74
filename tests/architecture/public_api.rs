//! No type of a crate that this one may replace stands in its public API.
//!
//! The check reads the source: the signature of each `pub` item, the fields and variants, the conversions (`impl From<..>`)
//! and re-exports. It knows a foreign type by its path and by the name that `use` gives it in the same file.

use std::{collections::BTreeSet, fs};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{collect, is_group, is_ident, is_punct, read_path, source, test_module};

/// The crates, as they are written in paths.
const HIDDEN: [&str; 7] =
    ["aws_lc_rs", "hyper_rustls", "hyper_util", "jsonwebtoken", "rustls", "rustls_native_certs", "tokio_rustls"];

#[test]
fn no_type_of_a_hidden_crate_stands_in_the_public_api() {
    let mut files = Vec::new();
    collect(&source(), &mut files);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.starts_with(source().join("bin"))) {
        let text = fs::read_to_string(file).expect("UTF-8");
        found.extend(exposed(&text).into_iter().map(|item| format!("{}: {item}", file.display())));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The check must be able to fail.
#[test]
fn planted_types_are_found() {
    let use_it = "use rustls::{pki_types::{CertificateDer as Der, ServerName}, ClientConfig};";
    for (planted, exposed_types) in [
        ("pub fn f(config: ClientConfig) {}", 1),
        ("pub fn f() -> Result<(), rustls::Error> { }", 1),
        ("pub struct S { pub config: Arc<ClientConfig>, private: ClientConfig }", 1),
        ("pub struct S(pub Der<'static>);", 1),
        ("pub struct S<C = ClientConfig> { private: u8 }", 1),
        ("pub enum E { A(ServerName), B { name: ServerName } }", 1),
        ("pub trait T { fn f(&self) -> ClientConfig; }", 1),
        ("pub type T = Vec<Der<'static>>;", 1),
        ("pub const C: Option<ClientConfig> = None;", 1),
        ("pub use rustls::RootCertStore;", 1),
        ("impl S { pub async fn f(&self) -> ClientConfig { todo() } }", 1),
        ("impl From<rustls::Error> for E { }", 1),
        ("pub struct E; impl From<rustls::Error> for E { }", 1),
        ("pub(crate) struct E; impl From<rustls::Error> for E { }", 0),
        ("pub fn f() { let config: ClientConfig = make(); rustls::x() }", 0),
        ("pub(crate) fn f(config: ClientConfig) {}", 0),
        ("pub const C: u8 = rustls::X;", 0),
        ("struct S { config: ClientConfig }", 0),
        ("/// A `rustls::ClientConfig`.\npub fn f(text: &str) {}", 0),
        ("#[cfg(test)] mod tests { pub fn f(config: ClientConfig) {} }", 0),
    ] {
        assert_eq!(exposed(&format!("{use_it} {planted}")).len(), exposed_types, "{planted}");
    }
    assert_eq!(exposed("pub fn f(config: ClientConfig) {}"), Vec::<String>::new(), "a type of the crate's own");
}

/// The signatures in a file that name a hidden type.
fn exposed(text: &str) -> Vec<String> {
    let tokens: Vec<TokenTree> = text.parse::<TokenStream>().expect("tokens").into_iter().collect();
    let mut names: BTreeSet<String> = HIDDEN.iter().map(|name| (*name).to_owned()).collect();
    imported(&tokens, &mut names);
    let mut found = Vec::new();
    scan(&tokens, &names, &mut found);
    found
}

/// What `use` calls the types of hidden crates in this file.
fn imported(tokens: &[TokenTree], names: &mut BTreeSet<String>) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "use" => {
                let mut paths = Vec::new();
                read_path(&tokens[at + 1..], &mut Vec::new(), &mut paths);
                let hidden = paths
                    .into_iter()
                    .filter(|(path, _)| path.first().is_some_and(|first| HIDDEN.contains(&first.as_str())));
                names.extend(hidden.map(|(_, name)| name));
            }
            TokenTree::Group(group) => imported(&group.stream().into_iter().collect::<Vec<_>>(), names),
            _ => {}
        }
    }
}

fn scan(tokens: &[TokenTree], names: &BTreeSet<String>, found: &mut Vec<String>) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(skipped) = test_module(&tokens[at..]) {
            at += skipped;
            continue;
        }
        let public = is_ident(tokens.get(at), &["pub"]) && !is_group(tokens.get(at + 1), Delimiter::Parenthesis);
        let conversion =
            is_ident(tokens.get(at), &["impl"]) && is_ident(tokens.get(at + 1), &["From", "TryFrom", "Into"]);
        if public || conversion {
            let signature = signature(&tokens[at..]);
            if conversion && is_of_private_type(signature, tokens) {
                at += 1;
                continue;
            }
            let text = signature.iter().cloned().collect::<TokenStream>();
            if mentions(text.clone(), names) {
                found.push(text.to_string());
            }
        }
        if let TokenTree::Group(group) = &tokens[at] {
            scan(&group.stream().into_iter().collect::<Vec<_>>(), names, found);
        }
        at += 1;
    }
}

/// Whether `impl .. for Type` is of a type that the same file declares without `pub`.
fn is_of_private_type(signature: &[TokenTree], file: &[TokenTree]) -> bool {
    let after_for = signature.iter().position(|token| is_ident(Some(token), &["for"])).map(|at| at + 1);
    let Some(TokenTree::Ident(name)) = after_for.and_then(|at| signature.get(at)) else { return false };
    (1..file.len()).any(|at| {
        is_ident(file.get(at - 1), &["struct", "enum"])
            && matches!(&file[at], TokenTree::Ident(ident) if ident == name)
            && !(at > 1 && is_ident(file.get(at - 2), &["pub"]))
    })
}

/// The part of an item that is public with it: not the body of a function, the value of a constant, or the fields of a struct,
/// which have a `pub` of their own.
fn signature(tokens: &[TokenTree]) -> &[TokenTree] {
    let whole = tokens.iter().take(3).any(|token| is_ident(Some(token), &["enum", "trait", "use"]));
    let is_struct = is_ident(tokens.get(1), &["struct"]);
    // A field ends at a comma outside of its type's arguments.
    let is_item = tokens.iter().take(6).any(|token| {
        is_ident(Some(token), &["fn", "struct", "enum", "trait", "use", "type", "const", "static", "mod", "impl"])
    });
    let constant =
        is_ident(tokens.get(1), &["const", "static"]) && !is_ident(tokens.get(2), &["fn", "unsafe", "async"]);
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate() {
        let end = match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return if whole { &tokens[..=at] } else { &tokens[..at] };
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => is_struct && depth == 0,
            TokenTree::Punct(punct) => match punct.as_char() {
                '<' => {
                    depth += 1;
                    false
                }
                '>' if at > 0 && !is_punct(tokens.get(at - 1), '-') && !is_punct(tokens.get(at - 1), '=') => {
                    depth -= 1;
                    false
                }
                ';' => true,
                ',' => depth == 0 && !is_item,
                '=' => depth == 0 && constant,
                _ => false,
            },
            _ => false,
        };
        if end {
            return &tokens[..at];
        }
    }
    tokens
}

fn mentions(tokens: TokenStream, names: &BTreeSet<String>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
