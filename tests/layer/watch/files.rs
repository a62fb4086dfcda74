//! Files that change, go away, are half written or written all the time, or are swapped by links.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AlbAuthSettings, BackgroundTask, ConfigError,
    layer::Watch,
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{support::App, support::traced::Traced};

/// How long something is waited for that has to come.
const LONG: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(50);

/// An application whose settings stand in a file, which is watched.
struct Watched {
    alb: MockAlb,
    file: PathBuf,
    app: App,
    watching: BackgroundTask<ConfigError>,
    loads: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

fn settings(alb: &MockAlb, domain: &str) -> String {
    let endpoint = alb.config().key_endpoints()[0].to_string();
    format!(
        r#"{{"trust": [{{"signers": ["{}"], "issuer": "{}", "client_ids": ["{}"], "key_endpoint": "{endpoint}"}}],
            "sign_in": {{"email_local_part": {{"domains": ["{domain}"]}}}}}}"#,
        alb.signer(),
        alb.issuer(),
        alb.client_id(),
    )
}

fn load(file: &Path) -> Result<AlbAuthConfig, ConfigError> {
    let text = fs::read_to_string(file).map_err(ConfigError::message)?;
    if text.contains("panic") {
        panic!("as the file says");
    }
    let settings: AlbAuthSettings = serde_json::from_str(&text).map_err(ConfigError::message)?;
    settings.to_builder().build()
}

impl Watched {
    async fn begin() -> Self {
        let alb = MockAlb::new().serve().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("settings.json");
        fs::write(&file, settings(&alb, "example.com")).expect("written");
        Self::of(alb, folder, file)
    }

    fn of(alb: MockAlb, folder: tempfile::TempDir, file: PathBuf) -> Self {
        let watch = Watch::files([&file]).every(EVERY);
        let layer = AlbAuthLayer::new(load(&file).expect("sound settings"));
        let loads = Arc::new(AtomicUsize::new(0));
        let watching = layer.handle().watch(watch, {
            let (file, loads) = (file.clone(), Arc::clone(&loads));
            move || {
                loads.fetch_add(1, Ordering::SeqCst);
                load(&file)
            }
        });
        Self { alb, file, app: App::new(layer), watching, loads, _folder: folder }
    }

    fn write(&self, text: &str) {
        fs::write(&self.file, text).expect("written");
    }

    /// What Jane of this domain gets.
    async fn jane(&self, domain: &str) -> u16 {
        let jane = User::jane().claim("email", format!("jane@{domain}"));
        self.app.call(self.alb.request("/").user(&jane)).await.status.as_u16()
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}

/// Lets this time pass on the paused clock of tokio, on which polls come exactly when they are due.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::sleep(time).await;
    tokio::time::resume();
}

/// Waits until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(EVERY / 2).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}

#[tokio::test]
async fn a_change_is_in_use_without_a_restart_and_one_load() {
    let watched = Watched::begin().await;
    assert_eq!((watched.jane("example.com").await, watched.jane("example.org").await), (200, 403));
    watched.write(&settings(&watched.alb, "example.org"));
    until("the reload", async || watched.jane("example.org").await == 200).await;
    assert_eq!(watched.jane("example.com").await, 403);
    assert_eq!((watched.loads(), watched.watching.problem()), (1, None));
}

#[tokio::test]
async fn a_wrong_file_keeps_the_old_settings_and_says_so_once() {
    let (traced, _guard) = Traced::begin();
    let watched = Watched::begin().await;
    watched.write(&settings(&watched.alb, "example.org").replace("issuer", "isuer"));
    until("the problem", async || watched.watching.problem().is_some()).await;
    let problem = watched.watching.problem().expect("a problem").to_string();
    assert!(problem.contains("unknown field `isuer`"), "{problem}");
    assert_eq!(watched.jane("example.com").await, 200);
    // It is looked at again, and said no second time.
    pass(EVERY * 6).await;
    let errors = traced.lines(Level::ERROR);
    assert_eq!((errors.len(), watched.loads()), (1, 1), "{errors:?}");
    assert!(errors[0].contains("those from before stay"), "{errors:?}");

    watched.write(&settings(&watched.alb, "example.org"));
    until("the mended file", async || watched.jane("example.org").await == 200).await;
    assert_eq!(watched.watching.problem(), None);
}

#[tokio::test]
async fn a_file_that_goes_away_and_one_that_makes_load_panic_keep_the_old_settings() {
    let watched = Watched::begin().await;
    fs::remove_file(&watched.file).expect("removed");
    until("the problem", async || watched.watching.problem().is_some()).await;
    assert_eq!(watched.jane("example.com").await, 200);

    watched.write("panic");
    let panicked = async || watched.watching.problem().is_some_and(|problem| problem.to_string().contains("panicked"));
    until("the panic", panicked).await;
    assert_eq!(watched.jane("example.com").await, 200);
    assert!(watched.watching.is_running());

    watched.write(&settings(&watched.alb, "example.org"));
    until("the file that is back", async || watched.jane("example.org").await == 200).await;
}

#[tokio::test]
async fn a_file_that_is_still_written_is_not_read() {
    let watched = Watched::begin().await;
    let whole = settings(&watched.alb, "example.org");
    // Each part stands for less than two looks.
    for end in 1..40 {
        watched.write(&whole[..whole.len() * end / 40]);
        pass(EVERY / 5).await;
    }
    watched.write(&whole);
    until("the reload", async || watched.jane("example.org").await == 200).await;
    assert_eq!(watched.watching.problem(), None);
}

/// As Kubernetes swaps a ConfigMap: the file is a link into a folder that is a link.
#[cfg(unix)]
#[tokio::test]
async fn links_that_are_swapped_are_a_change() {
    use std::os::unix::fs::symlink;

    let alb = MockAlb::new().serve().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (version, domain) in [("one", "example.com"), ("two", "example.org")] {
        fs::create_dir(folder.path().join(version)).expect("made");
        fs::write(folder.path().join(version).join("settings.json"), settings(&alb, domain)).expect("written");
    }
    let data = folder.path().join("data");
    symlink("one", &data).expect("linked");
    symlink("data/settings.json", folder.path().join("settings.json")).expect("linked");
    let file = folder.path().join("settings.json");
    let watched = Watched::of(alb, folder, file);
    assert_eq!(watched.jane("example.com").await, 200);

    let next = data.with_file_name("next");
    symlink("two", &next).expect("linked");
    fs::rename(&next, &data).expect("swapped");
    until("the reload", async || watched.jane("example.org").await == 200).await;
}

#[tokio::test]
async fn what_is_written_again_as_it_was_is_no_change() {
    let watched = Watched::begin().await;
    for _ in 0..6 {
        watched.write(&settings(&watched.alb, "example.com"));
        pass(EVERY).await;
    }
    assert_eq!(watched.loads(), 0);
}

#[tokio::test]
async fn a_change_between_the_watch_and_the_first_load_is_not_missed() {
    let alb = MockAlb::new().serve().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.json");
    fs::write(&file, settings(&alb, "example.com")).expect("written");
    let watch = Watch::files([&file]).every(EVERY);
    let layer = AlbAuthLayer::new(load(&file).expect("sound settings"));
    fs::write(&file, settings(&alb, "example.org")).expect("written");
    let _watching = layer.handle().watch(watch, move || load(&file));
    let app = App::new(layer);
    let jane = User::jane().claim("email", "jane@example.org");
    until("the reload", async || app.call(alb.request("/").user(&jane)).await.status == 200).await;
}

#[tokio::test]
async fn it_ends_when_it_is_dropped_and_with_the_last_layer() {
    let watched = Watched::begin().await;
    let Watched { alb, file, app, watching, loads, _folder } = watched;
    drop(watching);
    fs::write(&file, settings(&alb, "example.org")).expect("written");
    pass(EVERY * 6).await;
    assert_eq!(loads.load(Ordering::SeqCst), 0);
    drop(app);

    let layer = alb.layer();
    let watching =
        layer.handle().watch(Watch::files([&file]).every(Duration::ZERO), || Err(ConfigError::message("no")));
    assert!(watching.is_running());
    drop(layer);
    until("the end", async || !watching.is_running()).await;
}

/// What is read may be newer than what was looked at; the look after must not take the one for the other.
#[tokio::test]
async fn a_file_that_changes_while_it_is_loaded_and_back_is_loaded_again() {
    let alb = MockAlb::new().serve().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.json");
    let [before, wide, narrow] = ["example.com", "example.net", "example.org"].map(|domain| settings(&alb, domain));
    fs::write(&file, before).expect("written");
    let layer = AlbAuthLayer::new(load(&file).expect("sound settings"));
    let (loads, from) = (AtomicUsize::new(0), file.clone());
    let watching = layer.handle().watch(Watch::files([&file]).every(EVERY * 8), move || {
        if loads.fetch_add(1, Ordering::SeqCst) == 0 {
            fs::write(&from, &wide).map_err(ConfigError::message)?;
        }
        load(&from)
    });
    fs::write(&file, &narrow).expect("written");
    let app = App::new(layer);
    let jane = async |domain: &str| {
        let jane = User::jane().claim("email", format!("jane@{domain}"));
        app.call(alb.request("/").user(&jane)).await.status.as_u16()
    };
    until("the first load", async || jane("example.net").await == 200).await;
    pass(EVERY * 2).await;
    fs::write(&file, &narrow).expect("written");
    until("what stands there", async || jane("example.org").await == 200).await;
    assert_eq!(jane("example.net").await, 403);
    assert!(watching.is_running());
}

#[tokio::test]
async fn f_73_settings_that_are_different_at_each_poll_are_reported_and_the_former_ones_stay() {
    let (traced, _guard) = Traced::begin();
    let watched = Watched::begin().await;
    let ended = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (ended, file, text) = (Arc::clone(&ended), watched.file.clone(), settings(&watched.alb, "example.org"));
        let next = file.with_extension("next");
        move || {
            for number in 0.. {
                // Whole each time, and never the same twice.
                fs::write(&next, format!("{text}{}", " ".repeat(number))).expect("written");
                fs::rename(&next, &file).expect("renamed");
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                thread::sleep(EVERY / 10);
            }
        }
    });
    let is_reported = |text: String| text.contains("different at each") && text.contains("settings.json");
    until("the report", async || watched.watching.problem().is_some_and(|error| is_reported(error.to_string()))).await;
    assert_eq!((watched.jane("example.com").await, watched.jane("example.org").await), (200, 403));
    assert_eq!(watched.loads(), 0);
    assert!(traced.lines(Level::ERROR).iter().any(|line| is_reported(line.to_string())), "it is in the log");

    ended.store(true, Ordering::SeqCst);
    writer.join().expect("the writer");
    until("the reload", async || watched.jane("example.org").await == 200).await;
    assert_eq!((watched.loads(), watched.watching.problem().map(|error| error.to_string())), (1, None));
}
