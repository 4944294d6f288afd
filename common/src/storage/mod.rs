//! Object storage: whole objects, ranges, verified downloads and uploads that are named by what they turn out to hold.
//!
//! One handle for a local directory and for S3, GCS and Azure by URL. Keys come from [`crate::storage_key`]; this room must not know
//! what the bytes mean, nor SQL, HTTP handlers or Redis.

#[cfg(feature = "cloud")]
mod cloud;
mod download;
mod error;
mod incoming;
mod listing;
mod local;
mod read;
#[cfg(feature = "cloud")]
mod uploads;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

pub use error::StorageError;
pub use incoming::{COPY_LIMIT_BYTES, Incoming};
pub use listing::StoredObject;
pub use read::ByteStream;

use local::{Durability, LocalRoot};

/// Largest JSON document that is read: a film of thousands of shots, with all its upstream records.
pub const JSON_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// A handle to one store. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    /// All keys lie under this.
    prefix: StorePath,
    /// Where the files are, when the store is a directory of this machine.
    local: Option<LocalRoot>,
    /// Of S3.
    #[cfg(feature = "cloud")]
    uploads: Option<uploads::Uploads>,
}

impl Storage {
    /// Opens `file:///directory` (made if absent), or a cloud store whose settings all stand in its URL.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        Self::open_with(url, [])
    }

    /// Opens a store by URL: `file:///directory`; with the feature `cloud` also `s3://bucket/prefix`, `gs://…`, `az://…`.
    ///
    /// `options` are named as object_store names its environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`, …, in any case);
    /// those it does not know are passed over, so that a whole environment can be given. Nothing is sent yet: see [`Storage::probe`].
    pub fn open_with(
        url: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StorageError> {
        let parsed = Url::parse(url).map_err(|error| {
            StorageError::Config(format!("the storage URL is not a URL: {error}"))
        })?;
        match parsed.scheme() {
            "file" => {
                let root = LocalRoot::open(&parsed)?;
                Ok(Self {
                    store: root.store(),
                    prefix: StorePath::default(),
                    local: Some(root),
                    #[cfg(feature = "cloud")]
                    uploads: None,
                })
            }
            #[cfg(feature = "cloud")]
            _ => {
                let cloud::Opened {
                    store,
                    prefix,
                    uploads,
                } = cloud::open(&parsed, options)?;
                Ok(Self {
                    store,
                    prefix,
                    local: None,
                    uploads,
                })
            }
            #[cfg(not(feature = "cloud"))]
            scheme => {
                drop(options.into_iter());
                Err(StorageError::Config(format!(
                    "storage {scheme}:// is not supported by this build; file:// is"
                )))
            }
        }
    }

    /// Opens a directory (made if absent) for what can be made again: nothing waits until it is on the disk.
    pub fn open_cache(directory: &Path) -> Result<Self, StorageError> {
        let root = LocalRoot::new(directory, Durability::WhenTheSystemLikes)?;
        Ok(Self {
            store: root.store(),
            prefix: StorePath::default(),
            local: Some(root),
            #[cfg(feature = "cloud")]
            uploads: None,
        })
    }

    /// Writes, reads and deletes a small object: whether the store is there and the credentials do.
    pub async fn probe(&self) -> Result<(), StorageError> {
        let key = crate::storage_key::incoming(uuid::Uuid::now_v7());
        self.put_bytes(&key, bytes::Bytes::from_static(b"probe"))
            .await?;
        let read = self.get_bytes(&key, 16).await?;
        self.delete(&key).await?;
        match read {
            Some(bytes) if bytes.as_ref() == b"probe" => Ok(()),
            _ => Err(StorageError::Config(
                "the store does not give back what was just written".to_owned(),
            )),
        }
    }

    /// The length in bytes; `None` when absent.
    pub async fn len(&self, key: &str) -> Result<Option<u64>, StorageError> {
        match self.store.head(&self.path(key)?).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) => StorageError::reading(key, error).or_absent(),
        }
    }

    /// Deletes; what is absent already is fine.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        match self.store.delete(&self.path(key)?).await {
            Ok(()) => Ok(()),
            Err(error) => StorageError::reading(key, error)
                .or_absent()
                .map(|_: Option<()>| ()),
        }
    }

    fn path(&self, key: &str) -> Result<StorePath, StorageError> {
        let key = StorePath::parse(key)
            .map_err(|error| StorageError::Config(format!("not a storage key: {error}")))?;
        Ok(self.prefix.parts().chain(key.parts()).collect())
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({} / {})", self.store, self.prefix)
    }
}
