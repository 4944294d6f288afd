//! The task runner against real ffmpeg and a directory as storage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod studio;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use botflix_common::failure::{FailureClass, WhoCanFix};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::storage_key;
use botflix_common::task::{
    AttemptId, InspectSpec, PAYLOAD_VERSION, TaskInput, TaskOutput, TaskSpec,
};
use botflix_worker::{RunnerConfig, TaskRunner};
use studio::{Studio, sha_of};
use tokio_util::sync::CancellationToken;

fn inspection(clip: Sha) -> (AttemptId, TaskInput) {
    let spec = TaskSpec::Inspect(InspectSpec { clip, proxy: false });
    let input = TaskInput {
        version: PAYLOAD_VERSION,
        spec,
        upstream: BTreeMap::new(),
    };
    let id = AttemptId {
        task: input.spec.key(),
        attempt: 1,
    };
    (id, input)
}

fn nobody_listens(_: f64, _: Option<f64>) {}

#[tokio::test]
async fn a_clip_is_inspected_once_and_remembered_the_second_time() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "320x180", "24", "1").await;
    studio.storage.upload_file(&clip).await.unwrap();
    let (id, input) = inspection(sha_of(&clip));

    let furthest = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&furthest);
    let progress = move |fraction: f64, _| {
        seen.fetch_max((fraction * 1000.0) as u64, Ordering::Relaxed);
    };
    let first = studio
        .runner
        .run(id, &input, progress, CancellationToken::new())
        .await
        .unwrap();
    assert!(!first.memoized);
    assert_eq!(furthest.load(Ordering::Relaxed), 1000);
    let TaskOutput::Inspect { facts } = &first.record.output else {
        panic!("not facts: {:?}", first.record.output);
    };
    assert_eq!(facts.video.as_ref().unwrap().frames, 24);

    let second = studio
        .runner
        .run(id, &input, nobody_listens, CancellationToken::new())
        .await
        .unwrap();
    assert!(second.memoized);
    assert_eq!(second.record, first.record);
}

#[tokio::test]
async fn an_unreadable_result_record_is_made_again() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "320x180", "24", "0.5").await;
    studio.storage.upload_file(&clip).await.unwrap();
    let (id, input) = inspection(sha_of(&clip));
    studio
        .storage
        .put_json(&storage_key::record(&id.task), "cut off in the mid")
        .await
        .unwrap();
    let ran = studio
        .runner
        .run(id, &input, nobody_listens, CancellationToken::new())
        .await
        .unwrap();
    assert!(!ran.memoized);
    let again = studio.runner.remembered(&id.task).await.unwrap();
    assert_eq!(again, Some(ran.record));
}

#[tokio::test]
async fn a_corrupted_blob_is_refused_and_nothing_is_remembered() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "320x180", "24", "0.5").await;
    let sha = sha_of(&clip);
    studio
        .storage
        .put_bytes(&storage_key::blob(&sha), b"not these bytes".to_vec().into())
        .await
        .unwrap();
    let (id, input) = inspection(sha);
    let failure = studio
        .runner
        .run(id, &input, nobody_listens, CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(failure.code, "input_corrupt");
    assert_eq!(failure.class, FailureClass::Permanent);
    assert_eq!(failure.who_can_fix, WhoCanFix::Operator);
    assert_eq!(studio.runner.remembered(&id.task).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_clip_is_named_as_missing() {
    let studio = Studio::open().await;
    let (id, input) = inspection(Sha::of(b"never sent"));
    let failure = studio
        .runner
        .run(id, &input, nobody_listens, CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(failure.code, "input_missing");
}

#[tokio::test]
async fn a_key_that_is_not_the_specs_own_is_not_run() {
    let studio = Studio::open().await;
    let (_, input) = inspection(Sha::of(b"clip"));
    let failure = studio
        .runner
        .run(
            AttemptId {
                task: TaskKey::of(b"another"),
                attempt: 1,
            },
            &input,
            nobody_listens,
            CancellationToken::new(),
        )
        .await
        .unwrap_err();
    assert_eq!(failure.code, "task_key_mismatch");
}

#[tokio::test]
async fn a_canceled_task_ends_and_leaves_neither_record_nor_scratch() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "640x360", "24", "5").await;
    studio.storage.upload_file(&clip).await.unwrap();
    let (id, input) = inspection(sha_of(&clip));
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    // As soon as the clip is fetched.
    let progress = move |fraction: f64, _| {
        if fraction > 0.0 {
            stop.cancel();
        }
    };
    studio
        .runner
        .run(id, &input, progress, cancel)
        .await
        .unwrap_err();
    assert_eq!(studio.runner.remembered(&id.task).await.unwrap(), None);
    let run = std::fs::read_dir(studio.dir.path().join("scratch"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("run-")
        })
        .unwrap();
    let left = std::fs::read_dir(run).unwrap().count();
    assert_eq!(left, 1, "only the lock is left");
}

#[tokio::test]
async fn a_full_disk_fails_the_task_for_another_worker_to_try() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "320x180", "24", "0.5").await;
    studio.storage.upload_file(&clip).await.unwrap();
    let (id, input) = inspection(sha_of(&clip));
    let mut config = RunnerConfig::new(studio.dir.path().join("full"), "full");
    config.min_free_bytes = u64::MAX;
    let full = TaskRunner::new(studio.storage.clone(), studio.engine.clone(), config).unwrap();
    let failure = full
        .run(id, &input, nobody_listens, CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.class),
        ("disk_full", FailureClass::Retry)
    );
}

#[tokio::test]
async fn the_clip_cache_forgets_what_was_used_longest_ago() {
    let studio = Studio::open().await;
    let root = studio.dir.path().join("small");
    std::fs::create_dir_all(&root).unwrap();
    let cache = botflix_worker::clip_cache::ClipCache::open(&root, 25).unwrap();
    let mut names = Vec::new();
    for text in ["ten bytes 1", "ten bytes 2", "ten bytes 3"] {
        let sha = Sha::of(text.as_bytes());
        let key = storage_key::blob(&sha);
        studio
            .storage
            .put_bytes(&key, text.as_bytes().to_vec().into())
            .await
            .unwrap();
        let to = root.join(text);
        cache.obtain(&studio.storage, &sha, &to).await.unwrap();
        assert_eq!(std::fs::read_to_string(&to).unwrap(), text);
        names.push(sha.hex());
    }
    let kept = |name: &String| root.join("clips").join(name).exists();
    assert_eq!(
        names.iter().map(kept).collect::<Vec<_>>(),
        [false, true, true]
    );
    // What is kept needs no storage any more.
    studio
        .storage
        .delete(&storage_key::blob(&names[2].parse().unwrap()))
        .await
        .unwrap();
    let to = root.join("again");
    cache
        .obtain(&studio.storage, &names[2].parse().unwrap(), &to)
        .await
        .unwrap();
    assert!(to.exists());
}
