//! The files that Backstage reads if none is named.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::AppConfig;

impl AppConfig {
    /// The files that Backstage reads if none is named by `--config`, in the order in which later ones win:
    ///
    /// 1. `app-config.yaml`, which must exist
    /// 2. `app-config.<environment>.yaml` for each environment
    /// 3. `app-config.local.yaml`
    /// 4. `app-config.<environment>.local.yaml` for each environment
    ///
    /// The environments are those of the variable `BACKSTAGE_ENV`, separated by commas. The folder is the nearest one, from `folder`
    /// upwards, whose `package.json` has the member `workspaces`; if there is no such folder, it is `folder` itself.
    ///
    /// ```
    /// use tower_alb_auth::config::AppConfig;
    ///
    /// let folder = std::env::temp_dir();
    /// assert!(AppConfig::default_files(&folder, Some("production")).iter().any(|file| file.ends_with("app-config.yaml")));
    /// ```
    pub fn default_files(folder: impl AsRef<Path>, environments: Option<&str>) -> Vec<PathBuf> {
        let folder = root_of(folder.as_ref());
        let environments =
            || environments.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut files = vec![folder.join("app-config.yaml")];
        let names = environments().map(|name| format!("app-config.{name}.yaml"));
        let names = names.chain(["app-config.local.yaml".to_owned()]);
        let names = names.chain(environments().map(|name| format!("app-config.{name}.local.yaml")));
        files.extend(names.map(|name| folder.join(name)).filter(|file| file.exists()));
        files
    }
}

/// The root of the monorepo that the folder is in.
fn root_of(folder: &Path) -> &Path {
    let has_workspaces = |folder: &&Path| {
        let text = fs::read(folder.join("package.json")).unwrap_or_default();
        let package: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        match package.get("workspaces") {
            None | Some(serde_json::Value::Null | serde_json::Value::Bool(false)) => false,
            Some(_) => true,
        }
    };
    folder.ancestors().find(has_workspaces).unwrap_or(folder)
}
