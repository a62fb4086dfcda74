//! S-84: every file that the settings were read from is watched, determined after each load.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackgroundTask, ConfigError,
    keys::FixedKeys,
    layer::Watch,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{support::App, support::traced::Traced};

const LONG: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(50);

/// An application with two load balancers, one of which is named in a file of its own.
struct Site {
    kept: MockAlb,
    other: MockAlb,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let kept = MockAlb::new().serve().await;
        let other = MockAlb::with_keys_of(&kept);
        let site = Self { kept, other, folder: tempfile::tempdir().expect("a folder") };
        site.main("$include: signers.yaml#trusted");
        site.write("signers.yaml", &site.signers(true));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// The main file, with this as what is trusted.
    fn main(&self, signers: &str) {
        let endpoint = self.kept.config().key_endpoints()[0].to_string();
        let (issuer, client) = (self.kept.issuer(), self.kept.client_id());
        self.write(
            "app-config.yaml",
            &format!(
                "auth:\n  providers:\n    awsalb:\n      issuer: {issuer}\n      clientIds: [{client}]\n      \
                 keyEndpoint: {endpoint}\n      signers: {{ {signers} }}\n      signIn:\n        resolvers:\n          - \
                 resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: [example.com]\n            \
                 dangerouslyAllowSignInWithoutUserInCatalog: true\n"
            ),
        );
    }

    fn signers(&self, both: bool) -> String {
        let other = if both { format!("\n  - {}", self.other.signer()) } else { String::new() };
        format!("trusted:\n  - {}{other}\n", self.kept.signer())
    }

    fn watched(&self) -> Watched {
        Watched::of(self.path("app-config.yaml"))
    }
}

struct Watched {
    app: App,
    watching: BackgroundTask<ConfigError>,
    loads: Arc<AtomicUsize>,
}

impl Watched {
    fn of(file: PathBuf) -> Self {
        fn load(file: &Path) -> Result<AlbAuthConfig, ConfigError> {
            AlbAuthConfig::from_app_config([file])
        }
        let watch = Watch::files([&file]).every(EVERY);
        let layer = AlbAuthLayer::new(load(&file).expect("sound settings"));
        let loads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&loads);
        let watching = layer.handle().watch(watch, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            load(&file)
        });
        Self { app: App::new(layer), watching, loads }
    }

    async fn jane(&self, alb: &MockAlb) -> u16 {
        self.app.call(alb.request("/").user(&User::jane())).await.status.as_u16()
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
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
async fn s_84_a_signer_that_is_removed_in_an_included_file_is_refused_and_the_log_says_so() {
    let (traced, _guard) = Traced::begin();
    let site = Site::new().await;
    let watched = site.watched();
    assert_eq!((watched.jane(&site.kept).await, watched.jane(&site.other).await), (200, 200));
    site.write("signers.yaml", &site.signers(false));
    until("the withdrawal", async || watched.jane(&site.other).await == 401).await;
    assert_eq!((watched.jane(&site.kept).await, watched.loads()), (200, 1));
    let said = traced.lines(Level::INFO).join("\n");
    for part in [
        &format!("settings files have changed ({}): the configuration is swapped", site.path("signers.yaml").display()),
        &format!("no longer trusted: {} with issuer {}", site.other.signer(), site.other.issuer()),
    ] {
        assert!(said.contains(part.as_str()), "{part:?} is not in: {said}");
    }
    assert!(!said.contains(&format!("no longer trusted: {}", site.kept.signer())), "{said}");
}

/// By the paused clock of tokio, on which a poll comes exactly when it is due.
#[tokio::test]
async fn s_84_it_is_out_within_two_polls() {
    let site = Site::new().await;
    let file = site.path("app-config.yaml");
    let load = {
        let file = file.clone();
        move || AlbAuthConfig::from_app_config([&file])
    };
    let every = Duration::from_secs(3600);
    let layer = AlbAuthLayer::new(load().expect("sound settings"));
    let handle = layer.handle();
    let app = App::new(layer);
    let jane = async |alb: &MockAlb| app.call(alb.request("/").user(&User::jane())).await.status.as_u16();
    assert_eq!(jane(&site.other).await, 200);
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    tokio::time::pause();
    let _watching = handle.watch(Watch::files([&file]).every(every), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        load()
    });
    tokio::time::sleep(every / 2).await;
    site.write("signers.yaml", &site.signers(false));
    tokio::time::sleep(every * 2).await;
    tokio::time::resume();
    until("the load", async || loads.load(Ordering::SeqCst) == 1).await;
    until("the withdrawal", async || jane(&site.other).await == 401).await;
    assert_eq!((loads.load(Ordering::SeqCst), jane(&site.kept).await), (1, 200));
}

#[tokio::test]
async fn s_84_includes_of_includes_and_texts_from_files_are_watched() {
    let site = Site::new().await;
    // Backstage follows an include in an included list, and no include that is included as a whole.
    site.write("one.txt", site.kept.signer());
    site.write("deep.yaml", &format!("other: {}\n", site.other.signer()));
    site.write("signers.yaml", "trusted:\n  - $file: one.txt\n  - $include: deep.yaml#other\n");
    let watched = site.watched();
    assert_eq!((watched.jane(&site.kept).await, watched.jane(&site.other).await), (200, 200));
    site.write("one.txt", &site.kept.signer().replace("/mock/", "/gone/"));
    until("the change of the text", async || watched.jane(&site.kept).await == 401).await;
    site.write("deep.yaml", &format!("other: {}\n", site.other.signer().replace("/mock/", "/gone/")));
    until("the change below", async || watched.jane(&site.other).await == 401).await;
    assert_eq!((watched.loads(), watched.watching.problem()), (2, None));
}

/// After each load, what it read: a file that is included later is watched from then on, one that no longer is, is not.
#[tokio::test]
async fn s_84_the_files_are_determined_after_each_load() {
    let site = Site::new().await;
    let watched = site.watched();
    site.write("later.yaml", &site.signers(true).replace("trusted", "allowed"));
    site.main("$include: later.yaml#allowed");
    until("the other file", async || watched.loads() == 1).await;
    assert_eq!(watched.jane(&site.other).await, 200);
    site.write("later.yaml", &site.signers(false).replace("trusted", "allowed"));
    until("the withdrawal", async || watched.jane(&site.other).await == 401).await;
    let loads = watched.loads();
    site.write("signers.yaml", "no YAML: [");
    super::files::pass(EVERY * 6).await;
    assert_eq!((watched.loads(), watched.watching.problem()), (loads, None));
}

#[tokio::test]
async fn s_84_an_included_file_that_goes_missing_is_reported_and_noticed_when_it_is_back() {
    let (traced, _guard) = Traced::begin();
    let site = Site::new().await;
    let watched = site.watched();
    fs::remove_file(site.path("signers.yaml")).expect("removed");
    until("the problem", async || watched.watching.problem().is_some()).await;
    let errors = traced.lines(Level::ERROR);
    assert_eq!((errors.len(), watched.loads()), (1, 1), "{errors:?}");
    let named = format!("settings files have changed ({}: entity not found)", site.path("signers.yaml").display());
    assert!(errors[0].starts_with(&named) && errors[0].contains("cannot be read"), "{errors:?}");
    assert_eq!(watched.jane(&site.other).await, 200, "those from before stay");
    site.write("signers.yaml", &site.signers(false));
    until("the file that is back", async || watched.jane(&site.other).await == 401).await;
    assert_eq!((watched.loads(), watched.watching.problem()), (2, None));
}

/// A load that fails has read files too, and those are watched: the one that it lacks, above all.
#[tokio::test]
async fn s_84_a_file_that_a_failed_load_lacked_is_waited_for() {
    let site = Site::new().await;
    let watched = site.watched();
    site.main("$include: new.yaml#trusted");
    until("the problem", async || watched.watching.problem().is_some()).await;
    site.write("new.yaml", &site.signers(true).replace("arn:", "arm:"));
    until("another problem", async || {
        watched.watching.problem().is_some_and(|problem| problem.to_string().contains("is not an ARN"))
    })
    .await;
    site.write("new.yaml", &site.signers(false));
    until("the new file", async || watched.jane(&site.other).await == 401).await;
    assert_eq!((watched.loads(), watched.watching.problem()), (3, None));
}

/// What was read counts, not what is there when the watch begins.
#[tokio::test]
async fn s_84_a_change_between_the_load_and_the_watch_is_not_missed() {
    let site = Site::new().await;
    let file = site.path("app-config.yaml");
    let layer = AlbAuthLayer::new(AlbAuthConfig::from_app_config([&file]).expect("sound settings"));
    site.write("signers.yaml", &site.signers(false));
    let nothing: [&Path; 0] = [];
    let watch = Watch::files(nothing).every(EVERY);
    let _watching = layer.handle().watch(watch, move || AlbAuthConfig::from_app_config([&file]));
    let app = App::new(layer);
    let jane = async |alb: &MockAlb| app.call(alb.request("/").user(&User::jane())).await.status.as_u16();
    until("the withdrawal", async || jane(&site.other).await == 401).await;
    assert_eq!(jane(&site.kept).await, 200);
}

/// The name of a file may come from a variable, whose value may be a secret.
#[tokio::test]
async fn s_61_the_value_of_a_variable_in_a_path_is_not_logged() {
    let (traced, _guard) = Traced::begin();
    let site = Site::new().await;
    site.write("canary.yaml", &site.signers(true));
    site.main("$include: \"${FOLDER_OF_MINE}.yaml#trusted\"");
    let file = site.path("app-config.yaml");
    let load = move || {
        let files = tower_alb_auth::config::AppConfig::load_with([&file], |_| Some("canary".to_owned()))?;
        files.alb_auth()?.build()
    };
    let nothing: [&Path; 0] = [];
    let layer = AlbAuthLayer::new(load().expect("sound settings"));
    let _watching = layer.handle().watch(Watch::files(nothing).every(EVERY), load);
    let app = App::new(layer);
    site.write("canary.yaml", &site.signers(false));
    until("the withdrawal", async || app.call(site.other.request("/").user(&User::jane())).await.status == 401).await;
    let said = traced.all();
    assert!(said.contains("${FOLDER_OF_MINE}.yaml#trusted") && !said.contains("canary"), "{said}");
}

#[tokio::test]
async fn s_84_a_folder_of_keys_that_is_not_listed_is_watched() {
    let alb = MockAlb::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let write = |alb: &MockAlb| {
        fs::write(path.join(format!("{}.pem", alb.kid())), alb.public_key_pem()).expect("written");
    };
    let mut rotated = alb.clone();
    rotated.rotate();
    write(&alb);
    write(&rotated);
    let load = {
        let (trusted, path) = (alb.trusted(), path.clone());
        move || -> Result<AlbAuthConfig, ConfigError> {
            let keys = FixedKeys::from_directory(&path).map_err(ConfigError::message)?;
            AlbAuthConfig::builder().trust(trusted.clone()).sign_in(ClaimsOnly).fixed_keys(keys).build()
        }
    };
    let nothing: [&Path; 0] = [];
    let layer = AlbAuthLayer::new(load().expect("sound settings"));
    let _watching = layer.handle().watch(Watch::files(nothing).every(EVERY), load);
    let app = App::new(layer);
    let jane = async |alb: &MockAlb| app.call(alb.request("/").user(&User::jane())).await.status.as_u16();
    assert_eq!((jane(&alb).await, jane(&rotated).await), (200, 200));
    fs::remove_file(path.join(format!("{}.pem", rotated.kid()))).expect("removed");
    until("the withdrawal", async || jane(&rotated).await == 401).await;
    assert_eq!(jane(&alb).await, 200);
}
