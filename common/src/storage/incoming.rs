//! Bodies that arrive piece by piece and get their name, the hash of what they hold, only at the end.
//!
//! Memory stays constant: one part being filled and [`PARTS_IN_FLIGHT`] under way. Nothing is visible under a blob's name before it is
//! whole, and an upload that is cut leaves nothing behind, except when the process itself is killed: see [`Storage::sweep_incoming`].
//! What a killed process left half sent in S3 is among [`Storage::unfinished`].

use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStoreExt, WriteMultipart};
use sha2::{Digest as _, Sha256};
use tracing::warn;
use uuid::Uuid;

use crate::hash::Sha;
use crate::storage_key;

use super::Storage;
use super::error::StorageError;

/// Bytes of one part of an upload. S3 takes 10,000 parts and none but the last below 5 MiB.
pub(super) const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts under way at the same time.
pub(super) const PARTS_IN_FLIGHT: usize = 2;
/// Longest body to a cloud store: S3 moves no more than 5 GiB by one copy.
pub const COPY_LIMIT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// A body that is arriving. Dropped unfinished, it is aborted.
pub struct Incoming {
    storage: Storage,
    key: String,
    stage: Stage,
    digest: Sha256,
    bytes: u64,
}

enum Stage {
    Arriving(WriteMultipart),
    /// Whole, but still under its temporary name.
    Arrived,
    Gone,
}

impl Storage {
    /// Begins a body under a temporary name.
    pub async fn begin_incoming(&self, upload: Uuid) -> Result<Incoming, StorageError> {
        let key = storage_key::incoming(upload);
        let parts = self
            .store
            .put_multipart(&self.path(&key)?)
            .await
            .map_err(StorageError::writing)?;
        Ok(Incoming {
            storage: self.clone(),
            key,
            stage: Stage::Arriving(WriteMultipart::new_with_chunk_size(parts, PART_BYTES)),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Removes what nobody has written to for `older_than`: what killed processes left. Returns how many.
    pub async fn sweep_incoming(&self, older_than: Duration) -> Result<u64, StorageError> {
        let found = self.unfinished(older_than).await?;
        for object in &found {
            self.remove_unfinished(object).await?;
        }
        Ok(found.len() as u64)
    }
}

impl Incoming {
    /// Takes the next bytes. Waits while the store is slower than the sender.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let length = self.bytes + bytes.len() as u64;
        if self.storage.local.is_none() && length > COPY_LIMIT_BYTES {
            return Err(StorageError::TooLarge {
                key: self.key.clone(),
                limit_bytes: COPY_LIMIT_BYTES,
            });
        }
        let Stage::Arriving(parts) = &mut self.stage else {
            return Err(StorageError::Config("this upload has ended".to_owned()));
        };
        self.bytes = length;
        self.digest.update(&bytes);
        // One piece may hold several parts.
        let mut rest = bytes;
        while !rest.is_empty() {
            parts
                .wait_for_capacity(PARTS_IN_FLIGHT)
                .await
                .map_err(StorageError::writing)?;
            parts.put(rest.split_to(rest.len().min(PART_BYTES)));
        }
        Ok(())
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash of the bytes taken so far: to compare with a declared one before [`Incoming::finish`] makes them visible.
    pub fn sha(&self) -> Sha {
        Sha::from_digest(self.digest.clone().finalize().into())
    }

    /// Ends the body, moves it to its blob's place, and returns its name and length.
    pub async fn finish(mut self) -> Result<(Sha, u64), StorageError> {
        let Stage::Arriving(parts) = std::mem::replace(&mut self.stage, Stage::Gone) else {
            return Err(StorageError::Config("this upload has ended".to_owned()));
        };
        parts.finish().await.map_err(StorageError::writing)?;
        self.stage = Stage::Arrived;
        let sha = Sha::from_digest(self.digest.clone().finalize().into());
        let (from, to) = (self.storage.path(&self.key)?, storage_key::blob(&sha));
        if self.storage.len(&to).await? == Some(self.bytes) {
            self.storage.delete(&self.key).await?;
        } else {
            let moved = self
                .storage
                .store
                .rename(&from, &self.storage.path(&to)?)
                .await;
            moved.map_err(StorageError::writing)?;
        }
        self.stage = Stage::Gone;
        Ok((sha, self.bytes))
    }

    /// Gives the body up and waits until nothing of it is left.
    pub async fn abort(mut self) -> Result<(), StorageError> {
        match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Arriving(parts) => parts.abort().await.map_err(StorageError::writing),
            Stage::Arrived => self.storage.delete(&self.key).await,
            Stage::Gone => Ok(()),
        }
    }
}

/// An upload that was cut: the request's future was dropped, or reading its body failed.
impl Drop for Incoming {
    fn drop(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Gone);
        if matches!(stage, Stage::Gone) {
            return;
        }
        let (storage, key) = (self.storage.clone(), std::mem::take(&mut self.key));
        let clean_up = async move {
            let cleaned = match stage {
                Stage::Arriving(parts) => parts.abort().await.map_err(StorageError::writing),
                Stage::Arrived => storage.delete(&key).await,
                Stage::Gone => Ok(()),
            };
            if let Err(error) = cleaned {
                warn!(%error, key, "a cut upload is left for the sweep");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(clean_up)),
            Err(_) => warn!("an upload was cut outside the runtime: it is left for the sweep"),
        }
    }
}
