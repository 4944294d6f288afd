//! Writing: small objects whole, finished files as blobs.

use std::path::Path;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use crate::hash::Sha;
use crate::storage_key;

use super::Storage;
use super::download::{blocking, hash_file};
use super::error::StorageError;
use super::incoming::{PART_BYTES, PARTS_IN_FLIGHT};

/// Files up to this long are sent in one request.
const SINGLE_PUT_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

impl Storage {
    /// Writes an object, replacing it; readers see the old one or the new one, whole.
    pub async fn put_bytes(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        let payload = PutPayload::from_bytes(bytes);
        let put = self.store.put(&self.path(key)?, payload).await;
        put.map(|_| ()).map_err(StorageError::writing)
    }

    /// Writes a document as JSON.
    pub async fn put_json<T: Serialize + ?Sized>(
        &self,
        key: &str,
        document: &T,
    ) -> Result<(), StorageError> {
        let text = serde_json::to_vec(document).map_err(|source| StorageError::Unreadable {
            key: key.to_owned(),
            source,
        })?;
        self.put_bytes(key, Bytes::from(text)).await
    }

    /// Stores a finished file as a blob, unless that is there already, and returns its name and length. The file must not change
    /// meanwhile: if it does, nothing is stored under a wrong name and the call fails.
    pub async fn upload_file(&self, file: &Path) -> Result<(Sha, u64), StorageError> {
        if self.local.is_some() {
            return self.upload_by_incoming(file).await;
        }
        let (sha, bytes) = hash_file(file).await?;
        let key = storage_key::blob(&sha);
        if self.len(&key).await? == Some(bytes) {
            return Ok((sha, bytes));
        }
        let stored = if bytes <= SINGLE_PUT_LIMIT_BYTES {
            self.upload_whole(file, &key, &sha).await?
        } else {
            self.upload_in_parts(file, &key, &sha).await?
        };
        if stored == sha {
            Ok((sha, bytes))
        } else {
            Err(changed(key, sha, stored))
        }
    }

    /// The same for a file that its owner gives up: a local store moves it instead of copying, and it is gone afterwards.
    pub async fn take_file(&self, file: &Path) -> Result<(Sha, u64), StorageError> {
        let Some(local) = self.local.clone() else {
            return self.upload_file(file).await;
        };
        let before = tokio::fs::metadata(file)
            .await
            .map_err(|error| StorageError::file(file, error))?;
        let (sha, bytes) = hash_file(file).await?;
        let key = storage_key::blob(&sha);
        let Some(place) = self.local_path(&key) else {
            return self.upload_file(file).await;
        };
        if self.len(&key).await? == Some(bytes) {
            return Ok((sha, bytes));
        }
        let from = file.to_owned();
        let moved = blocking(file, move || {
            let moved = local.move_in(&from, &place)?;
            if moved {
                local.prove(sha, &before);
            }
            Ok(moved)
        });
        if moved
            .await?
            .map_err(|error: std::io::Error| StorageError::file(file, error))?
        {
            return Ok((sha, bytes));
        }
        self.upload_file(file).await
    }

    /// To a local store a killed process leaves a partial file, which only the sweep of `incoming` finds.
    async fn upload_by_incoming(&self, file: &Path) -> Result<(Sha, u64), StorageError> {
        let mut source = Source::open(file).await?;
        let mut incoming = self.begin_incoming(Uuid::now_v7()).await?;
        while let Some(part) = source.next_part().await? {
            incoming.write(part).await?;
        }
        incoming.finish().await
    }

    async fn upload_whole(&self, file: &Path, key: &str, sha: &Sha) -> Result<Sha, StorageError> {
        let bytes = tokio::fs::read(file)
            .await
            .map_err(|error| StorageError::file(file, error))?;
        let found = Sha::of(&bytes);
        if found == *sha {
            self.put_bytes(key, Bytes::from(bytes)).await?;
        }
        Ok(found)
    }

    async fn upload_in_parts(
        &self,
        file: &Path,
        key: &str,
        sha: &Sha,
    ) -> Result<Sha, StorageError> {
        let mut source = Source::open(file).await?;
        let upload = self
            .store
            .put_multipart(&self.path(key)?)
            .await
            .map_err(StorageError::writing)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let sent = async {
            while let Some(part) = source.next_part().await? {
                parts
                    .wait_for_capacity(PARTS_IN_FLIGHT)
                    .await
                    .map_err(StorageError::writing)?;
                parts.put(part);
            }
            Ok(source.sha())
        }
        .await;
        match sent {
            Ok(found) if found == *sha => {
                parts.finish().await.map_err(StorageError::writing)?;
                Ok(found)
            }
            other => {
                // Parts of an upload that is not completed are never seen, but are paid for.
                if let Err(error) = parts.abort().await {
                    tracing::warn!(%error, key, "an upload could not be aborted");
                }
                other
            }
        }
    }
}

fn changed(key: String, expected: Sha, found: Sha) -> StorageError {
    StorageError::Corrupt {
        key,
        expected,
        found,
    }
}

/// A file that is hashed while it is read, part by part.
struct Source<'a> {
    path: &'a Path,
    file: tokio::fs::File,
    digest: Sha256,
}

impl<'a> Source<'a> {
    async fn open(path: &'a Path) -> Result<Self, StorageError> {
        let file = tokio::fs::File::open(path)
            .await
            .map_err(|error| StorageError::file(path, error))?;
        Ok(Self {
            path,
            file,
            digest: Sha256::new(),
        })
    }

    async fn next_part(&mut self) -> Result<Option<Bytes>, StorageError> {
        let mut part = Vec::with_capacity(PART_BYTES);
        let mut rest = (&mut self.file).take(PART_BYTES as u64);
        let read = rest.read_to_end(&mut part).await;
        read.map_err(|error| StorageError::file(self.path, error))?;
        self.digest.update(&part);
        Ok((!part.is_empty()).then(|| Bytes::from(part)))
    }

    fn sha(self) -> Sha {
        Sha::from_digest(self.digest.finalize().into())
    }
}
