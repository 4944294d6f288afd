//! S3, GCS and Azure by URL, with retries that end while somebody still waits for the answer.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{ClientOptions, HttpConnector as _, ReqwestConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};
use tracing::debug;
use url::Url;

use super::error::StorageError;
use super::uploads::Uploads;

/// Tries of one request, after the first.
const RETRIES: usize = 5;
/// No retry is begun after this. Callers that must not give up try again themselves.
const RETRY_FOR: Duration = Duration::from_secs(20);
/// For one whole request, body included. Longer than object_store's 30 s: copying an upload of gigabytes into place takes that.
const REQUEST_LIMIT: &str = "300 seconds";

/// A store that is set up; nothing has been sent.
pub(super) struct Opened {
    pub store: Arc<dyn ObjectStore>,
    pub prefix: StorePath,
    /// Of S3.
    pub uploads: Option<Uploads>,
}

pub(super) fn open(
    url: &Url,
    options: impl IntoIterator<Item = (String, String)>,
) -> Result<Opened, StorageError> {
    let (scheme, prefix) = ObjectStoreScheme::parse(url)
        .map_err(|error| StorageError::Config(format!("the storage URL is not usable: {error}")))?;
    let options: Vec<(String, String)> = [("timeout".to_owned(), REQUEST_LIMIT.to_owned())]
        .into_iter()
        .chain(options)
        .collect();
    let mut uploads = None;
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::new()
                .with_url(url.as_str())
                .with_retry(retries());
            let mut client = ClientOptions::new();
            let mut builder = builder;
            for (key, value) in known::<AmazonS3ConfigKey>(options) {
                if let AmazonS3ConfigKey::Client(key) = key {
                    client = client.with_config(key, value.clone());
                }
                builder = builder.with_config(key, value);
            }
            let store = Arc::new(builder.build().map_err(refused)?);
            uploads = Some(Uploads {
                store: Arc::clone(&store),
                http: ReqwestConnector::default()
                    .connect(&client)
                    .map_err(refused)?,
            });
            store
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::new()
                .with_url(url.as_str())
                .with_retry(retries());
            let builder = known::<GoogleConfigKey>(options)
                .fold(builder, |builder, (key, value)| {
                    builder.with_config(key, value)
                });
            Arc::new(builder.build().map_err(refused)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::new()
                .with_url(url.as_str())
                .with_retry(retries());
            let builder = known::<AzureConfigKey>(options)
                .fold(builder, |builder, (key, value)| {
                    builder.with_config(key, value)
                });
            Arc::new(builder.build().map_err(refused)?)
        }
        _ => {
            return Err(StorageError::Config(format!(
                "storage {}:// is not supported; file://, s3://, gs:// and az:// are",
                url.scheme()
            )));
        }
    };
    Ok(Opened {
        store,
        prefix,
        uploads,
    })
}

fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
        ..RetryConfig::default()
    }
}

/// The options that this kind of store has.
fn known<K: FromStr>(options: Vec<(String, String)>) -> impl Iterator<Item = (K, String)> {
    options
        .into_iter()
        .filter_map(|(name, value)| match name.to_ascii_lowercase().parse() {
            Ok(key) => Some((key, value)),
            Err(_) => {
                debug!(name, "not an option of this storage: passed over");
                None
            }
        })
}

fn refused(error: object_store::Error) -> StorageError {
    StorageError::Config(format!("the storage cannot be set up: {error}"))
}
