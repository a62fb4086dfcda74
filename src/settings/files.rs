//! Files that settings were read from, and what was in them.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};

/// A folder with more `.pem` files is refused.
const MAX_FILES: usize = 1_000;
/// The part of a file that is read; settings files are far shorter.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The bytes of a file, 4 MiB at most.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What was found at a path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Contents with this SHA-256.
    Contents([u8; 32]),
    /// Nothing that can be read.
    Unreadable(io::ErrorKind),
    /// Contents that changed between two reads.
    Changing,
}

impl FileState {
    /// Of the result of a read.
    pub(crate) fn of_read(read: &io::Result<Vec<u8>>) -> Self {
        match read {
            Ok(bytes) => Self::hash([bytes.as_slice()]),
            Err(error) => Self::Unreadable(error.kind()),
        }
    }

    /// Of a file as it is now.
    pub(crate) fn of_file(path: &Path) -> Self {
        Self::of_read(&read(path))
    }

    /// Of the `.pem` files of a folder as they are now.
    pub(crate) fn of_folder(path: &Path) -> Self {
        let files = match pem_files(path) {
            Ok(files) => files,
            Err(error) => return Self::Unreadable(error.kind()),
        };
        let parts = files.iter().flat_map(|file| {
            let name = file.as_os_str().as_encoded_bytes().to_vec();
            let contents = read(file).unwrap_or_else(|error| error.kind().to_string().into_bytes());
            [name, contents]
        });
        Self::hash(parts)
    }

    fn hash<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            // With its length, so that no two lists of parts are hashed alike.
            context.update(&part.as_ref().len().to_le_bytes());
            context.update(part.as_ref());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self::Contents(hash)
    }
}

impl fmt::Debug for FileState {
    /// Without the hash, which would let short contents be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contents(_) => f.write_str("Contents"),
            Self::Unreadable(kind) => f.debug_tuple("Unreadable").field(kind).finish(),
            Self::Changing => f.write_str("Changing"),
        }
    }
}

/// A path, and how it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FilePlace {
    File(PathBuf),
    /// The `.pem` files of a folder.
    Folder(PathBuf),
}

impl fmt::Debug for FilePlace {
    /// Without the path, which may come from a variable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Folder(_) => "Folder",
        })
    }
}

impl FilePlace {
    pub(crate) fn state(&self) -> FileState {
        match self {
            Self::File(path) => FileState::of_file(path),
            Self::Folder(path) => FileState::of_folder(path),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Folder(path) => path,
        }
    }
}

/// The files and folders that settings were read from, each with its state when it was read.
#[derive(Clone, Default)]
pub(crate) struct FilesRead(BTreeMap<FilePlace, (FileState, String)>);

impl FilesRead {
    /// Adds a file that was read, under the name that messages have for it: the path itself may come from a variable whose
    /// value is a secret.
    #[cfg(any(feature = "app-config", feature = "https"))]
    pub(crate) fn add_file(&mut self, path: &Path, shown: &str, read: &io::Result<Vec<u8>>) {
        self.add(FilePlace::File(path.to_owned()), FileState::of_read(read), shown.to_owned());
    }

    /// Adds a folder whose `.pem` files are about to be read.
    pub(crate) fn add_folder(&mut self, path: &Path) {
        let shown = path.display().to_string();
        self.add(FilePlace::Folder(path.to_owned()), FileState::of_folder(path), shown);
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        for (place, (state, shown)) in &others.0 {
            self.add(place.clone(), state.clone(), shown.clone());
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FilePlace, &FileState, &str)> {
        self.0.iter().map(|(place, (state, shown))| (place, state, shown.as_str()))
    }

    fn add(&mut self, place: FilePlace, state: FileState, shown: String) {
        let held = self.0.entry(place).or_insert_with(|| (state.clone(), shown));
        if held.0 != state {
            held.0 = FileState::Changing;
        }
    }
}

impl fmt::Debug for FilesRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(_, _, shown)| shown)).finish()
    }
}

/// The `.pem` files of a folder, by name.
///
/// # Errors
/// The folder cannot be read, or has more of them than are looked at.
pub(crate) fn pem_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(io::Error::other(format!(
                "it has more than {MAX_FILES} files *.pem; leave only keys in use there"
            )));
        }
        files.push(path);
    }
    files.sort();
    Ok(files)
}
