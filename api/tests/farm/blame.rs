//! A process that keeps failing at a kind of task is taken off it, and a poison clip condemns nobody.

use botflix_api::db::strikes;
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::WaitReason;
use botflix_common::report::{ReportBody, WorkerHello};
use botflix_common::task::{Lane, TaskKind};
use botflix_common::worker::{OffKind, Proven};
use botflix_testkit::deadline;

use crate::rig::{Base, LIMIT, Rig};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    a_worker_that_fails_at_three_clips_in_a_row_is_off_the_kind_until_its_self_test_passes,
    an_operator_gives_the_kind_back_at_once,
    a_clip_that_kills_three_attempts_is_one_strike,
    a_task_that_fails_elsewhere_too_is_nobodys_fault,
    a_success_forgives_what_was_before,
    what_every_worker_was_taken_off_waits_and_says_so,
);

/// The process in whose name the tests report.
fn hello(instance: &str) -> WorkerHello {
    WorkerHello {
        name: "forge".to_owned(),
        instance: instance.to_owned(),
        lanes: vec![Lane::Io, Lane::Cpu],
        slots: 4,
        ..WorkerHello::default()
    }
}

fn failed(class: FailureClass) -> ReportBody {
    let failure = Failure::new(class, WhoCanFix::Operator, "worker_io", "Trouble.");
    ReportBody::Failed { failure }
}

impl Rig {
    async fn says_hello(&self, hello: &WorkerHello) {
        self.base.queue().hello(hello).await.unwrap();
    }

    /// Says hello all the while, as a worker does.
    async fn off(
        &self,
        hello: &WorkerHello,
        what: &str,
        is_so: impl Fn(&[OffKind]) -> bool,
    ) -> Vec<OffKind> {
        deadline::until(what, LIMIT, async || {
            self.says_hello(hello).await;
            let known = self.farm.worker("forge").await?;
            let off = known.map(|known| known.row.off).unwrap_or_default();
            Ok(is_so(&off).then_some(off))
        })
        .await
        .unwrap()
    }

    async fn strikes(&self, what: &str, at_least: u32, processes: usize) {
        deadline::until(what, LIMIT, async || {
            let found = strikes::with_at_least(self.farm.database(), at_least, ("", 0)).await?;
            Ok((found.len() == processes).then_some(()))
        })
        .await
        .unwrap();
    }

    /// As the farm finds it: three clips at which one process fails.
    async fn with_a_bad_worker(base: Base) -> (Self, OffKind) {
        let rig = base.rig().await;
        rig.says_hello(&hello("script")).await;
        rig.send_clips(&["a", "b", "c"]).await;
        let script = Script::playing(&rig, |_| failed(FailureClass::Retry));
        let mut off = rig
            .off(&hello("script"), "it is taken off", |off| !off.is_empty())
            .await;
        drop(script);
        let off = off.remove(0);
        assert_eq!(
            (off.kind, off.instance.as_str()),
            (TaskKind::Inspect, "script")
        );
        assert_eq!(off.codes, ["worker_io"]);
        (rig, off)
    }
}

async fn a_worker_that_fails_at_three_clips_in_a_row_is_off_the_kind_until_its_self_test_passes(
    base: Base,
) {
    let (rig, off) = Rig::with_a_bad_worker(base).await;
    let orders = rig.base.queue().hello(&hello("script")).await.unwrap();
    assert_eq!(orders.unwrap().off, std::slice::from_ref(&off));
    let proven = Proven {
        kind: off.kind,
        since_ms: off.since_ms,
    };
    let passed = WorkerHello {
        proven: vec![proven],
        ..hello("script")
    };
    rig.off(&passed, "it takes the kind again", <[OffKind]>::is_empty)
        .await;
    rig.strikes("it begins anew", 1, 0).await;
}

async fn an_operator_gives_the_kind_back_at_once(base: Base) {
    let (rig, _) = Rig::with_a_bad_worker(base).await;
    let other = rig.farm.reinstate("forge", Some(TaskKind::Mix)).await;
    assert_eq!(other.unwrap().unwrap().row.off.len(), 1, "another kind");
    let known = rig.farm.reinstate("forge", None).await.unwrap().unwrap();
    assert!(known.row.off.is_empty());
    assert!(rig.farm.reinstate("nobody", None).await.unwrap().is_none());
}

async fn a_clip_that_kills_three_attempts_is_one_strike(base: Base) {
    let rig = base.rig().await;
    rig.says_hello(&hello("script")).await;
    rig.send_clips(&["poison"]).await;
    let script = Script::playing(&rig, |_| failed(FailureClass::Crash));
    deadline::until("it was tried three times", LIMIT, async || {
        Ok((script.ran().len() >= 3).then_some(()))
    })
    .await
    .unwrap();
    rig.strikes("it is a strike", 1, 1).await;
    rig.strikes("and only one", 2, 0).await;
}

async fn a_task_that_fails_elsewhere_too_is_nobodys_fault(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    for (name, left) in [("one", 1), ("two", 0), ("three", 0)] {
        let hands = Hands::of(&rig, name);
        let taken = hands.take(TaskKind::Inspect).await;
        hands.report(taken.id, ReportBody::Started).await;
        let body = failed(FailureClass::Retry);
        hands.report_surely(taken.id, body).await;
        rig.strikes("whose fault it is", 1, left).await;
    }
}

async fn a_success_forgives_what_was_before(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let hands = Hands::of(&rig, "one");
    let taken = hands.take(TaskKind::Inspect).await;
    hands.report(taken.id, ReportBody::Started).await;
    hands.report(taken.id, failed(FailureClass::Retry)).await;
    rig.strikes("a strike", 1, 1).await;
    let taken = hands.take(TaskKind::Inspect).await;
    hands.finish(&taken).await;
    rig.strikes("forgiven", 1, 0).await;
}

async fn what_every_worker_was_taken_off_waits_and_says_so(base: Base) {
    let rig = base.rig().await;
    let off = WorkerHello {
        off_kinds: vec![TaskKind::Inspect],
        ..hello("one")
    };
    rig.says_hello(&off).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let waiting = rig.waits_for(id, WaitReason::WorkersOff).await;
    assert!(
        waiting.message.contains("reinstates"),
        "{}",
        waiting.message
    );
    rig.says_hello(&hello("one")).await;
    rig.waits_for(id, WaitReason::Starting).await;
}
