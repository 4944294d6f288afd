//! Why a render waits: the reason, its place in the line, and for how long.

use std::time::Duration;

use botflix_api::db::renders;
use botflix_api::db::tasks::{self, TaskHead};
use botflix_api::farm::{Farm, Outlook};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{ShareBody, WaitReason, Waiting};
use botflix_common::id::RenderId;
use botflix_common::queue::Queue;
use botflix_common::report::{ReportBody, WorkerHello};
use botflix_common::task::{Lane, TaskKind};
use botflix_common::worker::Budget;
use botflix_testkit::deadline;

use crate::rig::{Base, LIMIT, Rig, director, quick};
use crate::script::Hands;

crate::on_both_databases!(
    a_render_without_a_worker_says_so_and_goes_on_when_one_joins,
    workers_that_take_nothing_are_no_help,
    workers_of_another_version_are_no_help_and_a_render_says_so,
    a_place_in_the_line_grows_with_what_goes_before,
    who_is_at_its_limit_is_told_so,
    a_pause_before_the_next_try_says_how_long,
    what_runs_does_not_wait,
    a_task_that_no_worker_could_hold_says_so_and_goes_on_when_a_larger_one_joins,
    what_was_queued_for_a_worker_that_has_gone_leaves_its_place_to_others,
);

fn worker(slots: u32, draining: bool) -> WorkerHello {
    let hello = serde_json::json!({
        "name": "forge", "instance": "forge-1", "version": "1", "lanes": ["io", "cpu"], "slots": slots,
        "engine": "ffmpeg", "draining": draining
    });
    serde_json::from_value(hello).unwrap()
}

impl Rig {
    async fn outlook(&self, id: RenderId) -> anyhow::Result<Outlook> {
        let row = renders::get(self.farm.database(), id).await?.unwrap();
        Ok(self.farm.outlook(&row).await?)
    }

    pub async fn waits_for(&self, id: RenderId, reason: WaitReason) -> Waiting {
        let waiting = deadline::settles(
            "the reason",
            LIMIT,
            async || Ok(self.outlook(id).await?.waiting),
            |waiting| waiting.as_ref().is_some_and(|one| one.reason == reason),
        );
        waiting.await.unwrap().unwrap()
    }

    async fn workers_are(&self, slots: u32, draining: bool) {
        let hello = worker(slots, draining);
        self.base.queue().hello(&hello).await.unwrap();
    }
}

async fn a_render_without_a_worker_says_so_and_goes_on_when_one_joins(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let waiting = rig.waits_for(id, WaitReason::NoWorker).await;
    assert_eq!(waiting.goes_on_in, None, "nobody knows");
    assert!(waiting.message.contains("No worker serves"));
    rig.workers_are(2, false).await;
    let waiting = rig.waits_for(id, WaitReason::Starting).await;
    assert_eq!(waiting.position, Some(0));
}

async fn a_task_that_no_worker_could_hold_says_so_and_goes_on_when_a_larger_one_joins(base: Base) {
    let rig = base.rig().await;
    let mut hello = worker(2, false);
    let small = Budget {
        millicores: 2000,
        memory_bytes: 64 << 20,
        ..Budget::default()
    };
    hello.budget = Some(small);
    rig.base.queue().hello(&hello).await.unwrap();
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let waiting = rig.waits_for(id, WaitReason::TooLarge).await;
    assert!(
        waiting
            .message
            .contains("more memory than any worker that takes tasks now has"),
        "{}",
        waiting.message
    );
    let large = WorkerHello {
        instance: "forge-2".to_owned(),
        budget: Some(Budget {
            memory_bytes: 8 << 30,
            ..small
        }),
        ..hello
    };
    rig.base.queue().hello(&large).await.unwrap();
    rig.waits_for(id, WaitReason::Starting).await;
}

async fn what_was_queued_for_a_worker_that_has_gone_leaves_its_place_to_others(base: Base) {
    let rig = base.rig().await;
    let budget = |memory_bytes| {
        Some(Budget {
            millicores: 2000,
            memory_bytes,
            ..Budget::default()
        })
    };
    let small = WorkerHello {
        budget: budget(64 << 20),
        ..worker(1, false)
    };
    let large = |draining| WorkerHello {
        instance: "forge-2".to_owned(),
        budget: budget(8 << 30),
        ..worker(1, draining)
    };
    let queue = rig.base.queue();
    queue.hello(&small).await.unwrap();
    queue.hello(&large(false)).await.unwrap();
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    rig.waits_for(id, WaitReason::Starting).await;

    // Nobody has read the lane yet, and the one who could hold the task takes nothing any more.
    queue.hello(&large(true)).await.unwrap();
    rig.waits_for(id, WaitReason::TooLarge).await;
    let emptied = deadline::until("what nobody takes leaves its lane", LIMIT, async || {
        let mut left = 0;
        for lane in Lane::ALL {
            left += queue.snapshot(lane).await?.entries.len();
        }
        Ok((left == 0).then_some(()))
    });
    emptied.await.unwrap();
    queue.hello(&large(false)).await.unwrap();
    rig.waits_for(id, WaitReason::Starting).await;
    let mut queued = Vec::new();
    for lane in Lane::ALL {
        queued.extend(tasks::in_flight(rig.farm.database(), lane).await.unwrap());
    }
    let uncharged = |task: &TaskHead| (task.attempt, task.crashes, task.retries) == (2, 0, 0);
    assert!(
        !queued.is_empty() && queued.iter().all(uncharged),
        "{queued:?}"
    );
}

async fn workers_that_take_nothing_are_no_help(base: Base) {
    let rig = base.rig().await;
    rig.workers_are(2, true).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    rig.waits_for(id, WaitReason::WorkersAway).await;
}

async fn workers_of_another_version_are_no_help_and_a_render_says_so(base: Base) {
    let mut config = base.queue().config().clone();
    let old = base.queue();
    config.payload_version += 1;
    let new = Queue::connect(config).unwrap();
    let registry = prometheus::Registry::new();
    let farm = Farm::start(
        base.database().await,
        new.clone(),
        base.storage(),
        quick(),
        &registry,
    );
    let farm = farm.await.unwrap();
    let director = director(farm.database()).await;
    let rig = Rig {
        base,
        farm,
        director,
    };
    old.hello(&worker(2, false)).await.unwrap();
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let waiting = rig.waits_for(id, WaitReason::WorkersTooOld).await;
    assert!(waiting.message.contains("upgraded"), "{}", waiting.message);
    // Its tasks lie in the queue all the same, for the first worker that understands them.
    new.hello(&worker(2, false)).await.unwrap();
    rig.waits_for(id, WaitReason::Starting).await;
}

async fn a_place_in_the_line_grows_with_what_goes_before(base: Base) {
    let mut config = quick();
    config.depth_per_slot = 1;
    config.settled_after = Duration::from_secs(3600);
    let rig = base.rig_with(config).await;
    rig.workers_are(1, false).await;
    // One worker with one place, and six inspections.
    rig.send_clips(&["a", "b", "c", "d", "e", "f"]).await;
    let (early, late) = (
        rig.submit("Early", &["b"]).await,
        rig.submit("Late", &["f"]).await,
    );
    let hands = Hands::of(&rig, "forge");
    let first = hands.take(TaskKind::Inspect).await;
    let early = rig.waits_for(early, WaitReason::LaneBusy).await;
    let late = rig.waits_for(late, WaitReason::LaneBusy).await;
    assert!(early.position < late.position, "{early:?}, {late:?}");
    let (soon, later) = (early.goes_on_in.unwrap(), late.goes_on_in.unwrap());
    assert!(soon.low_seconds < later.low_seconds && later.low_seconds <= later.high_seconds);
    drop(first);
}

async fn who_is_at_its_limit_is_told_so(base: Base) {
    let mut config = quick();
    config.settled_after = Duration::from_secs(3600);
    let rig = base.rig_with(config).await;
    rig.workers_are(8, false).await;
    let share = ShareBody {
        task_limit: Some(1),
        ..ShareBody::default()
    };
    rig.set(rig.director, share).await;
    rig.send_clips(&["a", "b"]).await;
    let ids = [
        rig.submit("One", &["a"]).await,
        rig.submit("Two", &["b"]).await,
    ];
    let held_back = deadline::until("one of them is held back", LIMIT, async || {
        for id in ids {
            let waiting = rig.outlook(id).await?.waiting;
            if waiting.is_some_and(|one| one.reason == WaitReason::Limit) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    });
    held_back.await.unwrap();
}

async fn a_pause_before_the_next_try_says_how_long(base: Base) {
    let mut config = quick();
    config.first_backoff = Duration::from_secs(600);
    config.longest_backoff = Duration::from_secs(600);
    let rig = base.rig_with(config).await;
    rig.workers_are(2, false).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "forge");
    let taken = hands.take(TaskKind::Inspect).await;
    let failure = Failure::new(
        FailureClass::Retry,
        WhoCanFix::Operator,
        "disk_full",
        "The disk is full.",
    );
    hands.report(taken.id, ReportBody::Failed { failure }).await;
    let waiting = rig.waits_for(id, WaitReason::RetryPause).await;
    let pause = waiting.goes_on_in.unwrap();
    assert!((500.0..=600.0).contains(&pause.low_seconds), "{pause:?}");
}

async fn what_runs_does_not_wait(base: Base) {
    let mut config = quick();
    config.settled_after = Duration::from_secs(3600);
    let rig = base.rig_with(config).await;
    rig.workers_are(2, false).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "forge");
    let taken = hands.take(TaskKind::Inspect).await;
    hands.report(taken.id, ReportBody::Started).await;
    deadline::until("it waits no more", LIMIT, async || {
        Ok(rig.outlook(id).await?.waiting.is_none().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(rig.outlook(id).await.unwrap().eta, None, "not planned yet");
    hands.report(taken.id, taken.done_by("forge")).await;
    let next = hands.take_kind_from(&[Lane::Cpu], TaskKind::Conform).await;
    hands.report(next.id, ReportBody::Started).await;
    let outlook = deadline::settles(
        "it runs",
        LIMIT,
        async || rig.outlook(id).await,
        |outlook| outlook.waiting.is_none() && outlook.eta.is_some(),
    );
    let eta = outlook.await.unwrap().eta.unwrap();
    assert!(eta.low_seconds > 0.0 && eta.low_seconds <= eta.high_seconds);
}
