//! Private places on the worker's disk: one directory per process, one below it per task, and what crashed processes left behind.
//!
//! Knows nothing of tasks; it hands out empty directories and refuses when the disk is nearly full.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use uuid::Uuid;

/// A task is refused when the disk has less than this free: room for the mix of a long film and its segments.
pub const MIN_FREE_BYTES: u64 = 1 << 30;

/// What is written and read back at a worker's start.
const PROOF_BYTES: usize = 16 << 20;

const RUN_PREFIX: &str = "run-";
const LOCK_NAME: &str = "lock";

#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    #[error("the scratch directory {} cannot be used", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("only {} MiB are free for scratch, {} MiB are needed", free_bytes >> 20, needed_bytes >> 20)]
    DiskFull { free_bytes: u64, needed_bytes: u64 },
}

/// This process' part of the scratch root. Removed when dropped; what a killed process could not remove, the next one does.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
    run: PathBuf,
    /// Directories of others that were removed.
    swept: AtomicU64,
    min_free_bytes: u64,
    /// Held for as long as the process lives: how others tell a live directory from an abandoned one.
    _lock: File,
}

impl Scratch {
    pub fn open(root: &Path, min_free_bytes: u64) -> Result<Self, ScratchError> {
        let unusable = |source| ScratchError::Unusable {
            path: root.to_owned(),
            source,
        };
        fs::create_dir_all(root).map_err(unusable)?;
        // Children are confined by absolute paths.
        let root = root.canonicalize().map_err(unusable)?;
        let swept = sweep(&root).map_err(unusable)?;
        let run = root.join(format!("{RUN_PREFIX}{}", Uuid::now_v7()));
        // Locked before it is in place, so that no sweep takes it for abandoned.
        let making = root.join(format!("making-{}", Uuid::now_v7()));
        fs::create_dir(&making).map_err(unusable)?;
        let lock = File::create(making.join(LOCK_NAME)).map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        fs::rename(&making, &run).map_err(unusable)?;
        Ok(Self {
            root,
            run,
            swept: AtomicU64::new(swept),
            min_free_bytes,
            _lock: lock,
        })
    }

    /// Removes the directories of processes that are gone.
    pub fn sweep(&self) -> Result<(), ScratchError> {
        let swept = sweep(&self.root).map_err(|source| self.unusable(source))?;
        self.swept.fetch_add(swept, Ordering::Relaxed);
        Ok(())
    }

    /// How many such directories this process has removed.
    pub fn swept(&self) -> u64 {
        self.swept.load(Ordering::Relaxed)
    }

    /// An empty directory for one task, removed when dropped.
    pub fn task_dir(&self) -> Result<TempDir, ScratchError> {
        self.check_room()?;
        tempfile::Builder::new()
            .prefix("task-")
            .tempdir_in(&self.run)
            .map_err(|source| self.unusable(source))
    }

    /// Whether there is room for a task.
    pub fn check_room(&self) -> Result<(), ScratchError> {
        let free_bytes = self.free_bytes()?;
        if free_bytes < self.min_free_bytes {
            return Err(ScratchError::DiskFull {
                free_bytes,
                needed_bytes: self.min_free_bytes,
            });
        }
        Ok(())
    }

    /// What the disk has left for this user.
    pub fn free_bytes(&self) -> Result<u64, ScratchError> {
        free_bytes(&self.run).map_err(|source| self.unusable(source))
    }

    /// What tasks have written. Kept clips that they read are the cache's.
    pub fn written_bytes(&self) -> u64 {
        bytes_below(&self.run)
    }

    /// Writes some MiB to the disk and reads them back.
    pub fn prove(&self) -> Result<(), ScratchError> {
        let dir = self.task_dir()?;
        let path = dir.path().join("proof");
        write_and_read(&path).map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: io::Error) -> ScratchError {
        ScratchError::Unusable {
            path: self.run.clone(),
            source,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.run) {
            tracing::debug!(%error, "the scratch directory is left for the next start to sweep");
        }
    }
}

fn write_and_read(path: &Path) -> io::Result<()> {
    let block: Vec<u8> = (0..=u8::MAX).cycle().take(PROOF_BYTES).collect();
    let mut file = File::create(path)?;
    file.write_all(&block)?;
    file.sync_all()?;
    if fs::read(path)? == block {
        Ok(())
    } else {
        Err(io::Error::other(
            "it gives back other bytes than it was given",
        ))
    }
}

/// Of files with one name only, as far as they can be read: tasks end meanwhile.
fn bytes_below(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = entries.filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        if meta.is_dir() {
            return Some(bytes_below(&entry.path()));
        }
        (meta.nlink() == 1).then_some(meta.len())
    });
    bytes.sum()
}

fn free_bytes(path: &Path) -> io::Result<u64> {
    let stats = rustix::fs::statvfs(path)?;
    Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
}

/// Removes the directories of processes that are gone: whose lock nobody holds. Returns how many.
fn sweep(root: &Path) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(RUN_PREFIX) {
            continue;
        }
        let abandoned = match File::open(entry.path().join(LOCK_NAME)) {
            // A file system that does not say is not taken for an answer.
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if !abandoned {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => swept += 1,
            Err(error) => {
                tracing::warn!(%error, path = %entry.path().display(), "an abandoned scratch directory stays");
            }
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_a_live_one_uses_is_not() {
        let root = tempfile::tempdir().unwrap();
        let abandoned = root.path().join("run-dead");
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(LOCK_NAME), b"").unwrap();
        let live = Scratch::open(root.path(), 0).unwrap();
        let task = live.task_dir().unwrap();
        let second = Scratch::open(root.path(), 0).unwrap();
        assert!(!abandoned.exists());
        assert!(task.path().is_dir());
        assert_eq!((live.swept(), second.swept()), (1, 0));
        // One that dies later is swept by whoever lives on.
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(LOCK_NAME), b"").unwrap();
        second.sweep().unwrap();
        assert!(!abandoned.exists());
        assert_eq!(second.swept(), 1);
        assert!(task.path().is_dir());
    }

    #[test]
    fn what_tasks_have_written_is_summed_without_what_is_linked_from_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(root.path(), 0).unwrap();
        let before = scratch.written_bytes();
        let task = scratch.task_dir().unwrap();
        fs::create_dir(task.path().join("work")).unwrap();
        fs::write(task.path().join("work/made"), vec![1; 1 << 20]).unwrap();
        let kept = root.path().join("kept");
        fs::write(&kept, vec![2; 1 << 20]).unwrap();
        fs::hard_link(&kept, task.path().join("read")).unwrap();
        let written = scratch.written_bytes() - before;
        assert!((1 << 20..2 << 20).contains(&written), "{written}");
    }

    #[test]
    fn a_nearly_full_disk_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(root.path(), u64::MAX).unwrap();
        assert!(matches!(
            scratch.task_dir(),
            Err(ScratchError::DiskFull { .. })
        ));
    }
}
