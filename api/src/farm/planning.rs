//! For which encoder a film is planned: one for the whole film, a device's where workers have one, unless more of the film is there already
//! for another.

use std::collections::HashSet;

use botflix_common::hash::TaskKey;
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, FactsByClip, Options, Plan};
use botflix_common::problem::FieldProblem;
use botflix_common::report::WorkerHello;
use botflix_common::task::{EngineClass, Lane, TaskSpec};

use super::change::Change;
use super::dispatcher::slots;
use crate::db::tasks::{TaskState, done_among, graph};
use crate::db::{Database, DbError};

/// A film's plan, or everything that keeps it from being made.
pub type Outcome = Result<Plan, Vec<FieldProblem>>;

/// The encoders on devices that these workers have, those with the most slots first.
pub(super) fn device_encoders(workers: &[WorkerHello]) -> Vec<EngineClass> {
    let mut found: Vec<(EngineClass, u64)> = Lane::ALL
        .into_iter()
        .filter_map(|lane| Some((lane.device_encoder()?, slots(lane, workers))))
        .filter(|(_, slots)| *slots > 0)
        .collect();
    found.sort_by_key(|(_, slots)| std::cmp::Reverse(*slots));
    found.into_iter().map(|(class, _)| class).collect()
}

/// For any host's processor.
pub(super) fn for_processor(manifest: &ShotManifest, facts: &FactsByClip) -> Outcome {
    plan::plan(manifest, facts)
}

impl Change {
    pub(super) async fn plan(
        &mut self,
        manifest: &ShotManifest,
        facts: &FactsByClip,
    ) -> Result<Outcome, DbError> {
        let candidates = match candidates(manifest, facts, &self.devices) {
            Ok(candidates) => candidates,
            Err(problems) => return Ok(Err(problems)),
        };
        let mut done = HashSet::new();
        if !candidates.others.is_empty() {
            let states = graph::states(&mut self.tx, &candidates.keys()).await?;
            done.extend(
                states
                    .into_iter()
                    .filter_map(|(key, state)| (state == TaskState::Done).then_some(key)),
            );
        }
        Ok(Ok(candidates.least_to_do(&done)))
    }
}

/// The plan that a render would get now, without a transaction.
pub(super) async fn foresee(
    db: &Database,
    manifest: &ShotManifest,
    facts: &FactsByClip,
    devices: &[EngineClass],
) -> Result<Outcome, DbError> {
    let candidates = match candidates(manifest, facts, devices) {
        Ok(candidates) => candidates,
        Err(problems) => return Ok(Err(problems)),
    };
    let mut done = HashSet::new();
    if !candidates.others.is_empty() {
        done = done_among(db, &candidates.keys()).await?;
    }
    Ok(Ok(candidates.least_to_do(&done)))
}

/// The same film for each encoder that could make it.
struct Candidates {
    preferred: Plan,
    others: Vec<Plan>,
}

/// Devices first, the processor last.
fn candidates(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    devices: &[EngineClass],
) -> Result<Candidates, Vec<FieldProblem>> {
    let codec = manifest.delivery.codec;
    let devices = devices
        .iter()
        .copied()
        .filter(|class| class.codec() == codec);
    let mut classes = devices.chain([EngineClass::on_cpu(codec)]);
    let plan = |class: EngineClass| {
        let options = Options {
            engines: vec![class],
            ..Options::default()
        };
        plan::plan_with(manifest, facts, &options)
    };
    let preferred = plan(classes.next().unwrap_or(EngineClass::on_cpu(codec)))?;
    // Where everything is copied no encoder makes a difference.
    let encodes = preferred
        .tasks
        .iter()
        .any(|task| matches!(task.spec, TaskSpec::Conform(_)));
    let others = classes.filter(|_| encodes).map(plan);
    Ok(Candidates {
        others: others.collect::<Result<_, _>>()?,
        preferred,
    })
}

impl Candidates {
    fn keys(&self) -> Vec<TaskKey> {
        let plans = std::iter::once(&self.preferred).chain(&self.others);
        let mut keys: Vec<TaskKey> = plans
            .flat_map(|plan| plan.tasks.iter().map(|task| task.key))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Of equals the earliest.
    fn least_to_do(self, done: &HashSet<TaskKey>) -> Plan {
        let to_do = |plan: &Plan| -> f64 {
            let tasks = plan.tasks.iter().filter(|task| !done.contains(&task.key));
            tasks.map(|task| task.weight).sum()
        };
        self.others.into_iter().fold(self.preferred, |best, other| {
            if to_do(&other) < to_do(&best) {
                other
            } else {
                best
            }
        })
    }
}
