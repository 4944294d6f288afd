//! A directory of this machine as a store, and what can be done faster because the files are here.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::hash::Sha;

use super::Storage;
use super::error::StorageError;

/// Files whose bytes were hashed and found right are remembered up to this many, about 100 bytes each.
const MAX_PROVEN: usize = 1 << 16;

/// Whether a write is on the disk when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A row that names a blob must not outlive the blob when the power fails.
    OnReturn,
    WhenTheSystemLikes,
}

#[derive(Clone, Debug)]
pub(super) struct LocalRoot {
    store: Arc<LocalFileSystem>,
    directory: PathBuf,
    durability: Durability,
    /// Files that were read whole by this process and had the hash that names them. As long as nobody writes to them, they are not read again
    /// to be sure.
    proven: Arc<Mutex<HashMap<Sha, FileState>>>,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl FileState {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

impl LocalRoot {
    pub(super) fn open(url: &Url) -> Result<Self, StorageError> {
        let directory = url.to_file_path().map_err(|()| {
            StorageError::Config("a local storage URL is file:/// and an absolute path".to_owned())
        })?;
        Self::new(&directory, Durability::OnReturn)
    }

    pub(super) fn new(directory: &Path, durability: Durability) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(|error| StorageError::file(directory, error))?;
        // Canonical, because object_store resolves links in its prefix and paths are compared.
        let directory = directory
            .canonicalize()
            .map_err(|error| StorageError::file(directory, error))?;
        let store = LocalFileSystem::new_with_prefix(&directory)
            .map_err(|error| StorageError::Config(format!("the storage directory: {error}")))?
            .with_fsync(durability == Durability::OnReturn);
        Ok(Self {
            store: Arc::new(store),
            directory,
            durability,
            proven: Arc::default(),
        })
    }

    /// Whether the file has the bytes that `sha` names, as far as this process knows already.
    pub(super) fn is_proven(&self, sha: &Sha, file: &fs::Metadata) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.get(sha) == Some(&FileState::of(file))
    }

    /// To be told after the file was hashed; `file` is what was known of it before.
    pub(super) fn prove(&self, sha: Sha, file: &fs::Metadata) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= MAX_PROVEN {
            proven.clear();
        }
        proven.insert(sha, FileState::of(file));
    }

    /// Moves a file to the place of a blob. `false`: it lies on another file system.
    pub(super) fn move_in(&self, file: &Path, place: &Path) -> io::Result<bool> {
        let durable = self.durability == Durability::OnReturn;
        if durable {
            fs::File::open(file)?.sync_all()?;
        }
        let folder = place.parent().unwrap_or(&self.directory);
        fs::create_dir_all(folder)?;
        match fs::rename(file, place) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(false),
            moved => moved?,
        }
        if durable {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(true)
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store) as Arc<dyn ObjectStore>
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Also of what object_store hides.
    pub(super) fn file_of(&self, key: &str) -> PathBuf {
        self.directory.join(key)
    }
}

impl Storage {
    /// Where an object's file is, when storage is a directory of this machine; whether or not it exists. Never write to it.
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        let local = self.local.as_ref()?;
        local.store.path_to_filesystem(&self.path(key).ok()?).ok()
    }
}

/// Puts `from` at `to` without copying where the file system can; `to` must not exist. Returns the length.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> io::Result<u64> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(fs::metadata(to)?.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        // Another file system, or one without links.
        Err(_) => {
            let mut source = fs::File::open(from)?;
            let mut target = fs::File::create_new(to)?;
            io::copy(&mut source, &mut target)
        }
    }
}
