//! How tasks and renders end other than well: canceled, retried, given up, poisoned.

use botflix_api::clock;
use botflix_api::db::renders;
use botflix_api::db::tasks::{self, TaskState, moves};
use botflix_api::farm::Canceled;
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{RenderEventKind, RenderState};
use botflix_common::report::ReportBody;
use botflix_common::task::{Lane, TaskKind};
use botflix_testkit::deadline;
use sqlx::{AnyConnection, Connection, Row};

use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    a_canceled_render_leaves_nothing_in_the_queue,
    canceling_one_of_two_renders_keeps_what_the_other_needs,
    a_task_that_moves_while_it_is_canceled_is_canceled,
    a_canceled_film_can_be_asked_for_again,
    a_failure_that_may_pass_is_tried_again,
    a_failure_that_does_not_pass_ends_at_the_limit,
    a_permanent_failure_fails_every_render_that_needs_the_task,
    a_task_that_crashes_three_times_is_poison,
    a_task_handed_back_by_a_drain_is_not_charged,
    a_result_that_belongs_to_another_task_is_not_accepted,
);

impl Rig {
    /// Waits until no attempt is queued, nor at a worker.
    pub async fn lanes_are_empty(&self) {
        let queue = self.base.queue();
        deadline::until("the lanes are empty", LIMIT, async || {
            let mut left = 0;
            for lane in Lane::ALL {
                left += queue.snapshot(lane).await?.entries.len();
            }
            Ok((left == 0).then_some(()))
        })
        .await
        .unwrap();
    }

    /// Waits until a transaction waits for the row of another. On SQLite there is nothing to see: the second does not begin.
    async fn somebody_waits_for_a_row(&self) {
        if !self.base.database_url.starts_with("postgres") {
            return;
        }
        let mut connection = AnyConnection::connect(&self.base.database_url)
            .await
            .unwrap();
        deadline::until("a transaction waits for a row", LIMIT, async || {
            let row = sqlx::query(
                "SELECT COUNT(*) AS waiting FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted",
            )
            .fetch_one(&mut connection)
            .await?;
            Ok((row.get::<i64, _>("waiting") > 0).then_some(()))
        })
        .await
        .unwrap();
    }
}

fn failure(class: FailureClass) -> ReportBody {
    let failure = Failure::new(class, WhoCanFix::Operator, "disk_full", "The disk is full.");
    ReportBody::Failed {
        failure: failure.with_internal("/secret/path"),
    }
}

async fn a_canceled_render_leaves_nothing_in_the_queue(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let hands = Hands::of(&rig, "w");
    let id = rig.submit("Film", &["a"]).await;
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let running = hands.take(TaskKind::Conform).await;
    hands.report(running.id, ReportBody::Started).await;

    assert_eq!(rig.farm.cancel_render(id).await.unwrap(), Canceled::Now);
    let again = rig.farm.cancel_render(id).await.unwrap();
    assert_eq!(again, Canceled::AlreadyFinal(RenderState::Canceled));
    rig.lanes_are_empty().await;
    // The worker did not hear of it in time: its result comes too late.
    hands.report(running.id, running.done_by("w")).await;
    rig.reports_are_taken().await;
    let task = tasks::find(rig.farm.database(), &running.id.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(task.state, TaskState::Canceled);
    assert_eq!(rig.state(id).await, RenderState::Canceled);
    assert!(
        rig.farm
            .cancel_render(botflix_common::id::RenderId::fresh())
            .await
            .is_err()
    );
}

/// A report of progress takes no graph lock, so that it may start a task which a cancellation has just read as queued.
async fn a_task_that_moves_while_it_is_canceled_is_canceled(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let hands = Hands::of(&rig, "w");
    let id = rig.submit("Film", &["a"]).await;
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let queued = hands.take(TaskKind::Conform).await;

    let mut tx = rig.farm.database().write().await.unwrap();
    let moved = moves::progress(&mut tx, queued.id, "w", 0.5, clock::now_ms());
    assert!(moved.await.unwrap().is_made());
    let farm = rig.farm.clone();
    let canceling = tokio::spawn(async move { farm.cancel_render(id).await });
    rig.somebody_waits_for_a_row().await;
    tx.commit().await.unwrap();

    assert_eq!(canceling.await.unwrap().unwrap(), Canceled::Now);
    let census = tasks::census(rig.farm.database()).await.unwrap();
    assert_eq!(census, [], "nothing of a canceled render is left to do");
}

async fn canceling_one_of_two_renders_keeps_what_the_other_needs(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let (one, two) = (
        rig.submit("One", &["a", "b"]).await,
        rig.submit("Two", &["a"]).await,
    );
    let script = Script::start(&rig);
    rig.ends_inspection(&["a", "b"]).await;
    rig.farm.cancel_render(one).await.unwrap();
    assert_eq!(rig.ends(two).await.state, RenderState::Published);
    let state = rig.state(one).await;
    assert!(state.is_final(), "{state:?}");
    drop(script);
}

async fn a_canceled_film_can_be_asked_for_again(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let one = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let late = hands.take(TaskKind::Conform).await;
    rig.farm.cancel_render(one).await.unwrap();
    let two = rig.submit("Film", &["a"]).await;
    // A report of the canceled attempt means nothing to the new one.
    hands.report(late.id, late.done_by("late")).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(two).await.state, RenderState::Published);
    let again = script
        .ran()
        .into_iter()
        .find(|taken| taken.id.task == late.id.task)
        .unwrap();
    assert!(again.id.attempt > late.id.attempt);
}

async fn a_failure_that_may_pass_is_tried_again(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let script = Script::playing(&rig, |taken| {
        if taken.id.attempt <= 3 && taken.kind() == TaskKind::Mix {
            failure(FailureClass::Retry)
        } else {
            taken.done_by("script")
        }
    });
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    let attempts: Vec<u32> = script
        .ran()
        .iter()
        .filter(|taken| taken.kind() == TaskKind::Mix)
        .map(|taken| taken.id.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    let events = rig.events(id).await;
    let retried = events
        .iter()
        .filter(|event| event.kind == RenderEventKind::TaskRetried);
    assert_eq!(retried.count(), 3);
}

async fn a_failure_that_does_not_pass_ends_at_the_limit(base: Base) {
    let mut config = quick();
    config.retry_limit = 4;
    let rig = base.rig_with(config).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Inspect => taken.done_by("script"),
        _ => failure(FailureClass::Retry),
    });
    let row = rig.ends(id).await;
    assert_eq!(row.state, RenderState::Failed);
    let problem = row.problem.unwrap();
    assert_eq!(
        (problem.code.as_str(), problem.who_can_fix),
        ("disk_full", WhoCanFix::Operator)
    );
    assert!(problem.retryable);
    let most = script.ran().iter().map(|taken| taken.id.attempt).max();
    assert_eq!(most, Some(5));
    let told = serde_json::to_string(&rig.events(id).await).unwrap()
        + &serde_json::to_string(&problem).unwrap();
    assert!(!told.contains("secret"));
}

async fn a_permanent_failure_fails_every_render_that_needs_the_task(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let needing = [
        rig.submit("One", &["a", "b"]).await,
        rig.submit("Two", &["b", "b"]).await,
    ];
    let other = rig.submit("Other", &["a"]).await;
    let doomed = crate::facts::clip("b");
    let _script = Script::playing(&rig, move |taken| match taken.kind() {
        TaskKind::Conform if taken.spec().clips() == [doomed] => failure(FailureClass::Permanent),
        _ => taken.done_by("script"),
    });
    for id in needing {
        let row = rig.ends(id).await;
        assert_eq!(row.state, RenderState::Failed);
        assert!(
            row.problem.unwrap().detail.contains("of shot \"s"),
            "the shot is named"
        );
        let events = rig.events(id).await;
        assert!(
            events
                .iter()
                .any(|event| event.kind == RenderEventKind::TaskFailed)
        );
    }
    assert_eq!(rig.ends(other).await.state, RenderState::Published);
    let census = tasks::census(rig.farm.database()).await.unwrap();
    assert_eq!(census, [], "nothing of the failed renders is left to do");
}

async fn a_task_that_crashes_three_times_is_poison(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Conform => failure(FailureClass::Crash),
        _ => taken.done_by("script"),
    });
    let row = rig.ends(id).await;
    assert_eq!(row.problem.unwrap().code, "poison_task");
    let conforms = script
        .kinds()
        .into_iter()
        .filter(|kind| *kind == "conform")
        .count();
    assert_eq!(conforms, 3);
}

async fn a_task_handed_back_by_a_drain_is_not_charged(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    // More often than any limit allows.
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Mix if taken.id.attempt <= 12 => ReportBody::Released,
        _ => taken.done_by("script"),
    });
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    let mix = script
        .ran()
        .into_iter()
        .rfind(|taken| taken.kind() == TaskKind::Mix)
        .unwrap();
    let task = tasks::find(rig.farm.database(), &mix.id.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((task.attempt, task.retries, task.crashes), (13, 0, 0));
}

async fn a_result_that_belongs_to_another_task_is_not_accepted(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let _script = Script::playing(&rig, |taken| {
        let ReportBody::Done {
            mut record,
            memoized,
        } = taken.done_by("script")
        else {
            unreachable!()
        };
        if taken.kind() == TaskKind::Mix && taken.id.attempt == 1 {
            record.task = botflix_common::hash::TaskKey::of(b"another");
        }
        ReportBody::Done { record, memoized }
    });
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    let events = rig.events(id).await;
    assert!(
        events
            .iter()
            .any(|event| event.kind == RenderEventKind::TaskRetried)
    );
    let parts = renders::parts(rig.farm.database(), id)
        .await
        .unwrap()
        .unwrap();
    assert!(parts.episode.is_some());
}
