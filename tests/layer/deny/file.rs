//! S-93 and F-46: a list in a file that changes, is half written, or goes missing.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use tower_alb_auth::{
    deny_list::DenyList,
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{support::App, support::traced::Traced};

/// An entry is in force within 2 s. The rest is for a busy machine.
const LONG: Duration = Duration::from_secs(20);
const JANE: &str = "{\"user\": \"user:default/jane.doe\"}\n";
const JOHN: &str = "{\"email\": \"john.doe@example.com\"}\n";

struct Listed {
    alb: MockAlb,
    app: App,
    list: DenyList,
    file: PathBuf,
    folder: tempfile::TempDir,
}

impl Listed {
    fn begin(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("denied.jsonl");
        fs::write(&file, text).expect("written");
        let alb = MockAlb::new();
        let list = DenyList::from_file(&file).expect("a list");
        Self { app: App::new(alb.layer().deny_list(&list)), alb, list, file, folder }
    }

    fn write(&self, text: &str) {
        fs::write(&self.file, text).expect("written");
    }

    async fn status(&self, local_part: &str) -> u16 {
        self.app.call(self.alb.request("/").user(&User::entra(local_part))).await.status.as_u16()
    }

    async fn both(&self) -> [u16; 2] {
        [self.status("jane.doe").await, self.status("john.doe").await]
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < LONG, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

#[tokio::test]
async fn s_93_a_change_of_the_file_is_in_force_soon() {
    let listed = Listed::begin(JANE);
    assert_eq!(listed.both().await, [403, 200]);
    listed.write(&format!("{JANE}{JOHN}"));
    let took = until("John's denial", async || listed.status("john.doe").await == 403).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    listed.write(JOHN);
    until("Jane's return", async || listed.status("jane.doe").await == 200).await;
    assert_eq!(listed.both().await, [200, 403]);

    // Swapped by a link, as Kubernetes does it.
    let next = listed.folder.path().join("next");
    fs::write(&next, JANE).unwrap();
    fs::rename(&next, &listed.file).unwrap();
    until("the swap", async || listed.both().await == [403, 200]).await;
}

#[tokio::test]
async fn f_46_a_file_that_cannot_be_read_leaves_the_former_list_in_force_and_is_reported() {
    let (traced, _guard) = Traced::begin();
    let listed = Listed::begin(&format!("{JANE}{JOHN}"));
    let shown = listed.file.display().to_string();
    for (case, text, named) in [
        ("a wrong line", format!("{JANE}{{\"mail\": \"x\"}}\n"), format!("{shown}:2: ")),
        ("half a line", format!("{JANE}{{\"email\": \"john."), format!("{shown}:2: ")),
        ("no line end", format!("{JANE}{}", JOHN.trim_end()), format!("{shown}:2: the last line has no line end")),
    ] {
        listed.write(&text);
        until(case, async || listed.list.problem().is_some_and(|problem| problem.contains(&named))).await;
        assert_eq!(listed.both().await, [403, 403], "{case}");
    }
    fs::remove_file(&listed.file).unwrap();
    until("the loss", async || listed.list.problem().is_some_and(|problem| problem.contains("cannot be read"))).await;
    assert_eq!(listed.both().await, [403, 403]);

    let warned: Vec<String> = traced.lines(Level::WARN).into_iter().filter(|line| line.contains("deny list")).collect();
    // One a minute.
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("stay in force") && warned[0].contains(&format!("{shown}:2: ")), "{warned:?}");
    assert!(listed.app.call(listed.alb.request("/").user(&User::entra("amy"))).await.status == 200);

    listed.write(JOHN);
    until("the repair", async || listed.both().await == [200, 403]).await;
    assert_eq!(listed.list.problem(), None);
}

#[tokio::test]
async fn f_46_a_file_that_is_cut_short_for_a_moment_lets_no_listed_user_in() {
    let listed = Listed::begin(&format!("{JANE}{JOHN}"));
    // As an editor or a shell writes: the file is empty first.
    for _ in 0..40 {
        listed.write("");
        tokio::task::yield_now().await;
        listed.write(&format!("{JANE}{JOHN}"));
        assert_eq!(listed.both().await, [403, 403]);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    // Emptied on purpose.
    listed.write("{\"entries\": 0}\n");
    until("the end of all entries", async || listed.both().await == [200, 200]).await;
}

/// A writer that has stopped after it cut the file off, or a disk that is full.
#[tokio::test]
async fn f_52_a_file_that_stays_empty_or_cut_off_at_a_line_end_lets_no_listed_user_in() {
    let counted = format!("{{\"entries\": 2}}\n{JANE}{JOHN}");
    let listed = Listed::begin(&counted);
    for (case, text, expected) in [
        ("empty", String::new(), "the file has no entry"),
        ("a comment", "# none\n".to_owned(), "the file has no entry"),
        ("the first line alone", "{\"entries\": 2}\n".to_owned(), "the file has 0 entries and its first line says 2"),
        ("one entry of two", format!("{{\"entries\": 2}}\n{JANE}"), "the file has 1 entries and its first line says 2"),
        ("the number at the end", format!("{JANE}{{\"entries\": 1}}\n"), "is not the first line"),
    ] {
        listed.write(&text);
        until(case, async || listed.list.problem().is_some_and(|problem| problem.contains(expected))).await;
        assert_eq!(listed.both().await, [403, 403], "{case}");
        assert_eq!(listed.list.len(), 2, "{case}");
        listed.write(&counted);
        until("the repair", async || listed.list.problem().is_none()).await;
    }
    listed.write("# No user is shut out.\n{\"entries\": 0}\n");
    until("the end of all entries", async || listed.both().await == [200, 200]).await;
    assert!(listed.list.is_empty());
}

#[test]
fn f_52_an_empty_file_at_the_start_is_an_error_and_an_explicit_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "").unwrap();
    let error = DenyList::from_file(&file).unwrap_err().to_string();
    assert!(error.contains("denied.jsonl") && error.contains("{\"entries\": 0}"), "{error}");
    fs::write(&file, "{\"entries\": 0}\n").unwrap();
    assert!(DenyList::from_file(&file).unwrap().is_empty());
}

#[test]
fn f_46_without_a_list_at_the_start_there_is_no_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("denied.jsonl");
    let missing = DenyList::from_file(&file).unwrap_err().to_string();
    assert!(missing.contains("denied.jsonl cannot be read"), "{missing}");
    fs::write(&file, "{\"user\": \"jane\"}\n{\"email\": \"canary\"}\n").unwrap();
    let error = DenyList::from_file(&file).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    assert!(error.to_string().contains("denied.jsonl:2: ") && !error.to_string().contains("canary"), "{error}");
}
