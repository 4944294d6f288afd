//! Exactly once: an attempt that is not current changes nothing, and nothing is published twice.

use std::sync::Arc;

use botflix_api::db::episodes::{self, EpisodeFilter};
use botflix_api::db::tasks::{self, TaskState};
use botflix_api::farm::{FarmConfig, Order, Submitted};
use botflix_common::http::{RenderEventKind, RenderState};
use botflix_common::report::ReportBody;
use botflix_common::task::{TaskKind, TaskRecord};
use botflix_testkit::deadline;

use crate::facts::manifest_of_width;
use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::{Hands, Script};

/// Renders whose last two tasks end at the same time, each reported by so many workers at once.
const RENDERS: usize = 50;
const DUPLICATES: usize = 10;

crate::on_both_databases!(
    a_late_report_of_an_earlier_attempt_is_ignored,
    without_the_fence_a_late_writer_wins,
    a_thousand_competing_completions_publish_every_render_once,
    tasks_that_end_together_leave_no_dependent_behind,
);

/// Has the mix end by the hands of a first worker that is late, and a second that is not. Returns whose record SQL holds in the end.
async fn late_writer(rig: &Rig) -> (Option<String>, TaskRecord) {
    rig.send_clips(&["a"]).await;
    rig.submit("Film", &["a"]).await;
    let (late, prompt) = (Hands::of(rig, "late"), Hands::of(rig, "prompt"));
    late.finish(&late.take(TaskKind::Inspect).await).await;
    let first = late.take(TaskKind::Mix).await;
    late.report(first.id, ReportBody::Started).await;
    late.report(first.id, ReportBody::Released).await;
    let second = prompt.take(TaskKind::Mix).await;
    assert_eq!((first.id.attempt, second.id.attempt), (1, 2));
    prompt.finish(&second).await;
    rig.reports_are_taken().await;
    late.report(first.id, first.done_by("late")).await;
    rig.reports_are_taken().await;

    let task = tasks::find(rig.farm.database(), &first.id.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(task.state, TaskState::Done);
    // What a dependent was given: maybe before the late report came.
    let assemble = deadline::until("the records of the needs", LIMIT, async || {
        let taken = late.take_all().await?;
        for other in taken
            .iter()
            .filter(|taken| taken.kind() != TaskKind::Assemble)
        {
            late.finish(other).await;
        }
        Ok(taken
            .into_iter()
            .find(|taken| taken.kind() == TaskKind::Assemble))
    });
    let given = assemble.await.unwrap().input.upstream[&first.id.task].clone();
    (task.worker, given)
}

impl Rig {
    /// Waits until every report that was sent has been taken.
    pub async fn reports_are_taken(&self) {
        let client = redis::Client::open(self.base.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        deadline::until("the reports are taken", LIMIT, async || {
            // Acknowledged reports are deleted.
            let left: u64 = redis::cmd("XLEN")
                .arg("botflix:reports")
                .query_async(&mut connection)
                .await?;
            Ok((left == 0).then_some(()))
        })
        .await
        .unwrap();
    }
}

async fn a_late_report_of_an_earlier_attempt_is_ignored(base: Base) {
    let rig = base.rig().await;
    let (accepted, given) = late_writer(&rig).await;
    assert_eq!(accepted.as_deref(), Some("prompt"));
    assert_eq!(given.worker, "prompt");
}

/// The same with the mechanism off: shows that the test above can fail.
async fn without_the_fence_a_late_writer_wins(base: Base) {
    let rig = base.rig_with(quick().without_fence()).await;
    let (accepted, _) = late_writer(&rig).await;
    assert_eq!(accepted.as_deref(), Some("late"));
}

async fn a_thousand_competing_completions_publish_every_render_once(base: Base) {
    let rig = base.rig().await;
    let others = [
        rig.base.farm(quick()).await,
        rig.base.farm(FarmConfig::default()).await,
    ];
    rig.send_clips(&["a"]).await;
    let mut renders = Vec::new();
    for at in 0..RENDERS {
        renders.push(rig.submit(&format!("Film {at}"), &["a"]).await);
    }
    let workers: Vec<Arc<Hands>> = (0..DUPLICATES)
        .map(|at| Arc::new(Hands::of(&rig, &format!("w{at}"))))
        .collect();
    let racing = workers.clone();
    let script = Script::playing(&rig, move |taken| {
        let done = taken.done_by("script");
        if matches!(taken.kind(), TaskKind::Check | TaskKind::Package) {
            for worker in &racing {
                let (worker, id, done) = (Arc::clone(worker), taken.id, done.clone());
                tokio::spawn(async move { worker.report(id, done).await });
            }
        }
        done
    });
    for id in &renders {
        assert_eq!(rig.ends(*id).await.state, RenderState::Published);
    }
    rig.reports_are_taken().await;
    drop(script);

    let db = rig.farm.database();
    let page = episodes::page(db, &EpisodeFilter::default(), None, 1000)
        .await
        .unwrap();
    assert_eq!(page.len(), RENDERS);
    for id in renders {
        let events = rig.events(id).await;
        let published = events.iter().filter(|event| {
            event.kind == RenderEventKind::State && event.state == RenderState::Published
        });
        assert_eq!(published.count(), 1);
        let done = events
            .iter()
            .filter(|event| event.kind == RenderEventKind::TaskDone);
        assert_eq!(done.count(), 5, "each task counted once");
    }
    for farm in others {
        farm.stop().await;
    }
}

/// Four processes each take the end of one need of the same task: one of them must see that it was the last.
async fn tasks_that_end_together_leave_no_dependent_behind(base: Base) {
    const ROUNDS: usize = 10;
    const CLIPS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let rig = base.rig().await;
    let mut farms = Vec::new();
    for _ in 0..3 {
        farms.push(rig.base.farm(quick()).await);
    }
    rig.send_clips(&CLIPS).await;
    let workers: Vec<Arc<Hands>> = (0..7)
        .map(|at| Arc::new(Hands::of(&rig, &format!("w{at}"))))
        .collect();
    let script = Script::playing(&rig, move |taken| {
        let done = taken.done_by("script");
        if matches!(taken.kind(), TaskKind::Conform | TaskKind::Mix) {
            let ends = taken
                .spec()
                .clips()
                .first()
                .map_or(0, |clip| clip.as_bytes()[0]);
            let worker = Arc::clone(&workers[usize::from(ends) % workers.len()]);
            let (id, done) = (taken.id, done.clone());
            tokio::spawn(async move { worker.report(id, done).await });
        }
        done
    });
    for round in 0..ROUNDS {
        let manifest = manifest_of_width(320 + 2 * round, &CLIPS);
        let submitted = rig
            .farm
            .submit_render(Order::new(rig.director, &manifest))
            .await
            .unwrap();
        let Submitted::New(id) = submitted else {
            unreachable!("{submitted:?}")
        };
        assert_eq!(
            rig.ends(id).await.state,
            RenderState::Published,
            "round {round}"
        );
    }
    drop(script);
}
