//! A page and its parts.

use std::{fs, path::PathBuf};

/// A file of the repository, by its path from the root.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All pages, by their paths from the root.
pub fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).expect("docs/");
    let mut pages: Vec<String> = docs
        .map(|entry| format!("docs/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .chain(["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(str::to_owned))
        .collect();
    pages.sort();
    assert!(pages.len() >= 14, "{pages:?}");
    pages
}

/// The text under a heading, up to the next one of its level or above. Lines of fenced blocks are not headings.
pub fn section(page: &str, heading: &str) -> String {
    let level = |line: &str| line.chars().take_while(|c| *c == '#').count();
    let mut fenced = false;
    let mut lines = page.lines().map(|line| {
        fenced ^= line.starts_with("```");
        (line, if fenced { 0 } else { level(line) })
    });
    assert!(lines.any(|(line, _)| line == heading), "there is no section {heading:?}");
    let inside = lines.take_while(|(_, found)| *found == 0 || *found > level(heading));
    inside.map(|(line, _)| format!("{line}\n")).collect()
}

/// The rows of all tables in a text, without heads and rules, each as its cells.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|---");
    lines
        .iter()
        .enumerate()
        .filter(|(index, line)| {
            line.starts_with('|') && !is_rule(line) && !lines.get(index + 1).is_some_and(|next| is_rule(next))
        })
        .map(|(_, line)| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The fenced blocks of one language.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(found)) => open = Some((found == language, String::new())),
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, block)| block)),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The text with its fenced blocks left out.
pub fn prose(page: &str) -> String {
    let mut inside = false;
    let keep = |line: &&str| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    };
    page.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

/// All Rust files under these folders, as one text.
pub fn sources(folders: &[&str]) -> String {
    files(folders).into_iter().map(|(_, text)| text).collect()
}

/// All Rust files under these folders, with their paths.
pub fn files(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a text");
            files.push((path, text));
        }
    }
    files
}
