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

use crate::facts::{clip, facts_of, manifest};
use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::{Hands, Script, Taken};

crate::on_both_databases!(
    a_film_is_planned_for_the_encoder_that_a_worker_has,
    an_encoder_whose_last_worker_left_costs_no_film,
    an_encoder_that_fails_costs_no_film,
    a_film_that_is_mostly_there_is_not_made_anew_for_a_device,
);

const NVENC: Lane = Lane::GpuNvencH264;

/// A worker with a device, as far as the farm hears of it.
struct Forge {
    queue: Queue,
}

impl Forge {
    const INSTANCE: &str = "forge-1";

    /// Returns when the farm plans for it.
    async fn joins(rig: &Rig) -> Self {
        let queue = rig.base.queue();
        let hello = WorkerHello {
            name: "forge".to_owned(),
            instance: Self::INSTANCE.to_owned(),
            version: "1".to_owned(),
            lanes: vec![NVENC, Lane::Cpu],
            slots: 4,
            engine: "script".to_owned(),
            draining: false,
        };
        queue.hello(&hello).await.unwrap();
        let film = manifest("Any", &["any"]);
        let facts = [(clip("any"), facts_of(&clip("any")))].into();
        deadline::until("the farm plans for the device", LIMIT, async || {
            let plan = rig.farm.foresee(&film, &facts).await?.unwrap();
            let conform = plan
                .tasks
                .iter()
                .find(|task| task.kind() == TaskKind::Conform);
            let lane = conform.unwrap().spec.lane();
            Ok((lane == NVENC).then_some(()))
        })
        .await
        .unwrap();
        Self { queue }
    }

    async fn leaves(self) {
        self.queue.goodbye(Self::INSTANCE).await.unwrap();
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
    let rig = base.rig_with(config).await;
    let script = Script::start(&rig);
    rig.send_clips(&["a", "b"]).await;
    rig.ends_inspection(&["a", "b"]).await;
    drop(script);
    let forge = Forge::joins(&rig).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    assert_eq!(device(&rig, id).await, Some(EngineClass::NvencH264));
    // The sound is being made meanwhile, and goes on.
    let hands = Hands::of(&rig, "slow");
    let mix = hands.take(TaskKind::Mix).await;
    hands.report(mix.id, ReportBody::Started).await;

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
    assert!(
        told[0].starts_with("No worker has nvenc-h264/1"),
        "{told:?}"
    );
    let queue = rig.base.queue();
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
        assert!(
            told[0].contains("failed where it had been proven"),
            "{told:?}"
        );
    }
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
