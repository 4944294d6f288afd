//! What is put away, and what must stay: published films, renders that run, and whatever is about to be referred to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use botflix_api::clock;
use botflix_api::db::{Database, DbError, blobs, episodes, renders, retention};
use botflix_api::farm::{Farm, FarmConfig};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::http::{Leftover, LeftoverBody, RenderEventKind, RenderState};
use botflix_common::storage::Storage;
use botflix_common::storage_key;
use botflix_common::task::{AttemptId, TaskKind, TaskRecord};
use botflix_testkit::deadline;
use tokio::runtime::Handle;

use crate::facts::{clip, record};
use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::Script;

crate::on_both_databases!(
    what_nobody_needs_goes_and_the_rest_stays,
    a_dry_run_lists_what_a_round_removes_and_touches_nothing,
    a_blob_that_a_result_comes_to_refer_to_stays_or_is_made_again,
    a_clip_whose_bytes_are_going_is_asked_for_again,
    a_sweep_that_was_cut_short_is_finished,
    whatever_the_farm_has_been_through_nothing_in_use_goes,
    a_render_without_anything_to_thin_is_looked_at_once,
);

/// Where the store's files are.
fn file(storage: &Storage, key: &str) -> PathBuf {
    storage.local_path(key).unwrap()
}

fn put(storage: &Storage, key: &str) {
    let path = file(storage, key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, b"ten bytes.").unwrap();
}

fn is_there(storage: &Storage, key: &str) -> bool {
    file(storage, key).exists()
}

/// What a worker leaves in storage of a result.
fn store(storage: &Storage, record: &TaskRecord) {
    for artifact in record.artifacts.values() {
        put(storage, &storage_key::blob(&artifact.sha256));
    }
    put(storage, &storage_key::record(&record.task));
}

/// A worker that stores what it makes.
fn worker(rig: &Rig) -> Script {
    let storage = Arc::new(rig.base.storage());
    Script::playing(rig, move |taken| {
        store(&storage, &record(taken.spec(), "script"));
        taken.done_by("script")
    })
}

impl Rig {
    async fn send_stored_clips(&self, names: &[&str]) {
        for name in names {
            put(&self.base.storage(), &storage_key::blob(&clip(name)));
        }
        self.send_clips(names).await;
    }

    /// A process of the farm that never leads and keeps nothing. The one that leads keeps all for days.
    async fn tidy(&self) -> Farm {
        let mut config: FarmConfig = quick();
        config.incoming_age = Duration::ZERO;
        config.retention.orphans = Duration::ZERO;
        config.retention.results = Duration::ZERO;
        config.retention.events = Duration::ZERO;
        config.retention.every = Duration::from_secs(3600);
        self.base.farm(config.without_reconciler()).await
    }
}

async fn all_leftovers(farm: &Farm) -> Vec<LeftoverBody> {
    let mut all = Vec::new();
    let mut place = (Leftover::Incoming, None);
    loop {
        let age = Some(Duration::ZERO);
        let (page, next) = farm.leftovers(place, None, age, 3).await.unwrap();
        all.extend(page);
        match next {
            Some(next) => place = next,
            None => return all,
        }
    }
}

fn names(all: &[LeftoverBody], what: Leftover) -> BTreeSet<String> {
    let of_kind = all.iter().filter(|one| one.what == what);
    of_kind.map(|one| one.name.clone()).collect()
}

/// One of each kind that nobody owns.
struct Litter {
    blob: String,
    record: String,
    input: String,
    incoming: String,
}

fn litter(storage: &Storage, seed: u32) -> Litter {
    let task = TaskKey::of(format!("nobody's {seed}").as_bytes());
    let litter = Litter {
        blob: storage_key::blob(&Sha::of(format!("nobody's {seed}").as_bytes())),
        record: storage_key::record(&task),
        input: storage_key::input(&AttemptId { task, attempt: 1 }),
        incoming: storage_key::incoming(uuid::Uuid::now_v7()),
    };
    for key in [
        &litter.blob,
        &litter.record,
        &litter.input,
        &litter.incoming,
    ] {
        put(storage, key);
    }
    litter
}

async fn what_nobody_needs_goes_and_the_rest_stays(base: Base) {
    let rig = base.rig().await;
    let storage = rig.base.storage();
    rig.send_stored_clips(&["a", "b"]).await;
    let script = worker(&rig);
    let published = rig.submit("Published", &["a"]).await;
    assert_eq!(rig.ends(published).await.state, RenderState::Published);
    let ran = script.ran();
    drop(script);
    // It runs, and nobody works at it. Longer, so that its silence is another.
    let running = rig.submit("Running", &["b", "b"]).await;
    let litter = litter(&storage, 0);
    let spare = file(&storage, "README");
    std::fs::write(&spare, b"not ours").unwrap();

    let tidy = rig.tidy().await;
    let done = tidy.put_away().await.unwrap();
    assert!(!done.more, "{done:?}");
    for gone in [
        &litter.blob,
        &litter.record,
        &litter.input,
        &litter.incoming,
    ] {
        assert!(!is_there(&storage, gone), "{gone}");
    }
    assert!(spare.exists(), "a file of somebody else");
    // Of the film that is shown, what it is made of went as a result and goes as blobs with the next round.
    tidy.put_away().await.unwrap();
    for taken in &ran {
        let made = record(taken.spec(), "script");
        let stays = !matches!(taken.kind(), TaskKind::Conform | TaskKind::Mix);
        for artifact in made.artifacts.values() {
            let key = storage_key::blob(&artifact.sha256);
            assert_eq!(is_there(&storage, &key), stays, "{:?}", taken.kind());
        }
    }
    for name in ["a", "b"] {
        assert!(is_there(&storage, &storage_key::blob(&clip(name))));
    }
    let events = rig.events(published).await;
    assert!(
        events
            .iter()
            .any(|event| event.kind == RenderEventKind::State)
    );
    assert!(
        !events
            .iter()
            .any(|event| event.kind == RenderEventKind::TaskProgress)
    );
    let parts = renders::parts(rig.farm.database(), published)
        .await
        .unwrap()
        .unwrap();
    assert!(
        parts.stages.iter().all(|stage| stage.done == stage.total),
        "{:?}",
        parts.stages
    );

    // Both go on: the one that ran, and one that wants again what was put away.
    let _script = worker(&rig);
    assert_eq!(rig.ends(running).await.state, RenderState::Published);
    let again = rig.submit("Again", &["a", "a"]).await;
    assert_eq!(rig.ends(again).await.state, RenderState::Published);
}

async fn a_dry_run_lists_what_a_round_removes_and_touches_nothing(base: Base) {
    let rig = base.rig().await;
    let storage = rig.base.storage();
    rig.send_stored_clips(&["a"]).await;
    let script = worker(&rig);
    let published = rig.submit("Published", &["a"]).await;
    assert_eq!(rig.ends(published).await.state, RenderState::Published);
    drop(script);
    for seed in 0..5 {
        litter(&storage, seed);
    }
    let tidy = rig.tidy().await;
    let listed = all_leftovers(&tidy).await;
    assert_eq!(listed, all_leftovers(&tidy).await, "nothing was touched");
    let done = tidy.put_away().await.unwrap();
    for what in Leftover::ALL {
        let of_kind = listed.iter().filter(|one| one.what == what);
        let bytes: u64 = of_kind.clone().map(|one| one.bytes).sum();
        let removed = done.removed.iter().find(|one| one.what == what);
        let (count, freed) = removed.map_or((0, 0), |one| (one.count, one.bytes));
        assert_eq!((count, freed), (of_kind.count() as u64, bytes), "{what:?}");
    }
    let left = all_leftovers(&tidy).await;
    for what in Leftover::ALL {
        let (before, after) = (names(&listed, what), names(&left, what));
        assert!(before.is_disjoint(&after), "{what:?}: {after:?}");
    }
}

async fn a_blob_that_a_result_comes_to_refer_to_stays_or_is_made_again(base: Base) {
    let rig = base.rig().await;
    let (storage, db) = (Arc::new(rig.base.storage()), rig.farm.database().clone());
    rig.send_stored_clips(&["a"]).await;
    let (stored, decided) = (Arc::clone(&storage), db.clone());
    let tries = Arc::new(AtomicU32::new(0));
    let script = Script::playing(&rig, move |taken| {
        let made = record(taken.spec(), "script");
        if let Some(segment) = made.artifact("segment") {
            let (sha, db) = (segment.sha256, decided.clone());
            let deciding = async {
                match tries.fetch_add(1, Ordering::SeqCst) {
                    // It is decided that the blob goes, before its end is reported.
                    0 => assert!(decide(&db, &sha).await),
                    // By now it is gone, and the redo stores it once more.
                    _ => {
                        stored.delete(&storage_key::blob(&sha)).await.unwrap();
                        blobs::note_gone(&db, &sha, clock::now_ms()).await.unwrap();
                    }
                }
            };
            tokio::task::block_in_place(|| Handle::current().block_on(deciding));
        }
        store(&stored, &made);
        taken.done_by("script")
    });
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    let ran = script.ran();
    let conforms: Vec<_> = ran
        .iter()
        .filter(|one| one.kind() == TaskKind::Conform)
        .collect();
    assert_eq!(conforms.len(), 2, "the first was not believed");
    let made = record(conforms[0].spec(), "script");
    let segment = made.artifact("segment").unwrap().sha256;
    assert!(is_there(&storage, &storage_key::blob(&segment)));
    assert!(!decide(&db, &segment).await, "now it is referred to");
}

/// `false`: somebody refers to it, or it is being deleted.
async fn decide(db: &Database, sha: &Sha) -> bool {
    decide_at(db, sha, clock::now_ms()).await
}

async fn decide_at(db: &Database, sha: &Sha, at_ms: i64) -> bool {
    let mut tx = db.write_graph().await.unwrap();
    let decided = blobs::decide(&mut tx, sha, at_ms).await.unwrap();
    tx.commit().await.unwrap();
    decided.is_made()
}

async fn a_clip_whose_bytes_are_going_is_asked_for_again(base: Base) {
    let rig = base.rig().await;
    let (storage, db) = (rig.base.storage(), rig.farm.database().clone());
    let sha = clip("a");
    let arrived = async || rig.farm.clip_arrived(rig.director, sha, 10).await;
    assert!(decide(&db, &sha).await);
    put(&storage, &storage_key::blob(&sha));
    assert!(matches!(arrived().await, Err(DbError::Swept)));
    storage.delete(&storage_key::blob(&sha)).await.unwrap();
    blobs::note_gone(&db, &sha, clock::now_ms()).await.unwrap();
    assert!(matches!(arrived().await, Err(DbError::Swept)));
    put(&storage, &storage_key::blob(&sha));
    arrived().await.unwrap();
}

async fn a_sweep_that_was_cut_short_is_finished(base: Base) {
    let db = base.database().await;
    let storage = base.storage();
    let sha = Sha::of(b"nobody's");
    put(&storage, &storage_key::blob(&sha));
    let fresh = Sha::of(b"somebody deletes it now");
    put(&storage, &storage_key::blob(&fresh));
    assert!(decide(&db, &fresh).await);
    assert!(
        !decide(&db, &fresh).await,
        "one deletes it, and no second one"
    );
    assert!(decide_at(&db, &sha, clock::now_ms() - 600_000).await);
    // The next leader finds it.
    let _rig = base.rig().await;
    deadline::until("the sweep is finished", LIMIT, async || {
        let swept = blobs::swept(&db, &[sha]).await?;
        Ok((swept == [(sha, blobs::Swept::Gone)]).then_some(()))
    })
    .await
    .unwrap();
    assert!(!is_there(&storage, &storage_key::blob(&sha)));
    assert!(is_there(&storage, &storage_key::blob(&fresh)));
}

/// Numbers that look drawn, the same in each run.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

async fn whatever_the_farm_has_been_through_nothing_in_use_goes(base: Base) {
    const CLIPS: [&str; 4] = ["a", "b", "c", "d"];
    let rig = base.rig().await;
    let storage = rig.base.storage();
    let tidy = rig.tidy().await;
    rig.send_stored_clips(&CLIPS).await;
    let mut drawn = Drawn(20_261_122);
    let mut script = Some(worker(&rig));
    let mut asked = Vec::new();
    for step in 0..40 {
        match drawn.below(8) {
            0..=2 => {
                let shots: Vec<&str> = (0..=drawn.below(3))
                    .map(|_| CLIPS[drawn.below(4)])
                    .collect();
                asked.push(rig.submit(&format!("Film {step}"), &shots).await);
            }
            3 if !asked.is_empty() => {
                rig.farm
                    .cancel_render(asked[drawn.below(asked.len())])
                    .await
                    .unwrap();
            }
            4 if !asked.is_empty() => {
                rig.farm
                    .retry_render(asked[drawn.below(asked.len())], None)
                    .await
                    .unwrap();
            }
            5 => {
                script = if script.is_some() {
                    None
                } else {
                    Some(worker(&rig))
                }
            }
            6 => drop(litter(&storage, step)),
            _ => {
                tidy.put_away().await.unwrap();
            }
        }
    }
    drop(script);
    let _script = worker(&rig);
    for id in asked {
        rig.ends(id).await;
        tidy.put_away().await.unwrap();
        let Some(episode) = episodes::of_film(rig.farm.database(), id).await.unwrap() else {
            continue;
        };
        for (role, artifact) in &episode.artifacts {
            let key = storage_key::blob(&artifact.sha256);
            assert!(is_there(&storage, &key), "{role} of {id}");
        }
    }
    for name in CLIPS {
        assert!(is_there(&storage, &storage_key::blob(&clip(name))));
    }
    let left = all_leftovers(&tidy).await;
    assert_eq!(names(&left, Leftover::Incoming), BTreeSet::new());
}

async fn a_render_without_anything_to_thin_is_looked_at_once(base: Base) {
    let rig = base.rig().await;
    rig.send_stored_clips(&["a"]).await;
    let _script = worker(&rig);
    let ended = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(ended).await.state, RenderState::Published);
    let (db, soon) = (rig.farm.database(), clock::now_ms() + 60_000);
    assert_eq!(retention::note_thin(db, 0, soon, 10).await.unwrap(), 0);
    assert_eq!(retention::note_thin(db, soon, soon, 10).await.unwrap(), 1);
    assert_eq!(retention::note_thin(db, soon, soon, 10).await.unwrap(), 0);
}
