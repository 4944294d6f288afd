//! Reading: small objects whole, large ones as a stream of bounded pieces.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::{GetOptions, ObjectStoreExt};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::error::StorageError;
use super::{JSON_LIMIT_BYTES, Storage};

/// Bytes of one piece that is read from a file.
const PIECE_BYTES: usize = 256 * 1024;

/// The bytes of an object, in order.
pub type ByteStream = BoxStream<'static, Result<Bytes, StorageError>>;

impl Storage {
    /// A whole object; `None` when absent, an error when it is longer than `max_bytes`.
    pub async fn get_bytes(
        &self,
        key: &str,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, StorageError> {
        let found = match self.store.get(&self.path(key)?).await {
            Ok(found) => found,
            Err(error) => return StorageError::reading(key, error).or_absent(),
        };
        if found.meta.size > max_bytes {
            return Err(StorageError::TooLarge {
                key: key.to_owned(),
                limit_bytes: max_bytes,
            });
        }
        let bytes = found
            .bytes()
            .await
            .map_err(|error| StorageError::reading(key, error))?;
        Ok(Some(bytes))
    }

    /// A JSON document of at most [`JSON_LIMIT_BYTES`]; `None` when absent.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, StorageError> {
        let Some(bytes) = self.get_bytes(key, JSON_LIMIT_BYTES).await? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| StorageError::Unreadable {
                key: key.to_owned(),
                source,
            })
    }

    /// The bytes `range.start..range.end` of an object; the range must lie within it and not be empty.
    pub async fn stream_range(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<ByteStream, StorageError> {
        if let Some(path) = self.local_path(key) {
            return stream_file(key, path, range).await;
        }
        let options = GetOptions::default().with_range(Some(range));
        let found = self
            .store
            .get_opts(&self.path(key)?, options)
            .await
            .map_err(|error| StorageError::reading(key, error))?;
        let key = key.to_owned();
        let pieces = found.into_stream();
        Ok(pieces
            .map_err(move |error| StorageError::reading(&key, error))
            .boxed())
    }
}

/// Larger pieces than object_store's 8 KiB: each costs a trip to another thread.
async fn stream_file(
    key: &str,
    path: PathBuf,
    range: Range<u64>,
) -> Result<ByteStream, StorageError> {
    let open = async {
        let mut file = tokio::fs::File::open(&path).await?;
        let length = file.metadata().await?.len();
        file.seek(io::SeekFrom::Start(range.start)).await?;
        Ok((file, length))
    };
    let (file, length) = match open.await {
        Ok(opened) => opened,
        Err(error) => return Err(open_error(key, &path, error)),
    };
    if range.start >= range.end || range.end > length {
        return Err(StorageError::Config(format!(
            "bytes {}..{} of {key}, which has {length}",
            range.start, range.end
        )));
    }
    let left = range.end - range.start;
    Ok(
        futures::stream::try_unfold((file, left), move |(mut file, left)| {
            let path = path.clone();
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let wanted =
                    usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
                let mut piece = Vec::with_capacity(wanted);
                let read = (&mut file)
                    .take(wanted as u64)
                    .read_to_end(&mut piece)
                    .await;
                match read {
                    Ok(0) => Err(StorageError::file(
                        &path,
                        io::ErrorKind::UnexpectedEof.into(),
                    )),
                    Ok(read) => Ok(Some((Bytes::from(piece), (file, left - read as u64)))),
                    Err(error) => Err(StorageError::file(&path, error)),
                }
            }
        })
        .boxed(),
    )
}

/// A file of a local store that could not be opened.
pub(super) fn open_error(key: &str, path: &Path, error: io::Error) -> StorageError {
    if error.kind() == io::ErrorKind::NotFound {
        StorageError::Absent {
            key: key.to_owned(),
        }
    } else {
        StorageError::file(path, error)
    }
}
