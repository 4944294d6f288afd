//! What a worker says of an attempt that was over before: that its processes are gone.

use botflix_api::db::tasks;
use botflix_common::id::RenderId;
use botflix_common::report::ReportBody;
use botflix_common::task::{AttemptId, TaskKind};
use botflix_testkit::deadline;
use sqlx::{AnyConnection, Connection, Row};

use crate::faults::take_and_die;
use crate::rig::{Base, LIMIT, Rig};
use crate::script::Hands;

crate::on_both_databases!(
    the_cancel_of_what_runs_is_acknowledged_by_its_worker,
    an_attempt_that_was_lost_is_not_charged_when_its_worker_lives_after_all,
);

impl Rig {
    /// Waits until the farm has heard that the attempt was stopped.
    async fn hears_that_it_stopped(&self, render: RenderId, kind: TaskKind, attempt: u32) -> i64 {
        deadline::until("it has stopped", LIMIT, async || {
            let log = self.log_of(render, kind).await;
            let found = log.iter().find(|one| one.id.attempt == attempt);
            Ok(found.and_then(|one| one.stopped_at_ms))
        })
        .await
        .unwrap()
    }

    /// What is held against workers.
    async fn held_against_workers(&self) -> i64 {
        let mut connection = AnyConnection::connect(&self.base.database_url)
            .await
            .unwrap();
        let counted = sqlx::query("SELECT COUNT(*) AS strikes FROM worker_strikes");
        let row = counted.fetch_one(&mut connection).await.unwrap();
        row.get("strikes")
    }

    async fn crashes(&self, id: AttemptId) -> u32 {
        let mut tx = self.farm.database().write().await.unwrap();
        let head = tasks::head(&mut tx, &id.task).await.unwrap();
        head.unwrap().crashes
    }
}

async fn the_cancel_of_what_runs_is_acknowledged_by_its_worker(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let hands = Hands::of(&rig, "w");
    let id = rig.submit("Film", &["a"]).await;
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let running = hands.take(TaskKind::Conform).await;
    hands.report(running.id, ReportBody::Started).await;
    rig.farm.cancel_render(id).await.unwrap();
    let canceled = &rig.log_of(id, TaskKind::Conform).await[0];
    assert_eq!(canceled.stopped_at_ms, None, "nobody has said so yet");
    hands.report(running.id, ReportBody::Released).await;
    let at = rig
        .hears_that_it_stopped(id, TaskKind::Conform, running.id.attempt)
        .await;
    assert!(at >= canceled.ended_at_ms.unwrap());
}

async fn an_attempt_that_was_lost_is_not_charged_when_its_worker_lives_after_all(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let lost = AttemptId {
        task: take_and_die(&rig).await,
        attempt: 1,
    };
    deadline::until("it is taken for dead of the task", LIMIT, async || {
        let charged = (rig.crashes(lost).await, rig.held_against_workers().await);
        Ok((charged == (1, 1)).then_some(()))
    })
    .await
    .unwrap();
    let hands = Hands::of(&rig, "dying");
    for _ in 0..2 {
        // A report may be heard twice.
        hands.report(lost, ReportBody::Released).await;
    }
    rig.hears_that_it_stopped(id, TaskKind::Inspect, 1).await;
    assert_eq!(
        (rig.crashes(lost).await, rig.held_against_workers().await),
        (0, 0)
    );
}
