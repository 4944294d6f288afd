//! What lies in storage, in the order of its keys and a bounded piece at a time; and what was left unfinished.
//!
//! Knows no owners: whether somebody still refers to an object is the caller's to find out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use object_store::{ObjectMeta, ObjectStoreExt};
#[cfg(feature = "cloud")]
use tracing::warn;

use super::Storage;
use super::download::blocking;
use super::error::StorageError;
use super::local::LocalRoot;
use crate::storage_key;

/// object_store writes to `name#1` first, and leaves that behind when the process is killed.
const STAGING: char = '#';

/// An object as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub key: String,
    pub bytes: u64,
    /// By the store's clock, since 1970.
    pub modified_ms: i64,
}

impl Storage {
    /// Up to `limit` objects of a folder with keys behind `after`, in the order of their keys.
    pub async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, StorageError> {
        let prefix = self.path(folder)?;
        let mut listing = match after {
            Some(after) => self
                .store
                .list_with_offset(Some(&prefix), &self.path(after)?),
            None => self.store.list(Some(&prefix)),
        };
        // A directory is listed in any order: the first ones are picked out. Cloud stores have an order.
        let mut first = BTreeMap::new();
        while let Some(found) = listing.next().await {
            let found = found.map_err(|error| StorageError::reading(folder, error))?;
            let Some(object) = self.object(&found) else {
                continue;
            };
            if after.is_some_and(|after| object.key.as_str() <= after) {
                continue;
            }
            first.insert(object.key.clone(), object);
            if first.len() > limit {
                first.pop_last();
                if self.local.is_none() {
                    break;
                }
            }
        }
        Ok(first.into_values().collect())
    }

    /// The object as it is now; `None` when it is gone.
    pub async fn look_at(&self, key: &str) -> Result<Option<StoredObject>, StorageError> {
        match self.store.head(&self.path(key)?).await {
            Ok(meta) => Ok(self.object(&meta)),
            Err(error) => StorageError::reading(key, error).or_absent(),
        }
    }

    /// What killed processes left unfinished and nobody has written to for `older_than`: bodies that were arriving, and in a directory the
    /// files that were being written, in S3 uploads that were begun seven times as long ago. Those of GCS are the bucket's lifecycle rule's to remove; Azure forgets its
    /// own after a week.
    pub async fn unfinished(
        &self,
        older_than: Duration,
    ) -> Result<Vec<StoredObject>, StorageError> {
        let limit_ms = now_ms() - i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
        let mut found = match self.local.clone() {
            Some(local) => {
                let folder = Path::new(storage_key::INCOMING);
                blocking(folder, move || local.unfinished()).await??
            }
            None => self.list(storage_key::INCOMING, None, usize::MAX).await?,
        };
        #[cfg(feature = "cloud")]
        if let Some(uploads) = &self.uploads {
            let slower = older_than.saturating_mul(super::uploads::AGES_SLOWER - 1);
            let slower_ms = i64::try_from(slower.as_millis()).unwrap_or(i64::MAX / 2);
            match uploads.list(&self.prefix).await {
                Ok(uploads) => found.extend(uploads.into_iter().map(|upload| StoredObject {
                    modified_ms: upload.modified_ms + slower_ms,
                    ..upload
                })),
                // The rest is there none the less.
                Err(error) => warn!(%error, "uploads that were cut off cannot be listed"),
            }
        }
        found.retain(|object| object.modified_ms <= limit_ms);
        Ok(found)
    }

    /// Removes one of [`Storage::unfinished`]; one that was finished meanwhile has another name by now.
    pub async fn remove_unfinished(&self, object: &StoredObject) -> Result<(), StorageError> {
        #[cfg(feature = "cloud")]
        if let (Some(uploads), Some((key, upload))) =
            (&self.uploads, super::uploads::parse(&object.key))
        {
            return uploads.abort(&self.path(key)?, upload).await;
        }
        let Some(local) = self.local.clone() else {
            return self.delete(&object.key).await;
        };
        let path = local.file_of(&object.key);
        let file = path.clone();
        match blocking(&path, move || fs::remove_file(file)).await? {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::file(&path, error))
            }
            _ => Ok(()),
        }
    }

    fn object(&self, meta: &ObjectMeta) -> Option<StoredObject> {
        let parts: Vec<_> = meta.location.prefix_match(&self.prefix)?.collect();
        let names: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        Some(StoredObject {
            key: names.join("/"),
            bytes: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
        })
    }
}

impl LocalRoot {
    /// All that is arriving, and the files that are being written anywhere.
    fn unfinished(&self) -> Result<Vec<StoredObject>, StorageError> {
        let mut found = Vec::new();
        self.walk(
            &self.directory().join(storage_key::INCOMING),
            &|_| true,
            &mut found,
        )?;
        for folder in [storage_key::BLOBS, storage_key::CACHE, storage_key::INPUTS] {
            let staging = |name: &str| name.contains(STAGING);
            self.walk(&self.directory().join(folder), &staging, &mut found)?;
        }
        Ok(found)
    }

    fn walk(
        &self,
        folder: &Path,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut Vec<StoredObject>,
    ) -> Result<(), StorageError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StorageError::file(folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| StorageError::file(folder, error))?;
            // One that is gone meanwhile was finished or removed.
            let Ok(meta) = entry.metadata() else { continue };
            let path = entry.path();
            if meta.is_dir() {
                self.walk(&path, wanted, found)?;
                continue;
            }
            let key = path.strip_prefix(self.directory()).ok();
            let Some(key) = key.and_then(Path::to_str) else {
                continue;
            };
            if meta.is_file() && wanted(&entry.file_name().to_string_lossy()) {
                let modified = meta.modified().unwrap_or_else(|_| SystemTime::now());
                found.push(StoredObject {
                    key: key.to_owned(),
                    bytes: meta.len(),
                    modified_ms: since_1970_ms(modified),
                });
            }
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    since_1970_ms(SystemTime::now())
}

fn since_1970_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
