//! Every fault of the matrix but one (see below) once, over a farm at work. `make chaos` is the long form, with a seed that is drawn.

use std::time::Duration;

use botflix_testkit::chaos::faults::Kind;
use botflix_testkit::chaos::{self, Settings};
use botflix_testkit::{DatabaseKind, Postgres, S3Server};

use crate::binary;

const SEED: u64 = 5;

async fn everything_holds(database: DatabaseKind) {
    let settings = Settings {
        binary: binary(),
        seed: SEED,
        database,
        // Each fault once.
        time: Duration::ZERO,
        only: Vec::new(),
        // It takes three times the minute after which a task that does not move is ended.
        without: vec![Kind::HangingClip],
    };
    let run = chaos::run(&settings).await.unwrap();
    println!("{}", run.markdown());
    assert!(run.verdict.holds(), "{}", run.markdown());
    assert!(run.verdict.published > 0, "nothing was made");
}

/// On a bare laptop, with a message, not.
fn here<T>(started: anyhow::Result<T>) -> bool {
    botflix_testkit::optional(started.map(drop)).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_stuck_with_two_apis_on_postgres_and_s3() {
    if here(Postgres::start()) && here(S3Server::start()) {
        everything_holds(DatabaseKind::Postgres).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_stuck_with_one_api_on_sqlite_and_files() {
    everything_holds(DatabaseKind::Sqlite).await;
}
