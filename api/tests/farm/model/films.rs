//! The films that the sequences make: two that share a shot, of two directors. Their graphs are those that the real plan lays.

use std::collections::BTreeMap;

use botflix_common::hash::TaskKey;
use botflix_common::id::DirectorId;
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, Plan, PlannedTask};

use crate::facts::{clip, facts_of, manifest};

/// Title and clips: clip `b` is conformed once for both.
const FILMS: [(&str, &[&str]); 2] = [("One", &["a", "b"]), ("Two", &["b", "c"])];
pub const COUNT: usize = FILMS.len();

pub struct Film {
    pub director: DirectorId,
    pub manifest: ShotManifest,
    pub plan: Plan,
}

pub struct Films {
    pub films: Vec<Film>,
    /// Of all films.
    pub tasks: BTreeMap<TaskKey, PlannedTask>,
}

impl Films {
    pub fn of(directors: [DirectorId; COUNT]) -> Self {
        let films: Vec<Film> = FILMS
            .iter()
            .zip(directors)
            .map(|((title, clips), director)| {
                let manifest = manifest(title, clips);
                let facts = clips
                    .iter()
                    .map(|name| (clip(name), facts_of(&clip(name))))
                    .collect();
                let plan = plan::plan(&manifest, &facts).unwrap();
                Film {
                    director,
                    manifest,
                    plan,
                }
            })
            .collect();
        let tasks = films
            .iter()
            .flat_map(|film| film.plan.tasks.iter())
            .map(|task| (task.key, task.clone()))
            .collect();
        Self { films, tasks }
    }

    pub fn needs(&self, task: &TaskKey) -> Vec<TaskKey> {
        self.tasks[task].spec.needs()
    }
}
