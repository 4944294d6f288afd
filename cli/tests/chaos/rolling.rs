//! Workers restarted one after another while the farm works: nothing fails, nothing is charged.

use std::time::Duration;

use botflix_testkit::chaos::load::Directors;
use botflix_testkit::chaos::{Plan, Stage, settle, verdict};
use botflix_testkit::{DatabaseKind, deadline};

use crate::binary;

const DIRECTORS: u32 = 4;
const SEED: u64 = 3;
/// Its grace, and what it takes to hand back.
const ENDS: Duration = Duration::from_secs(60);
const RETURNS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_are_restarted_under_load_and_no_attempt_is_charged() {
    let plan = Plan {
        binary: binary(),
        database: DatabaseKind::Sqlite,
        apis: 1,
        workers: 3,
        slots: 1,
        hurts_host: false,
        env: Vec::new(),
    };
    let stage = Stage::set(&plan).await.unwrap();
    let directors = Directors::new(&stage.bases);
    let at_work = directors.work(SEED, DIRECTORS).await.unwrap();
    for worker in &stage.workers {
        // It is in the middle of something.
        deadline::until("it works", RETURNS, async || {
            let tasks = stage.ledger.in_flight().await?;
            let its =
                |name: &Option<String>| name.as_ref().is_some_and(|name| name.starts_with(worker));
            Ok(tasks.iter().any(|task| its(&task.worker)).then_some(()))
        })
        .await
        .unwrap();
        let ended = stage.processes.terminate(worker, ENDS).await.unwrap();
        assert_eq!(ended, Some(true), "{worker} did not end well");
    }
    settle(&stage, &directors, at_work).await;
    let verdict = verdict::judge(&stage, &directors.close()).await.unwrap();
    assert!(verdict.holds(), "{verdict:#?}");
    assert!(
        verdict.failed == 0 && verdict.published >= 3,
        "{verdict:#?}"
    );
    let charged = "SELECT COUNT(*) FROM tasks WHERE crashes > 0 OR retries > 0";
    assert_eq!(
        stage.ledger.count(charged).await.unwrap(),
        0,
        "{verdict:#?}"
    );
    let released = verdict.attempts.keys().filter(|outcome| {
        !["done", "memoized", "released", "canceled"].contains(&outcome.as_str())
    });
    assert_eq!(released.count(), 0, "{verdict:#?}");
}
