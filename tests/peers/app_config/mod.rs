//! Configuration files: what this crate reads from them, and what stock Backstage reads, compared.
//!
//! `.ci/peers` installs the stock packages; `cargo test --all-features --test peers app_config -- --ignored` runs these.
//! `APP_CONFIG_SEED` is the first seed of the generated cases, 1 unless set.
//!
//! | this crate | stock Backstage | result |
//! |---|---|---|
//! | reads the files | reads them, all values are the same | equal |
//! | refuses them | refuses them, or one of the keys | both refuse |
//! | refuses them, for a reason of [`EXPLAINED`](compare::EXPLAINED) | reads them | explained |
//! | anything else | | a difference, which fails the test |

mod cases;
mod compare;
mod field;
mod generator;
mod ours;
mod stock;
mod yaml;

use std::collections::BTreeMap;

use self::{
    cases::written,
    compare::{Outcome, compare},
    field::field,
    generator::generated,
    ours::read,
    stock::Stock,
    yaml::yaml,
};

/// Files, command line and environment of one start.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub name: String,
    pub files: Vec<(String, String)>,
    /// The files named by `--config`; if there are none, Backstage's default files are read.
    pub named: Vec<String>,
    pub variables: Vec<(String, String)>,
}

/// Counts of the outcomes, by name.
async fn run(cases: impl IntoIterator<Item = Case>) -> BTreeMap<String, usize> {
    let mut stock = Stock::start().await;
    let (mut counts, mut differences) = (BTreeMap::new(), Vec::new());
    for case in cases {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in &case.files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let theirs = stock.read(folder.path(), &case).await;
        match compare(&read(folder.path(), &case), &theirs) {
            Outcome::Difference(what) => differences.push(format!("{}: {what}\n{case:#?}\n{theirs:#}", case.name)),
            outcome => *counts.entry(outcome.name()).or_default() += 1,
        }
    }
    let first: Vec<&String> = differences.iter().take(5).collect();
    assert!(differences.is_empty(), "{} differences, the first of them:\n{first:#?}\n{counts:#?}", differences.len());
    counts
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn written_files_mean_what_they_mean_to_stock_backstage() {
    let cases = written();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let counts = run(cases).await;
    println!("{counts:#?}");
    assert!(counts["equal"] >= 20, "{counts:?}");
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn files_of_teams_mean_what_they_mean_to_stock_backstage() {
    let cases = field();
    assert!(cases.len() >= 130, "{} cases", cases.len());
    let counts = run(cases).await;
    println!("{counts:#?}");
    assert!(counts["equal"] >= 60 && counts["both refuse"] >= 20, "{counts:?}");
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn yaml_means_what_it_means_to_stock_backstage() {
    let counts = run(yaml()).await;
    println!("{counts:#?}");
    assert!(counts["equal"] >= 60 && counts["both refuse"] >= 20, "{counts:?}");
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn generated_files_mean_what_they_mean_to_stock_backstage() {
    let first: u64 = std::env::var("APP_CONFIG_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let counts = run((first..first + 2_500).map(generated)).await;
    println!("{counts:#?}");
    // Cases that are all refused would show nothing.
    assert!(counts["equal"] >= 800 && counts["both refuse"] >= 100, "{counts:?}");
}
