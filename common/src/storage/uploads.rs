//! Multipart uploads that were cut off, in S3. object_store begins, ends and aborts them, but cannot list them: their parts are paid for and
//! seen nowhere. The list is asked for over object_store's own signer and client.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path as StorePath;
use object_store::signer::{SignedUrlOptions, Signer as _};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::warn;

use super::error::StorageError;
use super::listing::StoredObject;
use crate::storage_key;

/// Between the key and the upload in the name of one that was cut off.
const UPLOAD: &str = "?uploadId=";
/// A week for what is given a day: the age of an upload counts from its beginning, and it may be large and its sender slow.
pub(super) const AGES_SLOWER: u32 = 7;
/// How HTTP says that a server will never do this.
const NOT_IMPLEMENTED: u16 = 501;
/// How long a signed request may be under way.
const SIGNED_FOR: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Uploads {
    pub store: Arc<AmazonS3>,
    pub http: HttpClient,
}

/// The answer of `ListMultipartUploads`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listing {
    upload: Vec<Upload>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    initiated: String,
}

/// Key and upload of one of [`Uploads::list`].
pub(super) fn parse(name: &str) -> Option<(&str, &str)> {
    name.split_once(UPLOAD)
}

impl Uploads {
    /// Uploads of bodies and blobs that were begun and neither ended nor aborted, those included that somebody sends now. Their bytes are not known.
    pub async fn list(&self, prefix: &StorePath) -> Result<Vec<StoredObject>, StorageError> {
        let below = match prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let (mut found, mut markers) = (Vec::new(), Markers::default());
        loop {
            let Some(listing) = self.page(&below, &markers).await? else {
                return Ok(found);
            };
            let uploads = listing.upload.iter();
            found.extend(uploads.filter_map(|upload| upload.below(&below)));
            match listing.next(&markers) {
                Some(next) => markers = next,
                None => return Ok(found),
            }
        }
    }

    pub async fn abort(&self, path: &StorePath, upload: &str) -> Result<(), StorageError> {
        match self.store.abort_multipart(path, &upload.to_owned()).await {
            // Ended or aborted meanwhile.
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(StorageError::writing(error)),
        }
    }

    /// `None`: this store does not say, or not to these credentials.
    async fn page(&self, prefix: &str, markers: &Markers) -> Result<Option<Listing>, StorageError> {
        let mut options = SignedUrlOptions::new().with_query([("uploads", ""), ("prefix", prefix)]);
        let (key, upload) = markers;
        if !key.is_empty() {
            options = options.with_query([("key-marker", key), ("upload-id-marker", upload)]);
        }
        let bucket = StorePath::default();
        let signing = self
            .store
            .signed_url_opts(Method::GET, &bucket, SIGNED_FOR, &options);
        let url = signing.await.map_err(StorageError::writing)?;
        let request = http::Request::get(url.as_str()).body(HttpRequestBody::empty());
        let request = request.map_err(unavailable)?;
        let response = self.http.execute(request).await.map_err(unavailable)?;
        let status = response.status();
        if !status.is_success() {
            let answer = format!("{status} to a list of multipart uploads");
            if status.is_server_error() && status.as_u16() != NOT_IMPLEMENTED {
                return Err(unavailable(answer));
            }
            warn!(
                answer,
                "what was cut off in this store stays, unless the bucket has a lifecycle rule"
            );
            return Ok(None);
        }
        let body = response.into_body().bytes().await.map_err(unavailable)?;
        let listing = quick_xml::de::from_reader(body.as_ref()).map_err(unavailable)?;
        Ok(Some(listing))
    }
}

/// Key and upload behind which a page begins; both empty: the first.
type Markers = (String, String);

impl Listing {
    /// Where the next page begins; `None` where there is none, or none that would bring anything new.
    fn next(&self, before: &Markers) -> Option<Markers> {
        let next = (
            self.next_key_marker.clone(),
            self.next_upload_id_marker.clone(),
        );
        (self.is_truncated && !next.0.is_empty() && next != *before).then_some(next)
    }
}

impl Upload {
    /// `None`: not ours, or of a time that cannot be read. Others may use the bucket, too.
    fn below(&self, prefix: &str) -> Option<StoredObject> {
        let key = self.key.strip_prefix(prefix)?;
        if storage_key::incoming_of(key).is_none() && storage_key::blob_of(key).is_none() {
            return None;
        }
        let begun = OffsetDateTime::parse(&self.initiated, &Rfc3339).ok()?;
        let begun_ms = begun.unix_timestamp_nanos() / 1_000_000;
        Some(StoredObject {
            key: format!("{key}{UPLOAD}{}", self.upload_id),
            bytes: 0,
            modified_ms: i64::try_from(begun_ms).unwrap_or(i64::MAX),
        })
    }
}

fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Unavailable(object_store::Error::Generic {
        store: "S3",
        source: source.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_uploads_is_read_as_s3_writes_it() {
        let answer = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>films</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker>
              <NextKeyMarker>farm/blobs/b</NextKeyMarker><NextUploadIdMarker>two</NextUploadIdMarker>
              <MaxUploads>1000</MaxUploads><IsTruncated>true</IsTruncated>
              <Upload><Key>farm/incoming/01938a4e-0000-7000-8000-000000000000</Key><UploadId>one&amp;</UploadId>
                <Initiator><ID>x</ID></Initiator><StorageClass>STANDARD</StorageClass><Initiated>2026-11-22T10:00:00.000Z</Initiated></Upload>
              <Upload><Key>farm/backup</Key><UploadId>theirs</UploadId><Initiated>2026-11-22T10:00:00.000Z</Initiated></Upload>
              <Upload><Key>other/c</Key><UploadId>two</UploadId><Initiated>2026-11-22T10:00:00.000Z</Initiated></Upload>
            </ListMultipartUploadsResult>"#;
        let listing: Listing = quick_xml::de::from_reader(answer.as_bytes()).unwrap();
        assert!(listing.is_truncated);
        let second = ("farm/blobs/b".to_owned(), "two".to_owned());
        assert_eq!(listing.next(&Markers::default()), Some(second.clone()));
        assert_eq!(listing.next(&second), None, "a page would come again");
        let below: Vec<StoredObject> = listing
            .upload
            .iter()
            .filter_map(|upload| upload.below("farm/"))
            .collect();
        assert_eq!(below.len(), 1);
        assert_eq!(
            parse(&below[0].key),
            Some(("incoming/01938a4e-0000-7000-8000-000000000000", "one&"))
        );
        assert_eq!(below[0].modified_ms, 1_795_341_600_000);
        let none = r#"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"#;
        let none: Listing = quick_xml::de::from_reader(none.as_bytes()).unwrap();
        assert!(none.upload.is_empty());
        // A store that knows no such list answers with its objects.
        let objects = r#"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>"#;
        let objects: Listing = quick_xml::de::from_reader(objects.as_bytes()).unwrap();
        assert!(objects.upload.is_empty());
        assert_eq!(objects.next(&Markers::default()), None);
    }
}
