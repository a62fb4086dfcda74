//! F-73: a list in a file that is different at each read.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tower_alb_auth::{
    deny_list::DenyList,
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{support::App, support::traced::Traced};

/// For a busy machine; the report comes after 2 s.
const LONG: Duration = Duration::from_secs(30);
const JANE: &str = "{\"user\": \"user:default/jane.doe\"}\n";
const JOHN: &str = "{\"user\": \"user:default/john.doe\"}\n";

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < LONG, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn f_73_a_file_that_is_different_at_each_read_is_reported_and_the_former_list_stays() {
    let (traced, _guard) = Traced::begin();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, next) = (folder.path().join("denied.jsonl"), folder.path().join("next"));
    fs::write(&file, JANE).expect("written");
    let list = DenyList::from_file(&file).expect("a list");
    let alb = MockAlb::new();
    let app = App::new(alb.layer().deny_list(&list));
    let status = async |name: &str| app.call(alb.request("/").user(&User::entra(name))).await.status.as_u16();
    assert_eq!([status("jane.doe").await, status("john.doe").await], [403, 200]);

    let ended = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (ended, file) = (Arc::clone(&ended), file.clone());
        move || {
            for number in 0_u64.. {
                // Whole each time, and never the same twice.
                fs::write(&next, format!("{JOHN}{{\"email\": \"user.{number}@example.com\"}}\n")).expect("written");
                fs::rename(&next, &file).expect("renamed");
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    until("the report", async || list.problem().is_some_and(|problem| problem.contains("different at each"))).await;
    assert_eq!([status("jane.doe").await, status("john.doe").await], [403, 200], "the former list");
    until("the warning", async || {
        traced.lines(Level::WARN).iter().any(|line| {
            line.contains("stay in force")
                && line.contains("different at each")
                && line.contains(&file.display().to_string())
        })
    })
    .await;
    assert!(list.problem().is_some_and(|problem| problem.contains("renamed")), "names what to change");

    ended.store(true, Ordering::SeqCst);
    writer.join().expect("the writer");
    until("the last list", async || status("john.doe").await == 403).await;
    assert_eq!(status("jane.doe").await, 200);
    assert_eq!(list.problem(), None);
}
