//! The users who can currently sign in.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    DemoUser,
    secret::Key,
    users_file::{MAX_BYTES, UsersFile},
};
use crate::internal::{Arc, Mutex};

/// The users of the program and those of the file, which is read again at every use.
pub(super) struct Users {
    /// The built-in users, or those that replace them.
    standing: Vec<DemoUser>,
    file: Option<PathBuf>,
    current: Mutex<Current>,
}

struct Current {
    list: UserList,
    /// The file's content at the last read, so that a mistake is logged once.
    content: Option<Key>,
}

/// The users, and the problem of their file.
#[derive(Clone)]
pub(super) struct UserList {
    users: Arc<[DemoUser]>,
    problem: Option<Arc<str>>,
}

impl Users {
    /// # Errors
    /// The file cannot be read or used.
    pub(super) fn new(standing: Vec<DemoUser>, file: Option<PathBuf>) -> Result<Self, String> {
        let (users, content) = match &file {
            None => (standing.clone(), None),
            Some(path) => {
                let text = read(path).map_err(|error| about(path, &error.to_string()))?;
                let parsed = UsersFile::parse(&text).map_err(|problem| about(path, &problem))?;
                (together(&standing, parsed), Some(Key::of(&text)))
            }
        };
        let list = UserList { users: users.into(), problem: None };
        Ok(Self { standing, file, current: Mutex::new(Current { list, content }) })
    }

    /// The current users. If the file has a mistake, the previous users stay.
    pub(super) async fn now(&self) -> UserList {
        let Some(path) = self.file.clone() else { return self.held() };
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || read(&path)
        });
        let text = match read.await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(error.to_string()),
            // The runtime is shutting down.
            Err(_) => return self.held(),
        };
        let content = Key::of(text.as_ref().unwrap_or_else(|error| error));
        let mut current = self.current.lock();
        if current.content == Some(content) {
            return current.list.clone();
        }
        current.content = Some(content);
        match text.and_then(|text| UsersFile::parse(&text)) {
            Ok(file) => {
                let users = together(&self.standing, file);
                tracing::info!(target: "alb_emulator", "reloaded {} users from {}", users.len(), path.display());
                current.list = UserList { users: users.into(), problem: None };
            }
            Err(problem) => {
                let problem = about(&path, &problem);
                tracing::warn!(target: "alb_emulator", "{problem}; the previous users stay");
                current.list.problem = Some(problem.into());
            }
        }
        current.list.clone()
    }

    /// The users as of the last read of the file.
    pub(super) fn held(&self) -> UserList {
        self.current.lock().list.clone()
    }
}

impl UserList {
    pub(super) fn users(&self) -> &[DemoUser] {
        &self.users
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&DemoUser> {
        self.users.iter().find(|user| user.id() == id)
    }

    /// The problem of the file, for the login page.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// The users of the file first, then the others. A user of the file replaces another one with the
/// same id.
fn together(standing: &[DemoUser], file: UsersFile) -> Vec<DemoUser> {
    let mut users = file.users;
    let ready = if file.ready_users { standing } else { &[] };
    for user in ready {
        if users.iter().all(|other| other.id() != user.id()) {
            users.push(user.clone());
        }
    }
    users
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte more than the maximum, to detect a file that is too large.
    let longest = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(longest).read_to_string(&mut text)?;
    Ok(text)
}

fn about(path: &Path, problem: &str) -> String {
    format!("the users file {} cannot be used: {problem}", path.display())
}
