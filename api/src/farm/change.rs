//! One transaction on the graph of renders and tasks, and what must follow its commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::http::RenderState;
use botflix_common::id::RenderId;
use botflix_common::task::{AttemptId, Lane};

use super::planning::Devices;
use super::watch::Subject;
use crate::db::events::{self, NewEvent};
use crate::db::{Database, DbError, Write};

/// The moves that belong together. Dropped without a commit, none of them was made.
pub(super) struct Change {
    pub tx: Write,
    /// One time for all that happens in it.
    pub now_ms: i64,
    pub devices: Arc<Devices>,
    effects: Effects,
}

/// What to do once it is true. Losing this (the process dies right after the commit) delays, and the reconciler makes up for it.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub subjects: BTreeSet<Subject>,
    pub cancels: Vec<(Lane, AttemptId)>,
    /// How long after their cancel workers said that they had stopped.
    pub acknowledged_ms: Vec<i64>,
    /// Attempts that are over: nobody reads their inputs any more.
    pub over: Vec<AttemptId>,
    pub finished: Vec<RenderState>,
    pub published: Vec<Published>,
    /// Who can fix what each render failed of.
    pub failed: Vec<WhoCanFix>,
    /// Tasks of plans that were laid, and how many of them were done before.
    pub planned: u64,
    pub reused: u64,
    pub wake: bool,
}

/// A film that reached the catalog.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub film_seconds: f64,
    pub shots: u64,
    /// Since the render was accepted.
    pub took_ms: i64,
}

impl Change {
    pub async fn begin(db: &Database, now_ms: i64, devices: Arc<Devices>) -> Result<Self, DbError> {
        Ok(Self {
            devices,
            tx: db.write_graph().await?,
            now_ms,
            effects: Effects::default(),
        })
    }

    pub async fn commit(self) -> Result<Effects, DbError> {
        self.tx.commit().await?;
        Ok(self.effects)
    }

    /// Writes a line into a render's log.
    pub async fn log(&mut self, render: RenderId, event: NewEvent) -> Result<(), DbError> {
        self.effects.subjects.insert(Subject::Render(render));
        events::append(&mut self.tx, render, event, self.now_ms).await
    }

    /// The same for many lines.
    pub async fn log_all(&mut self, events: Vec<(RenderId, NewEvent)>) -> Result<(), DbError> {
        let subjects = events.iter().map(|(render, _)| Subject::Render(*render));
        self.effects.subjects.extend(subjects);
        events::append_all(&mut self.tx, events, self.now_ms).await
    }

    pub fn clip_changed(&mut self, clip: Sha) {
        self.effects.subjects.insert(Subject::Clip(clip));
    }

    /// Something may now be ready to be queued.
    pub fn wake(&mut self) {
        self.effects.wake = true;
    }

    /// An attempt in the queue or at a worker is no longer wanted.
    pub fn cancel_attempt(&mut self, lane: Lane, id: AttemptId) {
        self.effects.cancels.push((lane, id));
        self.effects.over.push(id);
    }

    /// A worker has said that it stopped, so long after it was told to.
    pub fn cancel_acknowledged(&mut self, after_ms: i64) {
        self.effects.acknowledged_ms.push(after_ms);
    }

    /// An attempt has ended, well or not.
    pub fn attempt_over(&mut self, id: AttemptId) {
        self.effects.over.push(id);
    }

    pub fn published(&mut self, film: Published) {
        self.effects.finished.push(RenderState::Published);
        self.effects.published.push(film);
    }

    pub fn failed_for(&mut self, who: WhoCanFix) {
        self.effects.finished.push(RenderState::Failed);
        self.effects.failed.push(who);
    }

    pub fn canceled(&mut self) {
        self.effects.finished.push(RenderState::Canceled);
    }

    /// A plan's tasks were laid into the graph.
    pub fn planned(&mut self, tasks: usize, reused: usize) {
        self.effects.planned += tasks as u64;
        self.effects.reused += reused as u64;
    }
}
