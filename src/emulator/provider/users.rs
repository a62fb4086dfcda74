//! Who can sign in at this moment.

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

/// The users in the program and those of the file, which is read again whenever somebody asks.
pub(super) struct Users {
    /// The ready users, or those that were given instead.
    standing: Vec<DemoUser>,
    file: Option<PathBuf>,
    current: Mutex<Current>,
}

struct Current {
    list: UserList,
    /// What the file said when it was last read, so that a mistake is logged once.
    content: Option<Key>,
}

/// The users, and what is wrong with their file.
#[derive(Clone)]
pub(super) struct UserList {
    users: Arc<[DemoUser]>,
    problem: Option<Arc<str>>,
}

impl Users {
    /// # Errors
    /// The file cannot be read, or what it says cannot be used.
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

    /// The users as they are now. A file that went wrong leaves those of before.
    pub(super) async fn now(&self) -> UserList {
        let Some(path) = self.file.clone() else { return self.held() };
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || read(&path)
        });
        let text = match read.await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(error.to_string()),
            // The runtime is ending.
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
                tracing::info!(target: "alb_emulator", "{} users read again from {}", users.len(), path.display());
                current.list = UserList { users: users.into(), problem: None };
            }
            Err(problem) => {
                let problem = about(&path, &problem);
                tracing::warn!(target: "alb_emulator", "{problem}; the users of before stay");
                current.list.problem = Some(problem.into());
            }
        }
        current.list.clone()
    }

    /// The users as they were when the file was last read.
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

    /// What is wrong with the file, for the login page.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// Those of the file first: somebody wrote them for a reason. One of them stands for a ready one of the same id.
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
    // One byte more than is allowed, which tells that it is too much.
    let longest = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(longest).read_to_string(&mut text)?;
    Ok(text)
}

fn about(path: &Path, problem: &str) -> String {
    format!("the file of users {} cannot be used: {problem}", path.display())
}
