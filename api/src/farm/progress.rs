//! Progress of a render: the sum over its tasks, weighted by their expected cost; written about once a second, and it never falls.
//!
//! Not a move of the graph: it takes no graph lock, and locks one row at a time, so that it can never be in a move's way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use botflix_common::http::{EventTask, RenderEventKind};
use botflix_common::id::RenderId;
use botflix_common::task::AttemptId;
use tokio::time::Instant;

use super::{Core, Subject, finish::Ending};
use crate::clock;
use crate::db::events::{self, NewEvent};
use crate::db::tasks::{graph, moves};
use crate::db::{DbError, renders, tasks};

/// Renders whose last write is remembered; beyond that, those that were quiet are forgotten.
const REMEMBERED: usize = 4096;

/// When the progress of each render was last written by this process.
#[derive(Default)]
pub(super) struct ProgressPace {
    written: Mutex<HashMap<RenderId, Instant>>,
}

impl ProgressPace {
    /// Whether it is time to write this render's progress again; if so, it counts as written.
    fn is_due(&self, render: RenderId, every: Duration) -> bool {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= REMEMBERED {
            written.retain(|_, at| at.elapsed() < every);
        }
        match written.get(&render) {
            Some(at) if at.elapsed() < every => false,
            _ => {
                written.insert(render, Instant::now());
                true
            }
        }
    }
}

impl Core {
    pub(super) async fn note_progress(
        &self,
        id: AttemptId,
        worker: &str,
        fraction: f64,
    ) -> Result<Ending, DbError> {
        let fraction = if fraction.is_finite() {
            fraction.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let mut tx = self.db.write().await?;
        let moved = moves::progress(&mut tx, id, worker, fraction, clock::now_ms()).await?;
        let Some(head) = tasks::head(&mut tx, &id.task)
            .await?
            .filter(|_| moved.is_made())
        else {
            return Ok(Ending::Stale);
        };
        let renders = graph::live_renders(&mut tx, &id.task).await?;
        tx.commit().await?;
        for (render, shot) in renders {
            if !self.pace.is_due(render, self.config.progress_every) {
                continue;
            }
            let task = EventTask {
                kind: head.kind,
                shot,
                attempt: id.attempt,
                progress: fraction,
                worker: Some(worker.to_owned()),
            };
            let mut tx = self.db.write().await?;
            renders::moves::measure_progress(&mut tx, render).await?;
            let event = NewEvent::of_task(RenderEventKind::TaskProgress, task);
            events::append(&mut tx, render, event, clock::now_ms()).await?;
            tx.commit().await?;
            self.tell(Subject::Render(render));
        }
        Ok(Ending::Noted)
    }
}
