//! Downloads into files, checked against the hash that names them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::stream::StreamExt as _;
use object_store::ObjectStoreExt;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use crate::hash::Sha;
use crate::storage_key;

use super::Storage;
use super::error::StorageError;
use super::local::link_or_copy;
use super::read::open_error;

impl Storage {
    /// Puts an object into the file `to`, replacing it, and returns the length. From a local store the file may be a hard link: never
    /// write to it.
    pub async fn download(&self, key: &str, to: &Path) -> Result<u64, StorageError> {
        remove_if_there(to).await?;
        let downloaded = match self.local_path(key) {
            Some(from) => link(key, from, to).await,
            None => self.download_stream(key, to).await.map(|(_, bytes)| bytes),
        };
        discard_on_error(downloaded, to).await
    }

    /// Puts a blob into the file `to` as [`Storage::download`] does. The file is there only if its bytes hash to `sha`.
    pub async fn download_blob(&self, sha: &Sha, to: &Path) -> Result<u64, StorageError> {
        let key = storage_key::blob(sha);
        remove_if_there(to).await?;
        let downloaded = match self.local_path(&key) {
            Some(from) => match link(&key, from, to).await {
                Ok(_) => self.hash_once(sha, to).await,
                Err(error) => Err(error),
            },
            None => self.download_stream(&key, to).await,
        };
        let checked = downloaded.and_then(|(found, bytes)| {
            if found == *sha {
                Ok(bytes)
            } else {
                Err(StorageError::Corrupt {
                    key,
                    expected: *sha,
                    found,
                })
            }
        });
        discard_on_error(checked, to).await
    }

    /// The hash and length of a local blob's file; it is not read again if this process knows it.
    async fn hash_once(&self, sha: &Sha, file: &Path) -> Result<(Sha, u64), StorageError> {
        let before = tokio::fs::metadata(file)
            .await
            .map_err(|error| StorageError::file(file, error))?;
        let Some(local) = &self.local else {
            return hash_file(file).await;
        };
        if local.is_proven(sha, &before) {
            return Ok((*sha, before.len()));
        }
        let (found, bytes) = hash_file(file).await?;
        if found == *sha {
            local.prove(found, &before);
        }
        Ok((found, bytes))
    }

    async fn download_stream(&self, key: &str, to: &Path) -> Result<(Sha, u64), StorageError> {
        let found = self
            .store
            .get(&self.path(key)?)
            .await
            .map_err(|error| StorageError::reading(key, error))?;
        let mut file = tokio::fs::File::create_new(to)
            .await
            .map_err(|error| StorageError::file(to, error))?;
        let mut pieces = found.into_stream();
        let mut digest = Sha256::new();
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| StorageError::reading(key, error))?;
            digest.update(&piece);
            bytes += piece.len() as u64;
            file.write_all(&piece)
                .await
                .map_err(|error| StorageError::file(to, error))?;
        }
        file.flush()
            .await
            .map_err(|error| StorageError::file(to, error))?;
        Ok((Sha::from_digest(digest.finalize().into()), bytes))
    }
}

async fn link(key: &str, from: PathBuf, to: &Path) -> Result<u64, StorageError> {
    let target = to.to_owned();
    let source = from.clone();
    blocking(to, move || {
        // So that an absent object is told from an absent target folder.
        fs::metadata(&source).map_err(At::Object)?;
        link_or_copy(&source, &target).map_err(At::Target)
    })
    .await?
    .map_err(|at| match at {
        At::Object(error) => open_error(key, &from, error),
        At::Target(error) => StorageError::file(to, error),
    })
}

enum At {
    Object(io::Error),
    Target(io::Error),
}

/// The hash and length of a file.
pub(super) async fn hash_file(path: &Path) -> Result<(Sha, u64), StorageError> {
    let file = path.to_owned();
    blocking(path, move || Sha::of_reader(fs::File::open(file)?))
        .await?
        .map_err(|error: io::Error| StorageError::file(path, error))
}

/// Runs file work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StorageError::file(path, io::Error::other(error)))
}

/// Opening for writing instead would write through a hard link into storage.
async fn remove_if_there(path: &Path) -> Result<(), StorageError> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StorageError::file(path, error))
        }
        _ => Ok(()),
    }
}

async fn discard_on_error<T>(
    result: Result<T, StorageError>,
    path: &Path,
) -> Result<T, StorageError> {
    if result.is_err()
        && let Err(error) = remove_if_there(path).await
    {
        tracing::warn!(%error, "a failed download stays behind");
    }
    result
}
