//! Files, the environment, and what a file takes from elsewhere.

use std::{
    cell::{Cell, RefCell},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::error::quoted;

use super::{
    FilesRead, Location, Node, Problem, ProblemKind, Value, files,
    substitution::{self, trim, without_defaults},
    yaml::{MAX_BYTES, parse},
};

/// How deep files may include one another. A deeper chain is a circle.
const MAX_INCLUDES: usize = 16;

/// How many files are read in all, each as often as it is named: with two includes in each file, ten levels are a thousand
/// files.
const MAX_FILES: usize = 1_000;
/// And how many bytes.
const MAX_BYTES_IN_ALL: usize = 8 * 1024 * 1024;

const INCLUDES: [&str; 3] = ["$file", "$env", "$include"];

pub(crate) struct Resolver<'e> {
    environment: &'e dyn Fn(&str) -> Option<String>,
    /// Every file that was read, or could not be.
    files: RefCell<FilesRead>,
    /// How many files were read, each as often as it is named, and how many bytes.
    reads: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'e> Resolver<'e> {
    pub(crate) fn new(environment: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { environment, files: RefCell::default(), reads: Cell::new(0), bytes: Cell::new(0) }
    }

    pub(crate) fn into_files(self) -> FilesRead {
        self.files.into_inner()
    }

    /// The value of a file.
    pub(crate) fn file(&self, path: &Path) -> Result<Node, Problem> {
        if let Some(shown) = path.to_str().and_then(url_of_a_host) {
            let text = format!("a file of settings is named by a URL{shown}, and files on this machine alone are read");
            let problem = Problem::sentence(ProblemKind::NotServed, text);
            return Err(problem.with_fix("download it, and name the file by its path, as for stock back ends"));
        }
        let name = path.display().to_string();
        let text = self.read(path, &name).map_err(|fault| fault.of_file(&name))?;
        self.text(path, &text)
    }

    /// The value of a text that stands in that file.
    pub(crate) fn text(&self, path: &Path, text: &str) -> Result<Node, Problem> {
        let root = parse(&path.display().to_string().into(), text)?;
        if matches!(root.value, Value::Null) {
            return Ok(Node::new(Value::Object(Vec::new()), root.origin));
        }
        let root = self.resolve(root, &folder_of(path), 0)?;
        if !matches!(root.value, Value::Object(_)) {
            let predicate = format!("is {} and not an object of settings", root.kind());
            return Err(
                Problem::of_file(ProblemKind::WrongType, root.origin.clone(), predicate).with_found(root.kind())
            );
        }
        Ok(root)
    }

    /// A variable, without white space around it.
    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).map(|value| trim(&value).to_owned())
    }

    fn read(&self, path: &Path, shown: &str) -> Result<String, Fault> {
        let unreadable = |predicate: String| Fault { kind: ProblemKind::Unreadable, predicate, source: None };
        let fewer = "put what belongs together into one file, and name each file once";
        if self.reads.get() >= MAX_FILES {
            return Err(unreadable(format!(
                "is one too many: {MAX_FILES} files are read at most, counted at each $include and $file; {fewer}"
            )));
        }
        let read = files::read(path);
        self.files.borrow_mut().add_file(path, shown, &read);
        let bytes = read.map_err(|error| Fault {
            kind: ProblemKind::Unreadable,
            predicate: format!("cannot be read: {error}"),
            source: Some(error),
        })?;
        self.reads.set(self.reads.get().saturating_add(1));
        self.bytes.set(self.bytes.get().saturating_add(bytes.len()));
        if bytes.len() > MAX_BYTES {
            return Err(unreadable(format!("has more than {MAX_BYTES} bytes")));
        }
        if self.bytes.get() > MAX_BYTES_IN_ALL {
            return Err(unreadable(format!(
                "is too much: {MAX_BYTES_IN_ALL} bytes are read at most in all files, counted at each $include and $file; {fewer}"
            )));
        }
        String::from_utf8(bytes).map_err(|_| unreadable("is not UTF-8".to_owned()))
    }

    fn resolve(&self, node: Node, folder: &Path, depth: usize) -> Result<Node, Problem> {
        let origin = node.origin.clone();
        let value = match node.value {
            Value::Text(text) => self.substitute(text),
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.resolve(item, folder, depth)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => match members.iter().find(|(name, _)| INCLUDES.contains(&name.as_str())) {
                None => Value::Object(
                    members
                        .into_iter()
                        .map(|(name, member)| Ok((name, self.resolve(member, folder, depth)?)))
                        .collect::<Result<_, Problem>>()?,
                ),
                Some((key, _)) if members.len() > 1 => {
                    let clause = format!("{key} stands beside other keys, and must stand alone");
                    return Err(Problem::at(ProblemKind::Conflict, origin, clause));
                }
                Some((key, argument)) => {
                    return self.include(key, argument, folder, depth).map_err(|error| match error {
                        IncludeError::OfThis(fault) => fault.at(origin, key),
                        IncludeError::Elsewhere(problem) => problem,
                    });
                }
            },
            other => other,
        };
        Ok(Node::new(value, origin))
    }

    fn include(&self, key: &str, argument: &Node, folder: &Path, depth: usize) -> Result<Node, IncludeError> {
        let origin = argument.origin.clone();
        let Value::Text(text) = argument.value.clone() else {
            return Err(Fault::new(ProblemKind::WrongType, format!("wants a text, not {}", argument.kind())).into());
        };
        let written = text.clone();
        let named = match self.substitute(text) {
            Value::Text(text) => text,
            _ => return Err(Fault::new(ProblemKind::UnsetVariable, "names a variable that is not set").into()),
        };
        match key {
            "$env" => {
                let value =
                    self.variable(&named).map_or_else(|| Value::Unset(substitution::shown(&named)), Value::Text);
                Ok(Node::new(value, origin))
            }
            "$file" => {
                let path = folder.join(&named);
                let shown = shown(&path, &named, &written);
                let text = self.read(&path, &shown).map_err(|fault| fault.named(&shown))?;
                Ok(Node::new(Value::Text(substitution::trim_end(&text).to_owned()), origin))
            }
            _ => self.include_yaml(&named, &written, folder, depth),
        }
    }

    fn include_yaml(&self, named: &str, written: &str, folder: &Path, depth: usize) -> Result<Node, IncludeError> {
        if depth >= MAX_INCLUDES {
            let predicate = format!("is the {MAX_INCLUDES}th in a row: do files include one another in a circle?");
            return Err(Fault::new(ProblemKind::InvalidValue, predicate).into());
        }
        let (file, place) = named.split_once('#').unwrap_or((named, ""));
        let path = folder.join(file);
        let shown = shown(&path, named, written);
        let shown_place = if named == written { place } else { "a key" };
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "yaml" | "yml" | "json") {
            let predicate = format!("names {shown}, which is not a .yaml, .yml or .json file");
            return Err(Fault::new(ProblemKind::InvalidValue, predicate).into());
        }
        let text = self.read(&path, &shown).map_err(|fault| fault.named(&shown))?;
        // JSON is YAML, but not all YAML is JSON.
        if extension == "json"
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text)
        {
            let (line, column) = (u64::try_from(error.line()).unwrap_or_default(), error.column());
            let location = Location::new(&shown.as_str().into(), line);
            let problem =
                Problem::of_file(ProblemKind::Syntax, location, format!("is not JSON from column {column} on"));
            return Err(problem.into());
        }
        let root = parse(&Arc::from(shown.as_str()), &text)?;
        let found = if place.is_empty() { Some(&root) } else { root.at(place) };
        let missing = || format!("names {shown_place} in {shown}, where there is no such key");
        let found = found.ok_or_else(|| Fault::new(ProblemKind::Missing, missing()))?.clone();
        if let Value::Object(members) = &found.value
            && members.iter().any(|(name, _)| INCLUDES.contains(&name.as_str()))
        {
            let predicate = format!(
                "names {shown}, which is an include itself: Backstage follows one include at a time; name the last file"
            );
            return Err(Fault::new(ProblemKind::NotServed, predicate).into());
        }
        Ok(self.resolve(found, &folder_of(&path), depth.saturating_add(1))?)
    }

    fn substitute(&self, text: String) -> Value {
        substitution::substitute(text, &|name| self.variable(name))
    }
}

/// What is wrong with a file or an include, before its place is known.
struct Fault {
    kind: ProblemKind,
    predicate: String,
    source: Option<io::Error>,
}

impl Fault {
    fn new(kind: ProblemKind, predicate: impl Into<String>) -> Self {
        Self { kind, predicate: predicate.into(), source: None }
    }

    /// Of the file that an include names.
    fn named(mut self, shown: &str) -> Self {
        self.predicate = format!("names {shown}, which {}", self.predicate);
        self
    }

    fn of_file(self, name: &str) -> Problem {
        Problem::of_file(self.kind, Location::new(&name.into(), 0), self.predicate).maybe_caused_by(self.source)
    }

    /// Of the include at this place.
    fn at(self, location: Location, key: &str) -> Problem {
        Problem::at(self.kind, location, format!("{key} {}", self.predicate)).maybe_caused_by(self.source)
    }
}

/// What is wrong with an include: by itself, or in the file that it leads to, whose problems have a place.
enum IncludeError {
    OfThis(Fault),
    Elsewhere(Problem),
}

impl From<Fault> for IncludeError {
    fn from(fault: Fault) -> Self {
        Self::OfThis(fault)
    }
}

impl From<Problem> for IncludeError {
    fn from(problem: Problem) -> Self {
        Self::Elsewhere(problem)
    }
}

/// If a path is the URL of a host: that host for a message, unless there is an at-sign, behind a password.
fn url_of_a_host(path: &str) -> Option<String> {
    let (scheme, rest) = path.split_once("://")?;
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let host = rest.split(['/', '?', '#']).next().filter(|host| is_scheme && !host.is_empty())?;
    Some(if path.contains('@') { String::new() } else { format!(" at {}", quoted(host)) })
}

/// A path for a message: as it is written if it has a variable in it, whose value may be a secret.
fn shown(path: &Path, named: &str, written: &str) -> String {
    if named == written { path.display().to_string() } else { without_defaults(written) }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(PathBuf::new, Path::to_owned)
}
