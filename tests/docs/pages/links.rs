//! Links between the pages.

use std::collections::BTreeSet;

use crate::pages::page::{pages, prose, read, root};

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = prose(&read(&page));
        let folder = page.rsplit_once('/').map_or(root(), |(folder, _)| root().join(folder));
        let inline = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
        for target in inline.chain(definitions(&text).map(|(_, target)| target)) {
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

/// The links that a page defines at its end: `[OPERATING.md#metrics]: OPERATING.md#metrics`.
fn definitions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
}

/// rustdoc renders these pages under other addresses. A link from page to page is a reference, so that the definition in
/// `src/docs/links.md`, which comes first there, can lead to the rendered page.
#[test]
fn links_between_rendered_pages_are_references_that_rustdoc_knows() {
    let rendered = read("src/docs/links.md");
    let rendered: BTreeSet<&str> = definitions(&rendered).map(|(label, _)| label).collect();
    let mut used = BTreeSet::new();
    for page in pages().into_iter().filter(|page| read("src/docs/mod.rs").contains(&format!("\"../../{page}\""))) {
        let text = prose(&read(&page));
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
            let leaves = !target.starts_with("https://") && !target.starts_with('#');
            assert!(!leaves, "{page}: write the link to {target} as a reference, with its definition at the end");
        }
        let defined: BTreeSet<&str> = definitions(&text).map(|(label, _)| label).collect();
        for label in text.split("][").skip(1).filter_map(|rest| rest.split_once(']')).map(|(label, _)| label) {
            assert!(defined.contains(label), "{page}: [{label}] has no definition at the end");
        }
        used.extend(defined.into_iter().map(str::to_owned));
    }
    assert_eq!(rendered.iter().map(|label| (*label).to_owned()).collect::<BTreeSet<_>>(), used, "src/docs/links.md");
    assert!(used.len() > 20, "{used:?}");
}

/// Every page is rendered on docs.rs.
#[test]
fn every_guide_is_rendered() {
    let module = read("src/docs/mod.rs");
    for page in pages().into_iter().filter(|page| page.starts_with("docs/") || page == "SECURITY.md") {
        assert!(module.contains(&format!("\"../../{page}\"")), "src/docs/mod.rs does not include {page}");
    }
}

/// Rust code on a page that is not a doctest would become outdated unnoticed.
#[test]
fn every_page_with_code_is_a_doctest() {
    let (lib, docs) = (read("src/lib.rs"), read("src/docs/mod.rs"));
    for page in pages() {
        if !crate::pages::page::blocks(&read(&page), "rust").is_empty() {
            let included =
                lib.contains(&format!("include_str!(\"../{page}\")")) || docs.contains(&format!("\"../../{page}\""));
            assert!(included, "neither src/lib.rs nor src/docs/mod.rs includes {page}");
        }
    }
}
