//! For which encoder films are planned, and what becomes of them when it goes.

use std::time::Duration;

use botflix_api::db::renders;
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{RenderEventKind, RenderState};
use botflix_common::id::RenderId;
use botflix_common::queue::Queue;
use botflix_common::report::{ReportBody, WorkerHello};
use botflix_common::task::{EngineClass, Lane, TaskKind, TaskSpec};
use botflix_testkit::deadline;

use crate::attempts::outcomes;
use crate::facts::{clip, facts_of, manifest};
use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::{Hands, Script, Taken};

crate::on_both_databases!(
    a_film_is_planned_for_the_encoder_that_a_worker_has,
    an_encoder_whose_last_worker_left_costs_no_film,
    an_encoder_that_fails_costs_no_film,
    what_the_material_is_at_fault_for_is_not_tried_elsewhere,
    a_film_that_is_mostly_there_is_not_made_anew_for_a_device,
    a_film_that_a_device_made_is_still_there_when_the_device_is_gone,
);

const NVENC: Lane = Lane::GpuNvencH264;

/// A worker with a device, as far as the farm hears of it.
struct Forge {
    queue: Queue,
}

fn hello(name: &str) -> WorkerHello {
    WorkerHello {
        name: name.to_owned(),
        instance: format!("{name}-1"),
        version: "1".to_owned(),
        lanes: vec![NVENC, Lane::Cpu],
        slots: 4,
        engine: "script".to_owned(),
        ..WorkerHello::default()
    }
}

impl Rig {
    /// Until a film of a clip that nothing was made of is planned for this lane.
    async fn farm_plans_for(&self, lane: Lane, unused: &str) {
        let film = manifest("Any", &[unused]);
        let facts = [(clip(unused), facts_of(&clip(unused)))].into();
        deadline::until("the farm's plans change", LIMIT, async || {
            let plan = self.farm.foresee(&film, &facts).await?.unwrap();
            let mut tasks = plan.tasks.iter();
            let conform = tasks.find(|task| task.kind() == TaskKind::Conform);
            Ok((conform.unwrap().spec.lane() == lane).then_some(()))
        })
        .await
        .unwrap();
    }
}

impl Forge {
    /// Returns when the farm plans for it.
    async fn joins(rig: &Rig) -> Self {
        let queue = rig.base.queue();
        queue.hello(&hello("forge")).await.unwrap();
        rig.farm_plans_for(NVENC, "unused").await;
        Self { queue }
    }

    async fn leaves(self) {
        self.queue.goodbye("forge-1").await.unwrap();
    }
}

/// The encoders of all segments that were made, in order.
fn encoders(script: &Script) -> Vec<EngineClass> {
    let engine = |taken: &Taken| match taken.spec() {
        TaskSpec::Conform(spec) => Some(spec.engine),
        _ => None,
    };
    script.ran().iter().filter_map(engine).collect()
}

async fn device(rig: &Rig, id: RenderId) -> Option<EngineClass> {
    renders::device(rig.farm.database(), id).await.unwrap()
}

/// What a render was told about the change of its plan.
async fn told(rig: &Rig, id: RenderId) -> Vec<String> {
    let events = rig.events(id).await.into_iter();
    events
        .filter(|event| event.kind == RenderEventKind::State)
        .filter_map(|event| event.message)
        .collect()
}

async fn a_film_is_planned_for_the_encoder_that_a_worker_has(base: Base) {
    let rig = base.rig().await;
    let script = Script::start(&rig);
    rig.send_clips(&["a", "b"]).await;
    rig.ends_inspection(&["a", "b"]).await;
    let forge = Forge::joins(&rig).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert_eq!(device(&rig, id).await, Some(EngineClass::NvencH264));
    assert_eq!(encoders(&script), [EngineClass::NvencH264; 2]);
    forge.leaves().await;
}

async fn an_encoder_whose_last_worker_left_costs_no_film(base: Base) {
    let mut config = quick();
    config.encoder_absent_for = Duration::from_millis(500);
    let rig = base.rig_with(config.clone()).await;
    let script = Script::start(&rig);
    rig.send_clips(&["a", "b"]).await;
    rig.ends_inspection(&["a", "b"]).await;
    drop(script);
    let forge = Forge::joins(&rig).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    assert_eq!(device(&rig, id).await, Some(EngineClass::NvencH264));
    // The sound is being made meanwhile, and goes on.
    let hands = Hands::of(&rig, "slow");
    let mix = hands.take_kind_from(&[Lane::Cpu], TaskKind::Mix).await;
    hands.report(mix.id, ReportBody::Started).await;
    let queue = rig.base.queue();
    deadline::until("the segments wait for the device", LIMIT, async || {
        let waiting = queue.snapshot(NVENC).await?.entries.len();
        Ok((waiting == 2).then_some(()))
    })
    .await
    .unwrap();
    // Another process of the farm sees the same, and nothing is done twice.
    let neighbour = rig.base.farm(config).await;

    forge.leaves().await;
    deadline::until("the film is planned anew", LIMIT, async || {
        Ok(device(&rig, id).await.is_none().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(rig.state(id).await, RenderState::Running);
    hands.report(mix.id, mix.done_by("slow")).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert_eq!(encoders(&script), [EngineClass::X264Cpu1; 2]);
    assert!(!script.kinds().contains(&"mix"), "the sound was made twice");
    let told = told(&rig, id).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0],
        "No worker has it any more (nvenc-h264/1): the processor makes this film."
    );
    neighbour.stop().await;
    deadline::until(
        "nothing waits in the lane of the device",
        LIMIT,
        async || {
            Ok(queue
                .snapshot(NVENC)
                .await?
                .entries
                .is_empty()
                .then_some(()))
        },
    )
    .await
    .unwrap();
}

async fn an_encoder_that_fails_costs_no_film(base: Base) {
    let rig = base.rig().await;
    let script = Script::playing(&rig, |taken| match taken.spec() {
        TaskSpec::Conform(spec) if spec.engine.is_gpu() => ReportBody::Failed {
            failure: Failure::new(
                FailureClass::Permanent,
                WhoCanFix::Platform,
                "engine_failed",
                "The encoder could not be opened.",
            ),
        },
        _ => taken.done_by("script"),
    });
    rig.send_clips(&["a", "b"]).await;
    rig.ends_inspection(&["a", "b"]).await;
    let forge = Forge::joins(&rig).await;
    // Two films that share their segments: each finds its way.
    let first = rig.submit("First", &["a", "b"]).await;
    let second = rig.submit("Second", &["b", "a"]).await;
    for id in [first, second] {
        let row = rig.ends(id).await;
        assert_eq!(row.state, RenderState::Published, "{:?}", row.problem);
        assert_eq!(device(&rig, id).await, None);
        let told = told(&rig, id).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("The encoder failed at it"), "{told:?}");
        // What the device was tried for stays in the film's log, though the plan has none of it any more.
        let mut log = rig.log(id).await;
        log.retain(|attempt| attempt.kind == TaskKind::Conform);
        let ends = outcomes(&log);
        let done = ends.iter().filter(|outcome| **outcome == "done");
        assert_eq!(done.count(), 2, "{ends:?}");
        let last = log.iter().rfind(|one| one.code.is_some()).unwrap();
        assert_eq!(last.code.as_deref(), Some("engine_failed"));
        assert!(
            ends.contains(&"retried") && ends.contains(&"given_up"),
            "{ends:?}"
        );
    }
    let tried = encoders(&script).into_iter().filter(|class| class.is_gpu());
    assert!(
        tried.count() > 2,
        "a device may be busy: one failure is not the end"
    );
    let by_processor = encoders(&script)
        .into_iter()
        .filter(|class| *class == EngineClass::X264Cpu1);
    assert_eq!(by_processor.count(), 2, "each segment once");
    forge.leaves().await;
}

async fn a_film_that_is_mostly_there_is_not_made_anew_for_a_device(base: Base) {
    let rig = base.rig().await;
    let script = Script::start(&rig);
    let clips: Vec<String> = (0..12).map(|at| format!("c{at}")).collect();
    let clips: Vec<&str> = clips.iter().map(String::as_str).collect();
    rig.send_clips(&clips).await;
    rig.ends_inspection(&clips).await;
    rig.send_clips(&["new1", "new2"]).await;
    rig.ends_inspection(&["new1", "new2"]).await;
    let id = rig.submit("Film", &clips).await;
    rig.ends(id).await;
    let before = encoders(&script).len();

    let forge = Forge::joins(&rig).await;
    let mut changed = clips.clone();
    changed[5] = "new1";
    let id = rig.submit("Film", &changed).await;
    rig.ends(id).await;
    assert_eq!(encoders(&script)[before..], [EngineClass::X264Cpu1]);
    // Nothing of this one is there.
    let id = rig.submit("Film", &["new2"]).await;
    rig.ends(id).await;
    assert_eq!(device(&rig, id).await, Some(EngineClass::NvencH264));
    forge.leaves().await;
}

async fn what_the_material_is_at_fault_for_is_not_tried_elsewhere(base: Base) {
    let rig = base.rig().await;
    let script = Script::playing(&rig, |taken| match taken.spec() {
        TaskSpec::Conform(_) => ReportBody::Failed {
            failure: Failure::new(
                FailureClass::Permanent,
                WhoCanFix::Director,
                "glyph_missing",
                "No font has these characters.",
            ),
        },
        _ => taken.done_by("script"),
    });
    rig.send_clips(&["a"]).await;
    rig.ends_inspection(&["a"]).await;
    let forge = Forge::joins(&rig).await;
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Failed);
    assert_eq!(encoders(&script), [EngineClass::NvencH264]);
    forge.leaves().await;
}

async fn a_film_that_a_device_made_is_still_there_when_the_device_is_gone(base: Base) {
    let rig = base.rig().await;
    let script = Script::start(&rig);
    rig.send_clips(&["a", "b"]).await;
    rig.ends_inspection(&["a", "b"]).await;
    let forge = Forge::joins(&rig).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    rig.ends(id).await;
    let made = encoders(&script).len();
    forge.leaves().await;
    let plain = WorkerHello {
        lanes: vec![Lane::Cpu],
        ..hello("plain")
    };
    rig.base.queue().hello(&plain).await.unwrap();
    rig.farm_plans_for(Lane::Cpu, "unused").await;

    let id = rig
        .submit("The same under another title", &["a", "b"])
        .await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert_eq!(device(&rig, id).await, Some(EngineClass::NvencH264));
    assert_eq!(encoders(&script).len(), made, "nothing was encoded again");
}
