//! Links between the pages.

use crate::pages::page::{pages, prose, read, root};

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = prose(&read(&page));
        let folder = page.rsplit_once('/').map_or(root(), |(folder, _)| root().join(folder));
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
            if target.starts_with("https://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { root().join(&page) } else { folder.join(path) };
            assert!(file.is_file(), "{page} links to {target}, which does not exist");
            if !anchor.is_empty() {
                let linked = std::fs::read_to_string(&file).expect("a text");
                let found = prose(&linked).lines().any(|line| line.starts_with('#') && slug(line) == anchor);
                assert!(found, "{page} links to {target}, but there is no such heading");
            }
            links += 1;
        }
    }
    assert!(links >= 12, "found only {links} links");
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Rust code on a page that is not a doctest would become outdated unnoticed.
#[test]
fn every_page_with_code_is_a_doctest() {
    let lib = read("src/lib.rs");
    for page in pages() {
        if !crate::pages::page::blocks(&read(&page), "rust").is_empty() {
            assert!(lib.contains(&format!("include_str!(\"../{page}\")")), "src/lib.rs does not include {page}");
        }
    }
}
