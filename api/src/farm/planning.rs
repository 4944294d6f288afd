//! For which encoder a film is planned: one for the whole film. A device's where a worker has one, unless less is left to do for another
//! because much of the film is there already.

use std::sync::Arc;

use botflix_common::hash::TaskKey;
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, FactsByClip, Options, Plan, PlannedTask};
use botflix_common::problem::FieldProblem;
use botflix_common::report::WorkerHello;
use botflix_common::task::{EngineClass, Lane, TaskKind};

use super::change::Change;
use super::dispatcher::slots;
use crate::db::tasks::{done_among, graph};
use crate::db::{Database, DbError, Write};

/// A film's plan, or everything that keeps it from being made.
pub type Outcome = Result<Plan, Vec<FieldProblem>>;

/// The encoders on devices that matter to plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Devices {
    /// What workers have now, those with the most slots first.
    pub here: Vec<EngineClass>,
    /// With what films were made before.
    pub used: Vec<EngineClass>,
}

impl Devices {
    pub fn of(workers: &[WorkerHello]) -> Vec<EngineClass> {
        let mut found: Vec<(EngineClass, u64)> = Lane::ALL
            .into_iter()
            .filter_map(|lane| Some((lane.device_encoder()?, slots(lane, workers))))
            .filter(|(_, slots)| *slots > 0)
            .collect();
        found.sort_by_key(|(_, slots)| std::cmp::Reverse(*slots));
        found.into_iter().map(|(class, _)| class).collect()
    }
}

impl Change {
    pub(super) async fn plan(
        &mut self,
        manifest: &ShotManifest,
        facts: &FactsByClip,
    ) -> Result<Outcome, DbError> {
        let devices = Arc::clone(&self.devices);
        choose(manifest, facts, &devices, Asked::Inside(&mut self.tx)).await
    }
}

/// The plan that a render would get now, without a transaction.
pub(super) async fn foresee(
    db: &Database,
    manifest: &ShotManifest,
    facts: &FactsByClip,
    devices: &Devices,
) -> Result<Outcome, DbError> {
    choose(manifest, facts, devices, Asked::Outside(db)).await
}

/// Who says what is done.
enum Asked<'a> {
    Inside(&'a mut Write),
    Outside(&'a Database),
}

impl Asked<'_> {
    async fn left_to_do(&mut self, plan: &Plan) -> Result<Left, DbError> {
        let keys: Vec<TaskKey> = plan.tasks.iter().map(|task| task.key).collect();
        let done = match self {
            Self::Inside(tx) => graph::done_among(tx, &keys).await?,
            Self::Outside(db) => done_among(db, &keys).await?,
        };
        let mut left = Left::default();
        for task in plan.tasks.iter().filter(|task| !done.contains(&task.key)) {
            left.cpu_seconds += task.weight;
            left.segments |= is_conform(task);
        }
        Ok(left)
    }
}

/// What of a plan is not there yet.
#[derive(Default)]
struct Left {
    cpu_seconds: f64,
    /// Some of its segments.
    segments: bool,
}

/// Of plans with as much to do the first: devices with the most slots before others, the processor after those that are here.
async fn choose(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    devices: &Devices,
    mut asked: Asked<'_>,
) -> Result<Outcome, DbError> {
    let codec = manifest.delivery.codec;
    let mut here = devices
        .here
        .iter()
        .copied()
        .filter(|class| class.codec() == codec)
        .chain([EngineClass::on_cpu(codec)]);
    let mut best = match plan_for(manifest, facts, here.next()) {
        Ok(plan) => plan,
        Err(problems) => return Ok(Err(problems)),
    };
    // Those that are away can only hand out what they have made.
    let away = devices
        .used
        .iter()
        .copied()
        .filter(|class| class.codec() == codec && !devices.here.contains(class));
    let others: Vec<(EngineClass, bool)> = here
        .map(|class| (class, true))
        .chain(away.map(|class| (class, false)))
        .collect();
    // Where everything is copied no encoder makes a difference.
    let encodes = best.tasks.iter().any(is_conform);
    if others.is_empty() || !encodes {
        return Ok(Ok(best));
    }
    let mut least = asked.left_to_do(&best).await?.cpu_seconds;
    for (class, is_here) in others {
        // Its problems would be those of the first.
        let Ok(plan) = plan_for(manifest, facts, Some(class)) else {
            continue;
        };
        let left = asked.left_to_do(&plan).await?;
        let possible = is_here || !left.segments;
        if possible && left.cpu_seconds < least {
            (best, least) = (plan, left.cpu_seconds);
        }
    }
    Ok(Ok(best))
}

fn plan_for(manifest: &ShotManifest, facts: &FactsByClip, class: Option<EngineClass>) -> Outcome {
    let options = Options {
        engines: class.into_iter().collect(),
        ..Options::default()
    };
    plan::plan_with(manifest, facts, &options)
}

fn is_conform(task: &PlannedTask) -> bool {
    task.kind() == TaskKind::Conform
}
