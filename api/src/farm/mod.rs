//! Farm control: turns accepted renders into tasks, hands tasks to the queue, takes reports back, publishes, and heals what was cut short.
//!
//! SQL is the truth and Redis the doorbell: a move is committed first and told to Redis after, and whatever is lost in between is found
//! by the [`reconciler`]. Must not know HTTP, nor what a task does.
//!
//! - [`submit`], [`tasks`], [`finish`], [`publish`], [`cancel`], [`retry`], [`fallback`], [`progress`]: the moves of the graph, each inside one
//!   [`change::Change`]; [`planning`]: for which encoder;
//! - [`dispatcher`], [`reports`], [`reconciler`]: the three loops that make them; [`leader`]: which process runs the first and the last;
//! - [`explain`], [`pace`]: why a render waits, and for how long;
//! - [`share`]: whose turn it is; [`turns`]: what of its line goes into the queue;
//! - [`housekeeping`]: what is put away;
//! - [`workers`]: what is known and wanted of the workers.

mod blame;
mod cancel;
mod change;
mod config;
mod dispatcher;
mod explain;
mod fallback;
mod finish;
mod housekeeping;
mod leader;
mod loops;
mod metrics;
mod pace;
mod planning;
mod problems;
mod progress;
mod publish;
mod quarantine;
mod reconciler;
mod reports;
mod retry;
mod share;
mod submit;
mod tasks;
mod turns;
mod watch;
mod workers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_common::http::{HousekeepingBody, Leftover, LeftoverBody};
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::FactsByClip;
use botflix_common::queue::Queue;
use botflix_common::report::WorkerHello;
use botflix_common::storage::Storage;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::db::clips::Arrival;
use crate::db::renders::RenderRow;
use crate::db::{Database, DbError, blobs, clips, renders};
use change::{Change, Effects};
use explain::Picture;
use leader::Leadership;
use metrics::FarmMetrics;
use pace::LatestPace;
use planning::Devices;
use progress::ProgressPace;

pub use cancel::Canceled;
pub use config::{FarmConfig, FarmError};
pub use explain::Outlook;
pub use housekeeping::{HousekeepingError, Retention};
pub use problems::invalid_manifest;
pub use retry::Retried;
pub use submit::{Idempotency, Order, Submitted};
pub use watch::{Subject, Watch};
pub use workers::{Forgotten, KnownWorker, WorkersError};

/// A handle to the farm of this process. Cheap to clone; when the last one is dropped, the loops end.
#[derive(Clone)]
pub struct Farm {
    core: Arc<Core>,
    _stop_when_dropped: Arc<DropGuard>,
}

/// What the loops and the callers share.
struct Core {
    db: Database,
    queue: Queue,
    storage: Storage,
    config: FarmConfig,
    metrics: FarmMetrics,
    changes: broadcast::Sender<Subject>,
    /// Something may be ready to be queued.
    dispatch: Notify,
    leadership: Leadership,
    pace: ProgressPace,
    /// As last seen.
    devices: Mutex<Arc<Devices>>,
    workers: Mutex<Arc<Vec<WorkerHello>>>,
    picture: tokio::sync::Mutex<Option<Arc<Picture>>>,
    latest_pace: LatestPace,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Farm {
    /// Starts the loops; [`Farm::stop`] ends them. Call within a tokio runtime. Several processes may run a farm on one database.
    pub async fn start(
        db: Database,
        queue: Queue,
        storage: Storage,
        config: FarmConfig,
        registry: &prometheus::Registry,
    ) -> Result<Self, FarmError> {
        config.check()?;
        let (changes, _) = broadcast::channel(watch::CHANGES_KEPT);
        let core = Arc::new(Core {
            db,
            queue,
            storage,
            config,
            metrics: FarmMetrics::register(registry)?,
            changes,
            dispatch: Notify::new(),
            leadership: Leadership::default(),
            pace: ProgressPace::default(),
            devices: Mutex::default(),
            workers: Mutex::default(),
            picture: tokio::sync::Mutex::default(),
            latest_pace: LatestPace::default(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        });
        // So that the first plans of this process are no other than those of its neighbours.
        match core.queue.workers().await {
            Ok(workers) => core.meet(&workers),
            Err(error) => tracing::warn!(%error, "the farm's workers are not known yet"),
        }
        loops::start(&core);
        Ok(Self {
            _stop_when_dropped: Arc::new(core.stop.clone().drop_guard()),
            core,
        })
    }

    /// Ends the loops after what they are at. What they leave undone, the next start finds.
    pub async fn stop(&self) {
        self.core.stop.cancel();
        self.core.tracker.close();
        self.core.tracker.wait().await;
    }

    /// Stores a render; when this returns `New`, it is never lost. [`DbError::Gone`] when it is to revise one that there is not.
    pub async fn submit_render(&self, order: Order<'_>) -> Result<Submitted, DbError> {
        self.core.submit(order).await
    }

    /// Has a render that failed or was canceled go on, and one that runs try again at once what it would try later.
    pub async fn retry_render(&self, id: RenderId, shot: Option<&str>) -> Result<Retried, DbError> {
        self.core.retry(id, shot).await
    }

    /// The plan that a render of this manifest would get now.
    pub async fn foresee(
        &self,
        manifest: &ShotManifest,
        facts: &FactsByClip,
    ) -> Result<planning::Outcome, DbError> {
        planning::foresee(&self.core.db, manifest, facts, &self.core.devices()).await
    }

    /// Notes that a director has sent a clip whose bytes are now stored. [`DbError::Swept`] when they were put away in that moment: send
    /// it again.
    pub async fn clip_arrived(
        &self,
        director: DirectorId,
        sha: Sha,
        bytes: u64,
    ) -> Result<Arrival, DbError> {
        self.core.look_for_blob(&sha, bytes).await;
        let mut tx = self.core.db.write_graph().await?;
        if blobs::any_swept(&mut tx, &[sha]).await? {
            return Err(DbError::Swept);
        }
        let arrival = clips::arrive(&mut tx, director, sha, bytes, clock::now_ms()).await?;
        tx.commit().await?;
        self.wake();
        Ok(arrival)
    }

    /// A page of what housekeeping would put away now, from a place on; with `age` whatever was left alone for so long.
    pub async fn leftovers(
        &self,
        from: (Leftover, Option<String>),
        only: Option<Leftover>,
        age: Option<Duration>,
        limit: u32,
    ) -> Result<(Vec<LeftoverBody>, Option<(Leftover, Option<String>)>), HousekeepingError> {
        self.core.housekeeping_page(from, only, age, limit).await
    }

    /// Puts away what may go, as the leader does by itself now and then.
    pub async fn put_away(&self) -> Result<HousekeepingBody, HousekeepingError> {
        self.core.housekeep(&mut HashMap::new()).await
    }

    /// Why a render waits, and when it will be there.
    pub async fn outlook(&self, render: &RenderRow) -> Result<Outlook, DbError> {
        self.core.outlook_of(render).await
    }

    /// Ends a render that is not finished. [`DbError::Gone`] when there is none.
    pub async fn cancel_render(&self, id: RenderId) -> Result<Canceled, DbError> {
        self.core.cancel(id).await
    }

    /// Follows a render. Subscribe first, then read the database, then wait: so nothing is missed.
    pub fn watch_render(&self, id: RenderId) -> Watch {
        Watch::new(Subject::Render(id), self.core.changes.subscribe())
    }

    /// Follows a clip, in the same way.
    pub fn watch_clip(&self, sha: Sha) -> Watch {
        Watch::new(Subject::Clip(sha), self.core.changes.subscribe())
    }

    /// Has the dispatcher look now instead of at its next turn.
    pub fn wake(&self) {
        self.core.dispatch.notify_one();
    }

    /// Whether this process dispatches and reconciles at the moment.
    pub fn leads(&self) -> bool {
        self.core.leadership.leads()
    }

    pub fn database(&self) -> &Database {
        &self.core.db
    }

    pub fn queue(&self) -> &Queue {
        &self.core.queue
    }

    pub fn storage(&self) -> &Storage {
        &self.core.storage
    }
}

impl Core {
    async fn change(&self) -> Result<Change, DbError> {
        Change::begin(&self.db, clock::now_ms(), self.devices()).await
    }

    fn devices(&self) -> Arc<Devices> {
        Arc::clone(&self.devices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn workers(&self) -> Arc<Vec<WorkerHello>> {
        Arc::clone(&self.workers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes who is there, and what they can encode with.
    fn meet(&self, workers: &[WorkerHello]) {
        *self.workers.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(workers.to_vec());
        // A Redis that has just lost everything says nothing of who is there.
        if workers.is_empty() {
            return;
        }
        let here = Devices::of(workers);
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.here != here {
            tracing::info!(encoders = ?here, "the devices of the farm's workers");
            *devices = Arc::new(Devices {
                here,
                used: devices.used.clone(),
            });
        }
    }

    /// Notes what films were made with.
    async fn look_back(&self) -> Result<(), DbError> {
        let used = renders::devices_used(&self.db, &self.devices().used).await?;
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.used != used {
            *devices = Arc::new(Devices {
                used,
                here: devices.here.clone(),
            });
        }
        Ok(())
    }

    /// Makes the change true and lets everybody know.
    async fn commit(self: &Arc<Self>, change: Change) -> Result<(), DbError> {
        let effects = change.commit().await?;
        self.follow_up(effects);
        Ok(())
    }

    fn follow_up(self: &Arc<Self>, effects: Effects) {
        for state in &effects.finished {
            self.metrics.render_finished(*state);
        }
        for film in &effects.published {
            self.metrics.published(film);
        }
        for who in &effects.failed {
            self.metrics.render_failed(*who);
        }
        for after_ms in &effects.acknowledged_ms {
            self.metrics.cancel_acknowledged(*after_ms);
        }
        self.metrics.planned(
            effects.planned.saturating_sub(effects.reused),
            effects.reused,
        );
        for subject in effects.subjects {
            self.tell(subject);
        }
        if effects.wake {
            self.dispatch.notify_one();
        }
        if !effects.cancels.is_empty() || !effects.over.is_empty() {
            let core = Arc::clone(self);
            self.tracker.spawn(async move {
                core.cancel_in_queue(effects.cancels).await;
                core.forget_inputs(effects.over).await;
            });
        }
    }

    /// Lets those who follow the subject know.
    fn tell(&self, subject: Subject) {
        // An error means that nobody follows anything at the moment.
        let followers = self.changes.send(subject).unwrap_or(0);
        tracing::trace!(?subject, followers, "changed");
    }
}
