//! Poison clips kill three attempts and no more: nothing is made of them until an operator releases them.

use botflix_api::db::quarantine;
use botflix_api::farm::{Order, Submitted};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::report::ReportBody;
use botflix_common::task::TaskKind;
use botflix_testkit::deadline;

use crate::facts::{clip, manifest};
use crate::rig::{Base, LIMIT, Rig};
use crate::script::{Script, Taken};

crate::on_both_databases!(
    a_clip_that_kills_its_inspection_is_kept_from_every_render_until_it_is_released,
    a_clip_that_kills_its_segment_is_refused_in_other_films,
    a_bad_worker_quarantines_nothing,
);

fn crash() -> ReportBody {
    let failure = Failure::new(
        FailureClass::Crash,
        WhoCanFix::Platform,
        "engine_stalled",
        "It hung.",
    );
    ReportBody::Failed { failure }
}

fn reads(taken: &Taken, name: &str) -> bool {
    taken.spec().clips().contains(&clip(name))
}

impl Rig {
    async fn refused(&self, title: &str, clips: &[&str]) -> Vec<(String, String)> {
        let manifest = manifest(title, clips);
        let order = Order::new(self.director, &manifest);
        let submitted = self.farm.submit_render(order).await.unwrap();
        let Submitted::Invalid(problems) = submitted else {
            panic!("{submitted:?}");
        };
        let problems = problems.into_iter();
        problems
            .map(|problem| (problem.pointer, problem.code))
            .collect()
    }

    async fn is_quarantined(&self, name: &str) -> bool {
        let found = quarantine::find(self.farm.database(), &clip(name)).await;
        found.unwrap().is_some()
    }
}

async fn a_clip_that_kills_its_inspection_is_kept_from_every_render_until_it_is_released(
    base: Base,
) {
    let rig = base.rig().await;
    rig.send_clips(&["good", "poison"]).await;
    let id = rig.submit("Film", &["good", "poison"]).await;
    let script = Script::playing(&rig, |taken| {
        if taken.kind() == TaskKind::Inspect && reads(taken, "poison") {
            crash()
        } else {
            taken.done_by("script")
        }
    });
    let problem = rig.ends(id).await.problem.unwrap();
    assert_eq!(problem.who_can_fix, WhoCanFix::Director);
    assert_eq!(problem.errors[0].code, "clip_quarantined");
    assert!(
        problem.errors[0]
            .message
            .contains(&clip("poison").to_string())
    );
    assert!(rig.is_quarantined("poison").await && !rig.is_quarantined("good").await);

    // Sent again, asked for again, in another film: nothing is tried.
    rig.send_clips(&["poison"]).await;
    let uses = rig.refused("Other", &["good", "poison"]).await;
    assert_eq!(uses.len(), 1, "{uses:?}");
    assert_eq!(uses[0].1, "clip_quarantined");
    rig.farm.retry_render(id, None).await.unwrap();
    assert_eq!(rig.ends(id).await.state, RenderState::Failed);
    let tried = |script: &Script| {
        let ran = script.ran();
        ran.iter().filter(|taken| reads(taken, "poison")).count()
    };
    assert_eq!(tried(&script), 3);
    drop(script);

    assert!(rig.farm.release_clip(clip("poison")).await.unwrap());
    assert!(
        !rig.farm.release_clip(clip("poison")).await.unwrap(),
        "once"
    );
    let _script = Script::start(&rig);
    assert_eq!(rig.decided(&clip("poison")).await.status, ClipStatus::Ready);
    let id = rig.submit("Other", &["good", "poison"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
}

async fn a_clip_that_kills_its_segment_is_refused_in_other_films(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["poison"]).await;
    let id = rig.submit("Film", &["poison"]).await;
    let _script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Conform => crash(),
        _ => taken.done_by("script"),
    });
    assert_eq!(rig.ends(id).await.problem.unwrap().code, "poison_task");
    assert!(rig.is_quarantined("poison").await);
    let uses = rig.refused("Other", &["poison"]).await;
    assert_eq!(uses[0].1, "clip_quarantined");
    let listed = quarantine::all(rig.farm.database()).await.unwrap();
    assert_eq!((listed[0].kind, listed[0].crashes), (TaskKind::Conform, 3));
}

async fn a_bad_worker_quarantines_nothing(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let script = Script::playing(&rig, |_| crash());
    for name in ["a", "b"] {
        let failed = deadline::until("its inspection fails", LIMIT, async || {
            let row = rig.decided(&clip(name)).await;
            Ok((row.status == ClipStatus::Failed).then_some(()))
        });
        failed.await.unwrap();
    }
    assert_eq!(script.ran().len(), 6);
    assert!(!rig.is_quarantined("a").await && !rig.is_quarantined("b").await);
}
