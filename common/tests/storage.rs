//! Object storage against a real directory and, when one is given, a real S3.
//!
//! Set `BOTFLIX_TEST_S3` to a URL such as `s3://bucket/prefix`, with the `AWS_*` variables that reach it, to run the S3 half.
#![cfg(feature = "storage")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use botflix_common::hash::Sha;
use botflix_common::storage::{Storage, StorageError};
use botflix_common::storage_key;
use bytes::Bytes;
use futures::TryStreamExt;
use uuid::Uuid;

/// A store and a directory for files outside it.
struct Place {
    storage: Storage,
    root: PathBuf,
    outside: PathBuf,
    _directory: tempfile::TempDir,
}

fn local() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let (root, outside) = (
        directory.path().join("store"),
        directory.path().join("outside"),
    );
    std::fs::create_dir(&outside).unwrap();
    Place {
        storage: Storage::open(&format!("file://{}", root.display())).unwrap(),
        root,
        outside,
        _directory: directory,
    }
}

fn s3_options() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("AWS_"))
}

/// Without a prefix.
fn bucket_url() -> String {
    let url = std::env::var("BOTFLIX_TEST_S3").unwrap();
    let bucket: Vec<&str> = url.splitn(4, '/').take(3).collect();
    bucket.join("/")
}

/// The local store, and S3 when there is one. Each run has a prefix of its own.
fn places() -> Vec<Place> {
    let mut places = vec![local()];
    match std::env::var("BOTFLIX_TEST_S3") {
        Ok(url) => {
            let mut place = local();
            place.storage =
                Storage::open_with(&format!("{url}/{}", Uuid::now_v7()), s3_options()).unwrap();
            places.push(place);
        }
        Err(_) => eprintln!("BOTFLIX_TEST_S3 is not set: tested with a local directory only"),
    }
    places
}

/// Bytes that differ everywhere.
fn film(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

/// Every file under a directory, also those that object_store hides.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let Ok(listing) = std::fs::read_dir(directory) else {
        return BTreeSet::new();
    };
    listing
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                BTreeSet::from([path])
            }
        })
        .collect()
}

#[tokio::test]
async fn objects_are_written_read_measured_and_deleted() {
    for place in places() {
        let storage = place.storage;
        storage.probe().await.unwrap();
        let key = "cache/ab/result.json";
        assert_eq!(storage.get_bytes(key, 10).await.unwrap(), None);
        assert_eq!(storage.len(key).await.unwrap(), None);
        storage.delete(key).await.unwrap();
        storage.put_json(key, &["a", "b"]).await.unwrap();
        assert_eq!(
            storage.get_json::<Vec<String>>(key).await.unwrap().unwrap(),
            ["a", "b"]
        );
        assert_eq!(storage.len(key).await.unwrap(), Some(9));
        let error = storage.get_bytes(key, 8).await.unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { .. }), "{error}");
        let error = storage.get_json::<u64>(key).await.unwrap_err();
        assert!(matches!(error, StorageError::Unreadable { .. }), "{error}");
        storage.put_bytes(key, Bytes::new()).await.unwrap();
        assert_eq!(storage.get_bytes(key, 0).await.unwrap(), Some(Bytes::new()));
        storage.delete(key).await.unwrap();
        assert_eq!(storage.len(key).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_body_that_arrives_in_pieces_becomes_a_blob_of_its_hash() {
    // More than two parts, and pieces that do not divide a part.
    let body = film(20 * 1024 * 1024 + 7);
    for place in places() {
        let storage = place.storage;
        for pass in 0..2 {
            let mut incoming = storage.begin_incoming(Uuid::now_v7()).await.unwrap();
            for piece in body.chunks(1_000_003) {
                incoming.write(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            assert_eq!(incoming.bytes(), body.len() as u64);
            let (sha, bytes) = incoming.finish().await.unwrap();
            assert_eq!(
                (sha, bytes),
                (Sha::of(&body), body.len() as u64),
                "pass {pass}"
            );
        }
        let key = storage_key::blob(&Sha::of(&body));
        assert_eq!(
            storage.get_bytes(&key, u64::MAX).await.unwrap().unwrap(),
            body
        );
        assert_eq!(
            storage.sweep_incoming(Duration::ZERO).await.unwrap(),
            0,
            "something is left"
        );

        let empty = storage.begin_incoming(Uuid::now_v7()).await.unwrap();
        assert_eq!(empty.finish().await.unwrap(), (Sha::of(b""), 0));
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_or_aborted_leaves_nothing() {
    let body = film(9 * 1024 * 1024);
    for place in places() {
        let storage = place.storage;
        for cut in [true, false] {
            let upload = Uuid::now_v7();
            let mut incoming = storage.begin_incoming(upload).await.unwrap();
            incoming.write(Bytes::from(body.clone())).await.unwrap();
            if cut {
                drop(incoming);
            } else {
                incoming.abort().await.unwrap();
            }
            let deadline = Instant::now() + Duration::from_secs(10);
            while !files(&place.root).is_empty() {
                assert!(Instant::now() < deadline, "{:?}", files(&place.root));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let key = storage_key::incoming(upload);
            assert_eq!(storage.len(&key).await.unwrap(), None);
            assert_eq!(
                storage
                    .len(&storage_key::blob(&Sha::of(&body)))
                    .await
                    .unwrap(),
                None
            );
        }
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_when_it_is_old() {
    for place in places() {
        let left = storage_key::incoming(Uuid::now_v7());
        place
            .storage
            .put_bytes(&left, Bytes::from_static(b"whole"))
            .await
            .unwrap();
        let mut expected = 1;
        if place.storage.local_path(&left).is_some() {
            // As object_store names a file that it is writing.
            std::fs::write(
                place
                    .root
                    .join(format!("{}#1", storage_key::incoming(Uuid::now_v7()))),
                b"part",
            )
            .unwrap();
            expected = 2;
        }
        let young = place
            .storage
            .sweep_incoming(Duration::from_secs(3_600))
            .await
            .unwrap();
        assert_eq!(young, 0);
        assert_eq!(
            place.storage.sweep_incoming(Duration::ZERO).await.unwrap(),
            expected
        );
        assert_eq!(place.storage.len(&left).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_folder_is_listed_in_the_order_of_its_keys_a_piece_at_a_time() {
    for place in places() {
        let storage = place.storage;
        let mut keys: Vec<String> = (0..7_u8)
            .map(|at| storage_key::blob(&Sha::of(&[at])))
            .collect();
        for key in &keys {
            let bytes = Bytes::from_static(b"four");
            storage.put_bytes(key, bytes).await.unwrap();
        }
        storage
            .put_bytes("inputs/other", Bytes::new())
            .await
            .unwrap();
        keys.sort();
        let mut seen = Vec::new();
        loop {
            let after = seen.last().cloned();
            let piece = storage
                .list(storage_key::BLOBS, after.as_deref(), 3)
                .await
                .unwrap();
            if piece.is_empty() {
                break;
            }
            assert!(piece.len() <= 3 && piece.iter().all(|object| object.bytes == 4));
            seen.extend(piece.into_iter().map(|object| object.key));
        }
        assert_eq!(seen, keys);
        let first = storage.look_at(&keys[0]).await.unwrap().unwrap();
        assert_eq!((first.key, first.bytes), (keys[0].clone(), 4));
        assert_eq!(storage.look_at("blobs/00/none").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_file_that_was_being_written_when_its_process_was_killed_is_found_anywhere() {
    let place = local();
    let blob = storage_key::blob(&Sha::of(b"film"));
    let whole = Bytes::from_static(b"film");
    place.storage.put_bytes(&blob, whole).await.unwrap();
    std::fs::write(place.root.join(format!("{blob}#1")), b"part").unwrap();
    let unfinished = place.storage.unfinished(Duration::ZERO).await.unwrap();
    assert_eq!(unfinished.len(), 1);
    place
        .storage
        .remove_unfinished(&unfinished[0])
        .await
        .unwrap();
    assert_eq!(files(&place.root).len(), 1);
}

#[tokio::test]
async fn an_upload_to_s3_that_was_cut_off_is_found_and_aborted() {
    for place in places().into_iter().skip(1) {
        let storage = place.storage;
        let mut cut = storage.begin_incoming(Uuid::now_v7()).await.unwrap();
        cut.write(Bytes::from(film(11 << 20))).await.unwrap();
        // A process that is killed aborts nothing.
        std::mem::forget(cut);
        let found = storage.unfinished(Duration::ZERO).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].key.starts_with("incoming/"), "{found:?}");
        // To a store of the whole bucket it is somebody else's.
        let all = Storage::open_with(&bucket_url(), s3_options()).unwrap();
        let seen = all.unfinished(Duration::ZERO).await.unwrap();
        assert!(
            seen.iter().all(|one| !one.key.contains(&found[0].key)),
            "{seen:?}"
        );
        storage.remove_unfinished(&found[0]).await.unwrap();
        storage.remove_unfinished(&found[0]).await.unwrap();
        assert_eq!(storage.unfinished(Duration::ZERO).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_range_streams_exactly_its_bytes() {
    let body = film(700_001);
    for place in places() {
        let storage = place.storage;
        storage
            .put_bytes("blobs/00/x", Bytes::from(body.clone()))
            .await
            .unwrap();
        for range in [
            0..1,
            0..700_001,
            5..300_000,
            262_144..524_288,
            700_000..700_001,
        ] {
            let pieces: Vec<Bytes> = storage
                .stream_range("blobs/00/x", range.clone())
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            let (start, end) = (range.start as usize, range.end as usize);
            assert_eq!(pieces.concat(), &body[start..end], "{range:?}");
        }
        let absent = storage
            .stream_range("blobs/00/y", 0..1)
            .await
            .err()
            .unwrap();
        assert!(matches!(absent, StorageError::Absent { .. }), "{absent}");
        assert!(
            storage
                .stream_range("blobs/00/x", 700_001..700_002)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_file_is_stored_once_as_a_blob_and_downloads_as_it_was() {
    for place in places() {
        let storage = &place.storage;
        // One request, and several parts.
        for length in [1_000, 17 * 1024 * 1024] {
            let (file, copy) = (place.outside.join("file"), place.outside.join("copy"));
            let body = film(length);
            std::fs::write(&file, &body).unwrap();
            let (sha, bytes) = storage.upload_file(&file).await.unwrap();
            assert_eq!((sha, bytes), (Sha::of(&body), length as u64));
            assert_eq!(storage.upload_file(&file).await.unwrap(), (sha, bytes));
            // Twice, because the second time the target exists.
            for _ in 0..2 {
                assert_eq!(storage.download_blob(&sha, &copy).await.unwrap(), bytes);
                assert_eq!(std::fs::read(&copy).unwrap(), body);
                assert_eq!(
                    storage
                        .download(&storage_key::blob(&sha), &copy)
                        .await
                        .unwrap(),
                    bytes
                );
            }
            // The uploaded file is not the stored one.
            std::fs::write(&file, b"something else").unwrap();
            assert_eq!(storage.download_blob(&sha, &copy).await.unwrap(), bytes);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_given_up_is_stored_as_a_blob() {
    let mut places = places();
    let mut cache = local();
    cache.storage = Storage::open_cache(&cache.root).unwrap();
    places.push(cache);
    for place in places {
        for length in [1_000, 17 * 1024 * 1024] {
            let (file, copy) = (place.outside.join("file"), place.outside.join("copy"));
            let body = film(length);
            for _ in 0..2 {
                std::fs::write(&file, &body).unwrap();
                let stored = place.storage.take_file(&file).await.unwrap();
                assert_eq!(stored, (Sha::of(&body), length as u64));
            }
            let (sha, bytes) = (Sha::of(&body), length as u64);
            assert_eq!(
                place.storage.download_blob(&sha, &copy).await.unwrap(),
                bytes
            );
            assert_eq!(std::fs::read(&copy).unwrap(), body);
        }
    }
}

#[tokio::test]
async fn a_local_blob_that_was_found_right_and_then_changed_is_found_out() {
    let place = local();
    let (file, copy) = (place.outside.join("file"), place.outside.join("copy"));
    std::fs::write(&file, b"what it should be").unwrap();
    let (sha, _) = place.storage.take_file(&file).await.unwrap();
    place.storage.download_blob(&sha, &copy).await.unwrap();
    let blob = place.storage.local_path(&storage_key::blob(&sha)).unwrap();
    std::fs::write(&blob, b"what it should bf").unwrap();
    // A clock that ticks coarsely must not hide it here.
    let later = SystemTime::now() + Duration::from_secs(1);
    std::fs::File::open(&blob)
        .unwrap()
        .set_modified(later)
        .unwrap();
    let error = place.storage.download_blob(&sha, &copy).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    assert!(!copy.exists());
}

#[tokio::test]
async fn a_corrupt_or_absent_blob_leaves_no_file() {
    for place in places() {
        let sha = Sha::of(b"what it should be");
        let copy = place.outside.join("copy");
        let error = place.storage.download_blob(&sha, &copy).await.unwrap_err();
        assert!(matches!(error, StorageError::Absent { .. }), "{error}");
        let damaged = Bytes::from_static(b"what it should bf");
        place
            .storage
            .put_bytes(&storage_key::blob(&sha), damaged.clone())
            .await
            .unwrap();
        let error = place.storage.download_blob(&sha, &copy).await.unwrap_err();
        let found = Sha::of(&damaged);
        assert!(
            matches!(error, StorageError::Corrupt { expected, found: seen, .. } if expected == sha && seen == found),
            "{error}"
        );
        assert!(!copy.exists());
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_download_from_a_local_store_costs_no_second_copy() {
    use std::os::unix::fs::MetadataExt;
    let place = local();
    let file = place.outside.join("file");
    std::fs::write(&file, film(1_000)).unwrap();
    let (sha, _) = place.storage.upload_file(&file).await.unwrap();
    let copy = place.outside.join("copy");
    place.storage.download_blob(&sha, &copy).await.unwrap();
    let stored = place.storage.local_path(&storage_key::blob(&sha)).unwrap();
    let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&copy), inode(&stored));
    assert_ne!(inode(&file), inode(&stored));
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    for url in ["nonsense", "ftp://host/path", "file://host/path"] {
        let error = Storage::open(url).unwrap_err();
        assert!(matches!(error, StorageError::Config(_)), "{url}: {error}");
    }
}
