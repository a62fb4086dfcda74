//! What `docs/GUIDE.md` has people write into their front ends is what the browser tests run.

use std::{fs, path::Path};

#[test]
fn each_tsx_block_of_the_guide_is_in_a_front_end_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/GUIDE.md")).expect("the guide");
    let sources = root.join("tests/peers/backstage-frontend/src");
    let sources: Vec<String> = fs::read_dir(sources)
        .expect("the front ends")
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a source"))
        .collect();
    let blocks: Vec<&str> =
        guide.split("```tsx\n").skip(1).map(|rest| rest.split("```").next().expect("its end")).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        assert!(sources.iter().any(|source| has_all(source, block)), "no front end has all of:\n{block}");
    }
}

/// Whether these lines are all there in this order, whatever else is between them.
fn has_all(source: &str, block: &str) -> bool {
    let mut lines = source.lines().map(str::trim);
    let wanted = block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("// packages/"));
    wanted.into_iter().all(|line| lines.any(|found| found == line))
}
