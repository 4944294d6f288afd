//! The database by itself: made once by several processes, back after a crash of its server, patches that do not undo each other.

use std::time::Duration;

use botflix_api::db::{Database, DbError, directors, keys, settings, workers};
use botflix_common::http::{DirectorPatch, GenerationProfilePatch, RenderState};
use botflix_common::id::DirectorId;
use botflix_testkit::{Postgres, optional};

use crate::rig::{Base, director};
use crate::script::Script;

crate::on_both_databases!(
    several_processes_may_start_at_once_and_share_their_secrets,
    two_patches_of_one_director_both_last,
    a_key_is_found_with_its_owner_and_needs_one,
    workers_that_were_long_not_seen_are_forgotten_unless_something_was_set,
);

async fn several_processes_may_start_at_once_and_share_their_secrets(base: Base) {
    let starts = (0..4).map(|at| {
        let url = base.database_url.clone();
        tokio::spawn(async move {
            let db = Database::connect(&url).await.unwrap();
            settings::get_or_create(&db, "secret", || format!("made by {at}"))
                .await
                .unwrap()
        })
    });
    let secrets: Vec<String> = futures::future::try_join_all(starts).await.unwrap();
    assert!(
        secrets.iter().all(|secret| *secret == secrets[0]),
        "{secrets:?}"
    );
}

async fn two_patches_of_one_director_both_last(base: Base) {
    let db = base.database().await;
    let id = director(&db).await;
    let name = DirectorPatch {
        name: Some("Ada".to_owned()),
        ..DirectorPatch::default()
    };
    let model = DirectorPatch {
        generation_profile: Some(GenerationProfilePatch {
            video_model: Some("sora".to_owned()),
            ..GenerationProfilePatch::default()
        }),
        ..DirectorPatch::default()
    };
    let (one, two) = tokio::join!(
        directors::update(&db, id, &name),
        directors::update(&db, id, &model)
    );
    one.unwrap();
    two.unwrap();
    let row = directors::get(&db, id).await.unwrap().unwrap();
    assert_eq!(
        (row.name.as_str(), row.profile.video_model.as_str()),
        ("Ada", "sora")
    );
    assert_eq!(row.profile.target_seconds, 120.0);
    let nobody = directors::update(&db, DirectorId::fresh(), &name).await;
    assert!(matches!(nobody, Err(DbError::Gone("director"))));
}

async fn a_key_is_found_with_its_owner_and_needs_one(base: Base) {
    let db = base.database().await;
    let key = keys::KeyRow {
        id: "k".to_owned(),
        director_id: director(&db).await,
        secret_sha256: "00".to_owned(),
        created_at_ms: 1,
        revoked_at_ms: None,
    };
    let mut tx = db.write().await.unwrap();
    keys::insert(&mut tx, &key).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(keys::find(&db, "k").await.unwrap(), Some(key.clone()));
    assert_eq!(keys::find(&db, "other").await.unwrap(), None);

    let mut tx = db.write().await.unwrap();
    let again = keys::insert(&mut tx, &key).await;
    assert!(matches!(again, Err(DbError::Conflict { .. })), "{again:?}");
    drop(tx);
    let mut tx = db.write().await.unwrap();
    let orphan = keys::KeyRow {
        id: "o".to_owned(),
        director_id: DirectorId::fresh(),
        ..key
    };
    let refused = keys::insert(&mut tx, &orphan).await;
    assert!(
        matches!(refused, Err(DbError::Conflict { .. })),
        "{refused:?}"
    );
}

async fn workers_that_were_long_not_seen_are_forgotten_unless_something_was_set(base: Base) {
    let db = base.database().await;
    for (name, seen_at_ms) in [("old", 1), ("set", 1), ("here", 100)] {
        let hello = serde_json::json!({
            "name": name, "instance": name, "version": "1", "lanes": ["cpu"], "slots": 1, "engine": "ffmpeg", "draining": false
        });
        let hello = serde_json::from_value(hello).unwrap();
        workers::seen(&db, &hello, seen_at_ms).await.unwrap();
    }
    let row = workers::find(&db, "set").await.unwrap().unwrap();
    assert!(workers::change(&db, &row).await.unwrap().is_made());
    let forgotten = workers::forget_unseen_since(&db, 50).await.unwrap();
    assert_eq!(forgotten, ["old"]);
    let mut left: Vec<String> = Vec::new();
    left.extend(
        workers::all(&db)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.name),
    );
    left.sort();
    assert_eq!(left, ["here", "set"]);
}

/// What was run of a film of which Postgres, which alone can go away by itself, is hurt while its sound is mixed.
async fn hurt_while_a_film_is_made(postgres: Postgres, hurt: fn(&Postgres)) -> Script {
    let rig = Base::postgres(&postgres).rig().await;
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    let script = Script::playing(&rig, move |taken| {
        if taken.kind().name() == "mix" {
            hurt(&postgres);
        }
        taken.done_by("script")
    });
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    script
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarted_while_a_film_is_made_delays_only() {
    let Some(postgres) = optional(Postgres::start()) else {
        return;
    };
    hurt_while_a_film_is_made(postgres, |postgres| postgres.crash_and_restart().unwrap()).await;
}

/// Longer than a report waits for a connection, so that taking it fails more than once.
const AWAY: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_comes_while_postgres_is_away_waits_and_its_task_is_not_done_again() {
    // One that keeps what it has committed: what is done must not be forgotten with the crash.
    let Some(postgres) = optional(Postgres::durable()) else {
        return;
    };
    let script = hurt_while_a_film_is_made(postgres, |postgres| {
        postgres.crash().unwrap();
        let postgres = postgres.clone();
        std::thread::spawn(move || {
            std::thread::sleep(AWAY);
            postgres.restart().unwrap();
        });
    })
    .await;
    let attempts: Vec<u32> = script.ran().iter().map(|taken| taken.id.attempt).collect();
    assert!(
        attempts.iter().all(|attempt| *attempt == 1),
        "done again: {:?} as attempts {attempts:?}",
        script.kinds()
    );
}
