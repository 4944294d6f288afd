//! How far a local render is, per kind of task and over all, weighted by expected cost.

use std::collections::BTreeMap;

use botflix_common::hash::TaskKey;
use botflix_common::http::Stage;
use botflix_common::task::TaskKind;

use super::Listener;

/// Cost of an inspection in the plan's units, where nothing is known of the clip yet.
pub const INSPECT_WEIGHT: f64 = 0.5;

pub struct Board {
    lines: BTreeMap<TaskKey, Line>,
    listener: Listener,
}

struct Line {
    kind: TaskKind,
    weight: f64,
    fraction: f64,
}

impl Board {
    pub fn new(listener: Listener) -> Self {
        Self {
            lines: BTreeMap::new(),
            listener,
        }
    }

    pub fn add(&mut self, key: TaskKey, kind: TaskKind, weight: f64) {
        let fraction = 0.0;
        self.lines.insert(
            key,
            Line {
                kind,
                weight,
                fraction,
            },
        );
    }

    /// Only ever forwards.
    pub fn moved(&mut self, key: &TaskKey, fraction: f64) {
        if let Some(line) = self.lines.get_mut(key)
            && fraction > line.fraction
        {
            line.fraction = fraction.min(1.0);
            self.tell();
        }
    }

    pub fn tell(&self) {
        let stages: Vec<Stage> = TaskKind::ALL
            .into_iter()
            .filter_map(|kind| self.stage(kind))
            .collect();
        (self.listener)(&stages, progress(self.lines.values()));
    }

    fn stage(&self, kind: TaskKind) -> Option<Stage> {
        let of_kind = || self.lines.values().filter(move |line| line.kind == kind);
        let total = u32::try_from(of_kind().count()).unwrap_or(u32::MAX);
        let done = of_kind().filter(|line| line.fraction >= 1.0).count();
        (total > 0).then(|| Stage {
            kind,
            total,
            done: u32::try_from(done).unwrap_or(u32::MAX),
            progress: progress(of_kind()),
        })
    }
}

fn progress<'a>(lines: impl Iterator<Item = &'a Line>) -> f64 {
    let (done, all) = lines.fold((0.0, 0.0), |(done, all), line| {
        (done + line.weight * line.fraction, all + line.weight)
    });
    if all > 0.0 { done / all } else { 0.0 }
}
