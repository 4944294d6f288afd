//! The farm's workers: SQL remembers them and what operators want, Redis carries the one here and the other there.
//!
//! A worker reads its orders with each hello. Whatever Redis lost, the next round of the reconciler gives again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use botflix_common::queue::QueueError;
use botflix_common::report::WorkerHello;
use botflix_common::worker::WantedState;
use tokio::time::Instant;
use tracing::info;

use super::{Core, Farm};
use crate::clock;
use crate::db::workers::{self, WorkerRow};
use crate::db::{DbError, Move};

/// How old `last_seen` of a worker that is there may be.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// A worker that nobody set anything of is forgotten after this long: hosts of autoscaled farms have a new name each time.
const FORGET_AFTER_MS: i64 = 30 * 24 * 3600 * 1000;
/// Changes of one worker at the same moment that are tried again.
const TRIES: u32 = 8;

#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("others change this worker all the time")]
    Contended,
}

/// A worker, and its processes that are there.
#[derive(Clone, Debug)]
pub struct KnownWorker {
    pub row: WorkerRow,
    pub present: Vec<WorkerHello>,
}

/// How forgetting a worker went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    Done,
    NotKnown,
    /// It would only come back with its next hello.
    StillHere,
}

/// What is stored of whom, and since when.
#[derive(Default)]
pub(super) struct Stored(HashMap<String, (WorkerHello, Instant)>);

impl Farm {
    /// Every worker that was ever seen and not forgotten, by name.
    pub async fn workers(&self) -> Result<Vec<KnownWorker>, WorkersError> {
        let present = self.core.queue.workers().await?;
        let mut rows = workers::all(&self.core.db).await?;
        // Those that have just come; of the others the leader notes what is new.
        let stored: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let is_new = |hello: &&WorkerHello| !stored.contains(hello.name.as_str());
        let strangers: Vec<WorkerHello> = present.iter().filter(is_new).cloned().collect();
        if !strangers.is_empty() {
            self.core.note(&mut Stored::default(), &strangers).await?;
            rows = workers::all(&self.core.db).await?;
        }
        let known = rows.into_iter().map(|row| known(row, &present));
        Ok(known.collect())
    }

    pub async fn worker(&self, name: &str) -> Result<Option<KnownWorker>, WorkersError> {
        let present: Vec<WorkerHello> = self.core.present(name).await?;
        let found = self.core.row(name, &present).await?;
        Ok(found.map(|row| known(row, &present)))
    }

    /// Changes what is wanted of a worker and lets it know. SQL has it when this returns; a Redis that is away is told later.
    pub async fn change_worker(
        &self,
        name: &str,
        change: impl Fn(&mut WorkerRow, &[WorkerHello]),
    ) -> Result<Option<KnownWorker>, WorkersError> {
        let present = self.core.present(name).await?;
        for _ in 0..TRIES {
            let Some(mut row) = self.core.row(name, &present).await? else {
                return Ok(None);
            };
            change(&mut row, &present);
            if workers::change(&self.core.db, &row).await?.is_made() {
                row.revision += 1;
                info!(
                    worker = name,
                    wanted = row.wanted.name(),
                    "an operator changed a worker"
                );
                self.core.give_orders(&[&row]).await;
                return Ok(Some(known(row, &present)));
            }
        }
        Err(WorkersError::Contended)
    }

    pub async fn forget_worker(&self, name: &str) -> Result<Forgotten, WorkersError> {
        if !self.core.present(name).await?.is_empty() {
            return Ok(Forgotten::StillHere);
        }
        match workers::delete(&self.core.db, name).await? {
            Move::Made => {
                self.core.queue.forget_orders(name).await?;
                Ok(Forgotten::Done)
            }
            Move::Stale => Ok(Forgotten::NotKnown),
        }
    }
}

fn known(row: WorkerRow, present: &[WorkerHello]) -> KnownWorker {
    let present = present.iter().filter(|hello| hello.name == row.name);
    KnownWorker {
        present: present.cloned().collect(),
        row,
    }
}

impl Core {
    /// One round: stores what is new of the workers, and gives them what is new for them.
    pub(super) async fn mind_workers(
        &self,
        stored: &mut Stored,
        present: &[WorkerHello],
    ) -> Result<(), WorkersError> {
        self.note(stored, present).await?;
        let mut rows = workers::all(&self.db).await?;
        self.judge_workers(&mut rows, present).await?;
        for row in &mut rows {
            let started_again = present
                .iter()
                .any(|hello| hello.name == row.name && !row.stop.contains(&hello.instance));
            if row.wanted.is_stop() && started_again {
                row.wanted = WantedState::Active;
                row.stop.clear();
                if workers::change(&self.db, row).await?.is_made() {
                    row.revision += 1;
                    info!(
                        worker = row.name,
                        "a worker that was stopped was started again"
                    );
                }
            }
        }
        self.give_orders(&rows.iter().collect::<Vec<_>>()).await;
        Ok(())
    }

    pub(super) async fn forget_old_workers(&self) -> Result<(), WorkersError> {
        let before_ms = clock::now_ms() - FORGET_AFTER_MS;
        self.forget_old_strikes().await?;
        let forgotten = workers::forget_unseen_since(&self.db, before_ms).await?;
        if !forgotten.is_empty() {
            info!(?forgotten, "workers that were not seen for a month");
        }
        for name in &forgotten {
            self.queue.forget_orders(name).await?;
        }
        Ok(())
    }

    /// Stores what changed; that a worker is still there, once a minute.
    async fn note(&self, stored: &mut Stored, present: &[WorkerHello]) -> Result<(), DbError> {
        // The newest process of a name comes last: instances are sorted, and end with the time of their start.
        let newest: HashMap<&str, &WorkerHello> = present
            .iter()
            .map(|hello| (hello.name.as_str(), hello))
            .collect();
        stored
            .0
            .retain(|name, _| newest.contains_key(name.as_str()));
        for (name, hello) in newest {
            let lasting = hello.lasting();
            let known = stored
                .0
                .get(name)
                .is_some_and(|(before, at)| *before == lasting && at.elapsed() < SEEN_EVERY);
            if !known {
                workers::seen(&self.db, &lasting, clock::now_ms()).await?;
                stored.0.insert(name.to_owned(), (lasting, Instant::now()));
            }
        }
        Ok(())
    }

    async fn present(&self, name: &str) -> Result<Vec<WorkerHello>, QueueError> {
        let mut present = self.queue.workers().await?;
        present.retain(|hello| hello.name == name);
        Ok(present)
    }

    /// A worker that has just said its first hello may have no row yet.
    async fn row(&self, name: &str, present: &[WorkerHello]) -> Result<Option<WorkerRow>, DbError> {
        let found = workers::find(&self.db, name).await?;
        if found.is_some() || present.is_empty() {
            return Ok(found);
        }
        self.note(&mut Stored::default(), present).await?;
        workers::find(&self.db, name).await
    }

    /// A failure is healed by the next round.
    async fn give_orders(&self, rows: &[&WorkerRow]) {
        let orders: Vec<_> = rows
            .iter()
            .map(|row| (row.name.clone(), row.orders()))
            .collect();
        match self.queue.give_orders(&orders).await {
            Ok(0) => {}
            Ok(given) => info!(given, "workers have new orders"),
            Err(error) => tracing::warn!(%error, "the workers' orders must wait"),
        }
    }
}
