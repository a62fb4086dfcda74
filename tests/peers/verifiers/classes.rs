//! The rows of `classes.txt`: why this crate and other verifiers differ.

use std::{fs, path::Path};

struct Row {
    verdict: String,
    /// The kind of the error here, or the verifier that refuses.
    of: String,
    change: String,
    /// The reason ends with this word: not every run has such a token.
    is_rare: bool,
    count: usize,
}

pub struct Classes(Vec<Row>);

impl Default for Classes {
    fn default() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/verifiers/classes.txt");
        let text = fs::read_to_string(file).expect("the file");
        let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let [verdict, of, change, reason] = &cells[..] else { panic!("four cells: {line}") };
            assert!(!reason.is_empty() && ["refused here", "accepted here"].contains(&verdict.as_str()), "{line}");
            Row {
                verdict: verdict.clone(),
                of: of.clone(),
                change: change.clone(),
                is_rare: reason.ends_with("(rare)"),
                count: 0,
            }
        });
        Self(rows.collect())
    }
}

impl Classes {
    /// Whether there is a row for one of the changes. Counts it.
    pub fn explain(&mut self, verdict: &str, of: &str, changes: &[&str]) -> bool {
        let is_row = |row: &&mut Row| row.verdict == verdict && row.of == of && changes.contains(&row.change.as_str());
        self.0.iter_mut().find(is_row).map(|row| row.count += 1).is_some()
    }

    pub fn print(&self) {
        for Row { verdict, of, change, count, .. } in &self.0 {
            println!("{count:>8}  {verdict} | {of} | {change}");
        }
    }

    /// Rows that explained nothing, and are not rare.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|row| row.count == 0 && !row.is_rare);
        unused.map(|Row { verdict, of, change, .. }| format!("{verdict} | {of} | {change}")).collect()
    }
}
