//! What is remembered of every attempt, and who may read it.

use std::collections::BTreeMap;

use botflix_api::db::renders::{self, AttemptRow};
use botflix_api::farm::{Order, Submitted};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{AttemptOutcome, RenderState};
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::report::ReportBody;
use botflix_common::task::TaskKind;
use botflix_testkit::deadline;

use crate::facts::{clip, manifest};
use crate::faults::take_and_die;
use crate::rig::{Base, LIMIT, Rig, director, quick};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    a_task_that_is_tried_four_times_leaves_four_attempts_in_their_order,
    a_report_of_an_attempt_that_is_over_changes_none,
    how_a_task_ends_for_good_is_said_of_its_last_attempt,
    what_was_remembered_took_nobody_any_time,
    a_shared_task_is_seen_by_both_renders_and_neither_director_by_the_other,
    what_others_try_after_a_render_has_ended_is_not_in_its_log,
);

impl Rig {
    pub async fn log(&self, id: RenderId) -> Vec<AttemptRow> {
        renders::attempts(self.farm.database(), id, None, 1000)
            .await
            .unwrap()
    }

    pub async fn log_of(&self, id: RenderId, kind: TaskKind) -> Vec<AttemptRow> {
        let all = self.log(id).await.into_iter();
        all.filter(|attempt| attempt.kind == kind).collect()
    }

    async fn submit_as(&self, director: DirectorId, clips: &[&str]) -> RenderId {
        let film = manifest("Film", clips);
        let submitted = self.farm.submit_render(Order::new(director, &film)).await;
        let Submitted::New(id) = submitted.unwrap() else {
            unreachable!()
        };
        id
    }
}

pub fn outcomes(log: &[AttemptRow]) -> Vec<&'static str> {
    log.iter()
        .map(|attempt| attempt.outcome.map_or("open", AttemptOutcome::name))
        .collect()
}

fn failed(class: FailureClass) -> ReportBody {
    let failure = Failure::new(class, WhoCanFix::Operator, "disk_full", "The disk is full.");
    ReportBody::Failed {
        failure: failure
            .with_internal("/secret/path")
            .quoting("[mov @ 0x55d0c8a5b2c0] moov atom not found\n/secret/path: gone"),
    }
}

async fn a_task_that_is_tried_four_times_leaves_four_attempts_in_their_order(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");

    let first = hands.take(TaskKind::Inspect).await;
    hands.report(first.id, ReportBody::Started).await;
    hands.report(first.id, failed(FailureClass::Retry)).await;
    let second = hands.take(TaskKind::Inspect).await;
    // That it began is never heard of: its progress says so, too.
    let half = ReportBody::Progress {
        fraction: 0.5,
        speed: None,
    };
    hands.report(second.id, half).await;
    deadline::until("its progress is heard", LIMIT, async || {
        let log = rig.log_of(id, TaskKind::Inspect).await;
        Ok(log[1].started_at_ms.is_some().then_some(()))
    })
    .await
    .unwrap();
    hands.report(second.id, ReportBody::Released).await;
    let third = take_and_die(&rig).await;
    assert_eq!(third, first.id.task);
    let last = hands.take(TaskKind::Inspect).await;
    assert_eq!(last.id.attempt, 4);
    hands.finish(&last).await;
    let _script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);

    let log = rig.log_of(id, TaskKind::Inspect).await;
    assert_eq!(outcomes(&log), ["retried", "released", "lost", "done"]);
    let numbers: Vec<u32> = log.iter().map(|attempt| attempt.id.attempt).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    for attempt in &log {
        let started = attempt.started_at_ms.expect("it has begun");
        assert!(attempt.queued_at_ms <= started && started <= attempt.ended_at_ms.unwrap());
        let who = attempt.worker.as_deref();
        assert_eq!(
            who,
            Some(if attempt.id.attempt == 3 {
                "dying"
            } else {
                "w"
            })
        );
    }
    let first = &log[0];
    assert_eq!(first.message.as_deref(), Some("The disk is full."));
    assert_eq!(first.code.as_deref(), Some("disk_full"));
    assert_eq!(first.class, Some(FailureClass::Retry));
    assert_eq!(first.who_can_fix, Some(WhoCanFix::Operator));
    assert_eq!(first.engine_said, ["[mov] moov atom not found"]);
    assert_eq!(log[2].message.as_deref(), Some("Its worker is gone."));
    assert_eq!(log[2].code, None);
    let done = &log[3];
    assert_eq!((&done.message, &done.code), (&None, &None));
    assert_eq!(done.engine.as_deref(), Some("script"));
    assert_eq!(done.wall_seconds, Some(0.1));

    let conform = &rig.log_of(id, TaskKind::Conform).await[0];
    assert_eq!(conform.shot.as_deref(), Some("s0"));
    let sizes = BTreeMap::from([("segment".to_owned(), 10)]);
    assert_eq!(conform.artifact_bytes, sizes);
    let all = rig.log(id).await;
    assert!(all.is_sorted_by_key(|attempt| attempt.queued_at_ms));
    assert!(!format!("{all:?}").contains("secret"), "{all:?}");
    // In pages of two it is the same.
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(AttemptRow::place);
        let page = renders::attempts(rig.farm.database(), id, after, 2).await;
        let page = page.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

async fn a_report_of_an_attempt_that_is_over_changes_none(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let (late, prompt) = (Hands::of(&rig, "late"), Hands::of(&rig, "prompt"));
    let first = late.take(TaskKind::Inspect).await;
    late.report(first.id, ReportBody::Started).await;
    late.report(first.id, ReportBody::Released).await;
    let second = prompt.take(TaskKind::Inspect).await;
    let stale = async |taken: &crate::script::Taken| {
        let before = rig.log(id).await;
        let progress = ReportBody::Progress {
            fraction: 0.9,
            speed: None,
        };
        for body in [
            ReportBody::Started,
            progress,
            failed(FailureClass::Permanent),
            ReportBody::Released,
            taken.done_by("late"),
        ] {
            late.report_surely(taken.id, body).await;
        }
        rig.reports_are_taken().await;
        assert_eq!(rig.log(id).await, before);
    };
    stale(&first).await;
    prompt.report_surely(second.id, ReportBody::Started).await;
    rig.reports_are_taken().await;
    stale(&first).await;
    assert_eq!(outcomes(&rig.log(id).await), ["released", "open"]);
    // The inspection goes on for other films, and nothing new is queued for this one.
    rig.farm.cancel_render(id).await.unwrap();
    let done = second.done_by("prompt");
    prompt.report_surely(second.id, done).await;
    rig.reports_are_taken().await;
    stale(&second).await;
    let log = rig.log(id).await;
    assert_eq!(outcomes(&log), ["released", "done"]);
    assert_eq!(log[1].worker.as_deref(), Some("prompt"));
}

async fn how_a_task_ends_for_good_is_said_of_its_last_attempt(base: Base) {
    let mut config = quick();
    config.retry_limit = 1;
    let rig = base.rig_with(config).await;
    let classes = [
        ("p", FailureClass::Permanent),
        ("r", FailureClass::Retry),
        ("c", FailureClass::Crash),
    ];
    rig.send_clips(&["p", "r", "c"]).await;
    let _script = Script::playing(&rig, move |taken| {
        let clips = taken.spec().clips();
        let doomed = classes.iter().find(|(name, _)| clips == [clip(name)]);
        match (taken.kind(), doomed) {
            (TaskKind::Conform, Some((_, class))) => failed(*class),
            _ => taken.done_by("script"),
        }
    });
    for (name, ends) in [
        ("p", &["failed"][..]),
        ("r", &["retried", "given_up"]),
        ("c", &["retried", "retried", "given_up"]),
    ] {
        let id = rig.submit(name, &[name]).await;
        assert_eq!(rig.ends(id).await.state, RenderState::Failed);
        let log = rig.log_of(id, TaskKind::Conform).await;
        assert_eq!(outcomes(&log), ends, "{name}");
        // The last one's own words, even where the farm gave the task up for another reason.
        assert_eq!(log[log.len() - 1].code.as_deref(), Some("disk_full"));
    }
}

async fn what_was_remembered_took_nobody_any_time(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");
    let taken = hands.take(TaskKind::Inspect).await;
    let ReportBody::Done { record, .. } = taken.done_by("somebody else") else {
        unreachable!()
    };
    let memoized = true;
    let done = ReportBody::Done { record, memoized };
    hands.report_surely(taken.id, done).await;
    rig.reports_are_taken().await;
    let log = rig.log_of(id, TaskKind::Inspect).await;
    assert_eq!(outcomes(&log), ["memoized"]);
    assert_eq!((log[0].wall_seconds, &log[0].worker), (None, &None));
    assert_eq!(log[0].engine.as_deref(), Some("script"));
}

async fn a_shared_task_is_seen_by_both_renders_and_neither_director_by_the_other(base: Base) {
    let rig = base.rig().await;
    let other = director(rig.farm.database()).await;
    rig.send_clips(&["a", "b"]).await;
    rig.farm.clip_arrived(other, clip("a"), 1000).await.unwrap();
    let mine = rig.submit("Film", &["a", "b"]).await;
    let theirs = rig.submit_as(other, &["a"]).await;
    let _script = Script::start(&rig);
    for id in [mine, theirs] {
        assert_eq!(rig.ends(id).await.state, RenderState::Published);
    }
    // Long after: it made nothing itself, and sees who made it.
    let again = rig.submit_as(other, &["a"]).await;
    assert_eq!(rig.state(again).await, RenderState::Published);
    let (mine, theirs, again) = (
        rig.log(mine).await,
        rig.log(theirs).await,
        rig.log(again).await,
    );
    assert_eq!(theirs, again);
    assert!(outcomes(&theirs).iter().all(|outcome| *outcome == "done"));
    let shared = theirs.iter().filter(|one| mine.contains(one));
    let mut kinds: Vec<&str> = shared.map(|one| one.kind.name()).collect();
    kinds.sort_unstable();
    // The segment and the inspection of the clip that both films have, once each; the mixes differ in length.
    assert_eq!(kinds, ["conform", "inspect"]);
    assert_eq!(
        (mine.len(), theirs.len()),
        (2 + 2 + 4, 1 + 1 + 4),
        "nothing of the other's own tasks"
    );
    for id in [rig.director, other] {
        let told = format!("{mine:?}{theirs:?}");
        assert!(!told.contains(&id.to_string()));
    }
}

async fn what_others_try_after_a_render_has_ended_is_not_in_its_log(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let one = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    deadline::until("the segment is queued", LIMIT, async || {
        let queued = rig.log_of(one, TaskKind::Conform).await.len();
        Ok((queued == 1).then_some(()))
    })
    .await
    .unwrap();
    rig.farm.cancel_render(one).await.unwrap();
    let before = rig.log(one).await;
    let conform = rig.log_of(one, TaskKind::Conform).await;
    assert_eq!(outcomes(&conform), ["canceled"]);
    let two = rig.submit("Film", &["a"]).await;
    let _script = Script::start(&rig);
    assert_eq!(rig.ends(two).await.state, RenderState::Published);
    assert_eq!(rig.log(one).await, before);
    let conform = rig.log_of(two, TaskKind::Conform).await;
    assert_eq!(outcomes(&conform), ["canceled", "done"]);
}
