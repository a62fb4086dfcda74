//! The shape of `src`: rooms stand one above the other, imports point down, and no files import one another in a circle.
//!
//! The imports are read from the source itself: `use` declarations and the paths inside the code, macros included. Tests inside
//! of `src` do not count. A re-export (`pub use`) is an index and no import: an import of a re-exported name is one of the file
//! that declares it.

#[path = "architecture/causes.rs"]
mod causes;
#[path = "architecture/public_api.rs"]
mod public_api;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The rooms from the bottom up. A file may import files of its own room and of those below it.
///
/// docs/DESIGN.md has the same list with the role of each room; [`the_design_page_lists_these_rooms`] compares them.
const ROOMS: [&str; 23] = [
    "error",
    "limits",
    "sync",
    "identity",
    "net",
    "alb",
    "settings",
    "telemetry",
    "server",
    "deny_list",
    "sign_in",
    "keys",
    "config",
    "token",
    "access_token",
    "authenticator",
    "layer",
    "test_util",
    "backstage",
    "auth_proxy",
    "emulator",
    "fuzzing",
    "docs",
];

/// The rooms that use the crate as an application does: by its public names and by those that `internal` lists.
const PRODUCTS: [&str; 4] = ["auth_proxy", "backstage", "emulator", "test_util"];

#[test]
fn imports_point_down() {
    let house = House::read(&source());
    assert!(house.files.len() > 150, "{} files: is this the source?", house.files.len());
    assert_eq!(house.unknown_rooms(), Vec::<String>::new(), "place a new room in ROOMS and in docs/DESIGN.md");
    assert_eq!(house.arrows_up(), Vec::<String>::new());
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    assert_eq!(House::read(&source()).circles(), Vec::<Vec<String>>::new());
}

/// Each program is a separate crate. It has no rooms, and no circles either.
#[test]
fn no_files_of_a_program_import_one_another_in_a_circle() {
    let programs: Vec<PathBuf> =
        fs::read_dir(source().join("bin")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(programs.len() >= 3, "{programs:?}");
    for program in programs.iter().filter(|path| path.is_dir()) {
        let house = House::read(program);
        assert_eq!(house.circles(), Vec::<Vec<String>>::new(), "{}", program.display());
    }
}

/// `test = false` of a program in Cargo.toml would hide its unit tests.
#[test]
fn a_program_without_a_test_binary_has_no_unit_tests() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("the manifest");
    let sections = manifest.split("\n[").filter(|section| section.starts_with("[bin]]"));
    let untested = sections.filter(|section| section.lines().any(|line| line == "test = false"));
    let names: Vec<&str> = untested.filter_map(|section| section.split('"').nth(1)).collect();
    assert!(!names.is_empty(), "no program has test = false: is this the manifest?");
    for name in names.into_iter().chain(["shared"]) {
        let mut files = Vec::new();
        collect(&source().join("bin").join(name), &mut files);
        assert!(!files.is_empty(), "{name}");
        for file in files {
            let text = fs::read_to_string(&file).expect("UTF-8");
            let tokens = text.parse::<TokenStream>().expect("Rust").to_string().replace(' ', "");
            assert!(!tokens.contains("cfg(test)") && !tokens.contains("#[test]"), "{}", file.display());
        }
    }
}

#[test]
fn products_use_public_names_and_the_internal_list() {
    assert_eq!(House::read(&source()).reaches_past_the_public_api(), Vec::<String>::new());
}

#[test]
fn the_design_page_lists_these_rooms() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/DESIGN.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: Vec<&str> = rows.map(|(name, _)| name.trim_end_matches('/').trim_end_matches(".rs")).collect();
    // Top down, as a request goes.
    let expected: Vec<&str> = ROOMS.iter().rev().copied().collect();
    let rooms: Vec<&str> = listed.into_iter().filter(|name| ROOMS.contains(name)).collect();
    assert_eq!(rooms, expected, "the table of rooms in docs/DESIGN.md, top down");
}

/// The checks must be able to fail: each kind of fault, planted.
#[test]
fn planted_faults_are_found() {
    let house = House::of(&[
        ("lib.rs", "pub use self::layer::Layer; pub mod internal;"),
        ("internal.rs", "pub(crate) use crate::sync::Mutex;"),
        ("sync/mod.rs", "mod clock; pub(crate) use self::clock::Clock; struct Mutex; fn up() { crate::layer::call() }"),
        ("sync/clock.rs", "struct Clock;"),
        ("keys/mod.rs", "mod a; mod b; pub use self::a::A;"),
        ("keys/a.rs", "use super::b::B; struct A;"),
        ("keys/b.rs", "struct B; fn f() { format!(\"{}\", super::A) }"),
        (
            "layer/mod.rs",
            "// crate::backstage::x is a comment\nconst TEXT: &str = \"crate::backstage::x\"; struct Layer;",
        ),
        ("backstage/mod.rs", "use crate::{Layer, internal::Mutex, sync::{Clock, Mutex as M}};"),
        ("attic/mod.rs", "#[cfg(test)] mod tests { use crate::layer::Layer; }"),
    ]);
    assert_eq!(house.unknown_rooms(), ["attic/mod.rs"]);
    assert_eq!(house.arrows_up(), ["sync/mod.rs -> layer/mod.rs (crate::layer::call)"]);
    assert_eq!(house.circles(), [["keys/a.rs", "keys/b.rs"]]);
    let past = ["backstage/mod.rs: crate::sync::Clock", "backstage/mod.rs: crate::sync::Mutex"];
    assert_eq!(house.reaches_past_the_public_api(), past);
    let program = House::of(&[
        ("main.rs", "mod cli; mod serve; fn main() { serve::run(cli::Arguments) }"),
        ("cli.rs", "use crate::serve::run; pub struct Arguments;"),
        ("serve.rs", "use crate::cli::Arguments; pub fn run(arguments: Arguments) {}"),
    ]);
    assert_eq!(program.circles(), [["cli.rs", "serve.rs"]]);
}

type Module = Vec<String>;

/// Every file with the paths that it names.
struct House {
    files: BTreeMap<Module, File>,
}

struct File {
    /// Below `src`.
    path: String,
    /// As they are written, from `crate`, `self` or `super` on.
    imports: BTreeSet<Module>,
    /// What `pub use` makes of a name.
    exports: BTreeMap<String, Module>,
    /// The modules that it declares `pub`.
    public_modules: BTreeSet<String>,
}

impl House {
    fn read(folder: &Path) -> Self {
        let mut paths = Vec::new();
        collect(folder, &mut paths);
        let name = |path: &PathBuf| {
            let below = path.strip_prefix(folder).expect("below the folder");
            below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
        };
        let sources: Vec<(String, String)> =
            paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("UTF-8"))).collect();
        let sources: Vec<(&str, &str)> = sources.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Self::of(&sources)
    }

    fn of(sources: &[(&str, &str)]) -> Self {
        // Models are tests: they are compiled with `--cfg shuttle` and in tests only.
        let is_read = |path: &str| !path.starts_with("bin/") && !path.ends_with("/models.rs");
        let files = sources.iter().filter(|(path, _)| is_read(path)).map(|(path, text)| {
            let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut file = File {
                path: (*path).to_owned(),
                imports: BTreeSet::new(),
                exports: BTreeMap::new(),
                public_modules: BTreeSet::new(),
            };
            file.scan(&tokens.into_iter().collect::<Vec<_>>());
            (module_of(path), file)
        });
        Self { files: files.collect() }
    }

    /// The file that declares what a path names, as it is seen from a module.
    fn target(&self, from: &[String], path: &[String], depth: usize) -> Option<&Module> {
        let path = absolute(from, path);
        let (module, file) = (0..=path.len()).rev().find_map(|length| self.files.get_key_value(&path[..length]))?;
        let exported = path.get(module.len()).and_then(|name| file.exports.get(name));
        match exported {
            Some(exported) if depth < 8 => self.target(module, exported, depth + 1),
            _ => Some(module),
        }
    }

    /// Every import: from where, to where, and the path as it is written.
    fn arrows(&self) -> impl Iterator<Item = (&Module, &Module, String)> {
        self.files.iter().flat_map(move |(from, file)| {
            file.imports.iter().filter_map(move |path| {
                let to = self.target(from, path, 0)?;
                (to != from).then(|| (from, to, path.join("::")))
            })
        })
    }

    fn unknown_rooms(&self) -> Vec<String> {
        let known = |module: &Module| match room(module) {
            "" | "internal" => true,
            room => ROOMS.contains(&room),
        };
        self.files.iter().filter(|(module, _)| !known(module)).map(|(_, file)| file.path.clone()).collect()
    }

    fn arrows_up(&self) -> Vec<String> {
        let floor = |module: &Module| ROOMS.iter().position(|name| *name == room(module));
        let up = self.arrows().filter(|(from, to, _)| matches!((floor(from), floor(to)), (Some(a), Some(b)) if a < b));
        up.map(|(from, to, path)| format!("{} -> {} ({path})", self.files[from].path, self.files[to].path)).collect()
    }

    /// Groups of files of which each reaches each other one: strongly connected components.
    fn circles(&self) -> Vec<Vec<String>> {
        let mut next: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
        for (from, to, _) in self.arrows() {
            next.entry(from).or_default().insert(to);
        }
        let reached = |start: &Module| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(module) = open.pop() {
                for to in next.get(module).into_iter().flatten() {
                    if seen.insert(*to) {
                        open.push(to);
                    }
                }
            }
            seen.into_iter().cloned().collect::<BTreeSet<Module>>()
        };
        let reach: BTreeMap<&Module, BTreeSet<Module>> =
            self.files.keys().map(|module| (module, reached(module))).collect();
        let mut circles = BTreeSet::new();
        for (module, reached) in &reach {
            if reached.contains(*module) {
                let together = reached.iter().filter(|other| reach[*other].contains(*module));
                circles.insert(together.map(|other| self.files[other].path.clone()).collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }

    fn reaches_past_the_public_api(&self) -> Vec<String> {
        let root = &self.files[&Module::new()];
        let mut found = Vec::new();
        for (from, file) in self.files.iter().filter(|(module, _)| PRODUCTS.contains(&room(module))) {
            for path in &file.imports {
                let path = absolute(from, path);
                let Some(first) = path.first() else { continue };
                let own = first == room(from) || first == "internal";
                // A public module's own items are public or the compiler refuses what `internal` does not list: only the
                // crate's private modules can be reached past.
                let public = root.exports.contains_key(first) || root.public_modules.contains(first);
                if !own && !public {
                    found.push(format!("{}: crate::{}", file.path, path.join("::")));
                }
            }
        }
        found
    }
}

impl File {
    fn scan(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(skipped) = test_module(&tokens[at..]) {
                at += skipped;
                continue;
            }
            if is_ident(tokens.get(at), &["pub"]) {
                let after = at + 1 + usize::from(is_group(tokens.get(at + 1), Delimiter::Parenthesis));
                if is_ident(tokens.get(after), &["mod"])
                    && after == at + 1
                    && let Some(TokenTree::Ident(name)) = tokens.get(after + 1)
                {
                    self.public_modules.insert(name.to_string());
                }
                if is_ident(tokens.get(after), &["use"]) {
                    let mut paths = Vec::new();
                    at = after + 1 + read_path(&tokens[after + 1..], &mut Vec::new(), &mut paths);
                    for (path, name) in paths.into_iter().filter(|(path, _)| path.len() > 1) {
                        self.exports.insert(name, path);
                    }
                    continue;
                }
            }
            let starts_path = is_ident(tokens.get(at), &["crate", "self", "super"])
                && is_punct(tokens.get(at + 1), ':')
                && is_punct(tokens.get(at + 2), ':')
                && !(at > 0 && (is_punct(tokens.get(at - 1), ':') || is_punct(tokens.get(at - 1), '$')));
            if starts_path {
                let mut paths = Vec::new();
                at += read_path(&tokens[at..], &mut Vec::new(), &mut paths).max(1);
                self.imports.extend(paths.into_iter().map(|(path, _)| path));
                continue;
            }
            if let TokenTree::Group(group) = &tokens[at] {
                self.scan(&group.stream().into_iter().collect::<Vec<_>>());
            }
            at += 1;
        }
    }
}

/// Reads one path, a tree of them in a `use` included: each with the name that it has here. Returns how many tokens it took.
fn read_path(tokens: &[TokenTree], before: &mut Module, paths: &mut Vec<(Module, String)>) -> usize {
    let (mut path, mut at) = (before.clone(), 0);
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => path.push("*".to_owned()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut from = 0;
                while from < inner.len() {
                    from += read_path(&inner[from..], &mut path, paths);
                    while from < inner.len() && !is_punct(inner.get(from), ',') {
                        from += 1;
                    }
                    from += 1;
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        let goes_on = is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        // `::<` begins arguments of a type, and is no part of the path.
        if !goes_on || is_punct(tokens.get(at + 2), '<') {
            break;
        }
        at += 2;
    }
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if is_ident(tokens.get(at), &["as"])
        && let Some(TokenTree::Ident(alias)) = tokens.get(at + 1)
    {
        name = alias.to_string();
        at += 2;
    }
    paths.push((path, name));
    at
}

/// How many tokens `#[cfg(test)] mod tests { … }` takes, if it stands here.
fn test_module(tokens: &[TokenTree]) -> Option<usize> {
    let TokenTree::Group(attribute) = tokens.get(1)? else { return None };
    let is_test = is_punct(tokens.first(), '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)";
    (is_test && is_ident(tokens.get(2), &["mod"]) && is_group(tokens.get(4), Delimiter::Brace)).then_some(5)
}

fn is_ident(token: Option<&TokenTree>, names: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if names.iter().any(|name| ident == name))
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

/// `keys/store/mod.rs` is the module `keys::store`; `lib.rs` and `main.rs` are the crate.
fn module_of(path: &str) -> Module {
    let mut parts: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        parts.pop();
    }
    parts
}

fn room(module: &[String]) -> &str {
    module.first().map_or("", String::as_str)
}

/// A path from `crate` on, without it.
fn absolute(from: &[String], path: &[String]) -> Module {
    let mut module = match path.first().map(String::as_str) {
        Some("self" | "super") => from.to_vec(),
        _ => Module::new(),
    };
    for part in path {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => drop(module.pop()),
            _ => module.push(part.clone()),
        }
    }
    module
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}
