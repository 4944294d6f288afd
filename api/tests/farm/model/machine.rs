//! The model's values: tasks and renders as they should be. Must not know the database, nor ([`super::moves`] does) how they change.

use std::collections::BTreeMap;
use std::rc::Rc;

use botflix_api::db::tasks::{TaskHead, TaskState};
use botflix_common::hash::TaskKey;
use botflix_common::http::RenderState;
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::task::{AttemptId, TaskRecord};

use super::films::Films;

#[derive(Clone, Debug)]
pub struct Task {
    pub state: TaskState,
    pub attempt: u32,
    pub crashes: u32,
    pub retries: u32,
    pub worker: Option<String>,
    pub progress: f64,
    pub record: Option<TaskRecord>,
    pub director: DirectorId,
    pub created_at_ms: i64,
    pub due_at_ms: i64,
    pub updated_at_ms: i64,
}

impl Task {
    pub fn is_in_flight(&self) -> bool {
        matches!(self.state, TaskState::Queued | TaskState::Running)
    }

    pub fn is_open(&self) -> bool {
        self.is_in_flight() || matches!(self.state, TaskState::Waiting | TaskState::Ready)
    }
}

#[derive(Clone, Debug)]
pub struct Render {
    pub id: RenderId,
    pub film: usize,
    pub state: RenderState,
}

/// What a deed came to. The same from the model and from the database, or one of them is wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The move at the heart of it.
    pub made: bool,
    /// Whose turn it was, and since when it could have been.
    pub turns: Vec<(TaskKey, i64)>,
    pub queued: Vec<AttemptId>,
    /// Tasks whose last need came to be done.
    pub released: u64,
    /// Attempts in flight that were canceled, by task.
    pub called_off: BTreeMap<TaskKey, u32>,
    /// Renders that ended.
    pub ended: BTreeMap<RenderId, &'static str>,
}

#[derive(Clone)]
pub struct Machine {
    pub films: Rc<Films>,
    pub tasks: BTreeMap<TaskKey, Task>,
    pub renders: Vec<Render>,
    pub now_ms: i64,
}

impl Machine {
    pub fn new(films: Rc<Films>) -> Self {
        Self {
            films,
            tasks: BTreeMap::new(),
            renders: Vec::new(),
            now_ms: 1_000_000,
        }
    }

    pub fn task(&self, key: &TaskKey) -> &Task {
        &self.tasks[key]
    }

    pub fn keys(&self, which: impl Fn(&Task) -> bool) -> Vec<TaskKey> {
        let some = self.tasks.iter().filter(|(_, task)| which(task));
        some.map(|(key, _)| *key).collect()
    }

    pub fn running(&self) -> impl Iterator<Item = &Render> {
        let running = |render: &&Render| render.state == RenderState::Running;
        self.renders.iter().filter(running)
    }

    /// Every row as the database should show it.
    pub fn heads(&self) -> BTreeMap<TaskKey, TaskHead> {
        let head = |(key, task): (&TaskKey, &Task)| {
            let spec = &self.films.tasks[key].spec;
            let head = TaskHead {
                key: *key,
                kind: spec.kind(),
                lane: spec.lane(),
                state: task.state,
                attempt: task.attempt,
                crashes: task.crashes,
                retries: task.retries,
                worker: task.worker.clone(),
                progress: task.progress,
                updated_at_ms: task.updated_at_ms,
            };
            (*key, head)
        };
        self.tasks.iter().map(head).collect()
    }

    /// State of renders, and how many of their tasks are not done.
    pub fn rows(&self, renders: &[&Render]) -> BTreeMap<RenderId, (&'static str, usize)> {
        let row = |render: &&Render| {
            let unfinished = self.unfinished(render.film);
            (render.id, (render.state.name(), unfinished))
        };
        renders.iter().map(row).collect()
    }

    /// How many tasks of a film are not done.
    pub fn unfinished(&self, film: usize) -> usize {
        let tasks = &self.films.films[film].plan.tasks;
        tasks.iter().filter(|task| !self.is_done(&task.key)).count()
    }

    pub fn is_done(&self, key: &TaskKey) -> bool {
        let task = self.tasks.get(key);
        task.is_some_and(|task| task.state == TaskState::Done)
    }

    pub fn can_run(&self, key: &TaskKey) -> bool {
        self.films.needs(key).iter().all(|need| self.is_done(need))
    }

    pub fn wants(&self, film: usize, key: &TaskKey) -> bool {
        let mut tasks = self.films.films[film].plan.tasks.iter();
        tasks.any(|task| task.key == *key)
    }
}
