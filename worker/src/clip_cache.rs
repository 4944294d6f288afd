//! Clips and artifacts kept on the worker's disk, named by their hash, so that the shots of one clip fetch it once.
//!
//! Bounded in bytes; what was used longest ago goes first. Several processes may share the directory: a file appears under its name only when
//! it is whole and its hash was right, and tasks get hard links, which stay when the cache forgets.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use botflix_common::failure::Failure;
use botflix_common::hash::Sha;
use botflix_common::storage::{Storage, StorageError};
use uuid::Uuid;

use crate::failure::{input_lost, scratch_failure, storage_failure};
use crate::scratch::ScratchError;

const DIR_NAME: &str = "clips";
const ARRIVING: &str = "arriving-";
/// What is still arriving after this long was cut off by a crash.
const ARRIVING_FOR_SECONDS: u64 = 24 * 3600;

/// A file that is kept.
struct Kept {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
    /// By a task that runs: to forget it now frees nothing.
    is_read: bool,
}

pub struct ClipCache {
    dir: PathBuf,
    limit_bytes: u64,
    /// One fetches a hash, the others wait for it.
    fetching: Mutex<HashMap<Sha, Weak<tokio::sync::Mutex<()>>>>,
}

impl ClipCache {
    pub fn open(root: &Path, limit_bytes: u64) -> Result<Self, ScratchError> {
        let unusable = |source| ScratchError::Unusable {
            path: root.to_owned(),
            source,
        };
        let dir = root.canonicalize().map_err(unusable)?.join(DIR_NAME);
        fs::create_dir_all(&dir).map_err(unusable)?;
        Ok(Self {
            dir,
            limit_bytes,
            fetching: Mutex::default(),
        })
    }

    /// Puts the blob at `path`, from here or from storage.
    pub async fn obtain(&self, storage: &Storage, sha: &Sha, path: &Path) -> Result<(), Failure> {
        if self.limit_bytes == 0 {
            return download(storage, sha, path).await;
        }
        let turn = self.turn(sha);
        let _mine = turn.lock().await;
        let kept = self.dir.join(sha.hex());
        if link(&kept, path).map_err(|e| self.io(e))? {
            return Ok(());
        }
        let arriving = self.dir.join(format!("{ARRIVING}{}", Uuid::now_v7()));
        let fetched = download(storage, sha, &arriving).await;
        let placed = match fetched {
            Ok(()) => place(&arriving, &kept, path).map_err(|e| self.io(e)),
            Err(failure) => Err(failure),
        };
        if placed.is_err()
            && let Err(error) = remove(&arriving)
        {
            tracing::warn!(%error, "a clip that did not arrive stays in the cache directory");
        }
        placed?;
        self.forget_the_oldest(&kept).map_err(|e| self.io(e))
    }

    fn turn(&self, sha: &Sha) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = fetching.get(sha).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        fetching.insert(*sha, Arc::downgrade(&turn));
        turn
    }

    /// The bytes of all that is kept or arrives, and of those that tasks read now.
    pub fn bytes(&self) -> io::Result<(u64, u64)> {
        let mut arriving = 0;
        let kept = self.kept_and(|bytes| arriving += bytes)?;
        let read: u64 = kept
            .iter()
            .filter(|one| one.is_read)
            .map(|one| one.bytes)
            .sum();
        let all: u64 = kept.iter().map(|one| one.bytes).sum();
        Ok((all + arriving, read + arriving))
    }

    /// Forgets what was used longest ago until so many bytes are free again, or nothing is left that would free any.
    pub fn give_way(&self, bytes: u64) -> io::Result<()> {
        let mut freed = 0;
        for one in self.kept()?.into_iter().filter(|one| !one.is_read) {
            if freed >= bytes {
                break;
            }
            remove(&one.path)?;
            freed += one.bytes;
        }
        Ok(())
    }

    fn forget_the_oldest(&self, newest: &Path) -> io::Result<()> {
        let kept = self.kept()?;
        let mut total: u64 = kept.iter().map(|one| one.bytes).sum();
        for one in kept {
            if total <= self.limit_bytes {
                break;
            }
            if one.path != newest {
                remove(&one.path)?;
                total -= one.bytes;
            }
        }
        Ok(())
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        self.kept_and(|_| {})
    }

    /// What was used longest ago first. What was cut off on its way goes here, and of what arrives the bytes are told.
    fn kept_and(&self, mut arrives: impl FnMut(u64)) -> io::Result<Vec<Kept>> {
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // Another process may have forgotten it meanwhile.
            let Ok(meta) = entry.metadata() else { continue };
            let used = meta.modified().unwrap_or(now);
            if entry.file_name().to_string_lossy().starts_with(ARRIVING) {
                let age = now.duration_since(used).map_or(0, |age| age.as_secs());
                if age > ARRIVING_FOR_SECONDS {
                    remove(&entry.path())?;
                } else {
                    arrives(meta.len());
                }
                continue;
            }
            kept.push(Kept {
                used,
                bytes: meta.len(),
                path: entry.path(),
                is_read: meta.nlink() > 1,
            });
        }
        kept.sort_by_key(|one| one.used);
        Ok(kept)
    }

    fn io(&self, source: io::Error) -> Failure {
        scratch_failure(&ScratchError::Unusable {
            path: self.dir.clone(),
            source,
        })
    }
}

/// Whether `kept` was there and is now at `path`, too.
fn link(kept: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(kept, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // File systems without hard links.
        Err(_) => match fs::copy(kept, path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        },
    }
    // Its age is what it is forgotten by.
    let used = File::open(kept).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = used {
        tracing::debug!(%error, "a use of a kept clip was not noted");
    }
    Ok(true)
}

fn place(arriving: &Path, kept: &Path, path: &Path) -> io::Result<()> {
    // On disk before it has its name: after a power cut a name stands for whole bytes.
    File::open(arriving)?.sync_all()?;
    // First for the task: what is kept and read by nobody may be forgotten at any moment.
    if !link(arriving, path)? {
        return Err(io::Error::other("a clip was removed while it arrived"));
    }
    fs::rename(arriving, kept)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn download(storage: &Storage, sha: &Sha, path: &Path) -> Result<(), Failure> {
    // A body may be cut or damaged on its way: one more try tells that from bytes that are bad where they lie.
    let first = storage.download_blob(sha, path).await;
    let result = match first {
        Err(StorageError::Corrupt { .. }) => storage.download_blob(sha, path).await,
        other => other,
    };
    result.map(|_| ()).map_err(|error| match &error {
        StorageError::Absent { .. } => input_lost(
            "input_missing",
            "A clip or artifact that the task reads is not in object storage.",
            sha.to_string(),
        ),
        StorageError::Corrupt { .. } => input_lost(
            "input_corrupt",
            "A clip or artifact in object storage is not what its name says.",
            sha.to_string(),
        ),
        _ => storage_failure(&error),
    })
}
