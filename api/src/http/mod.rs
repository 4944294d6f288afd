//! HTTP: from requests to the rooms below and back. Knows status codes nowhere but through [`crate::error`]; holds no SQL.

pub mod bodies;
mod clips;
mod digest;
mod directors;
mod documents;
mod envelope;
pub mod episodes;
pub mod extract;
mod health;
mod housekeeping;
mod leftover;
mod listener;
pub mod media;
mod outlook;
pub mod paging;
mod quarantine;
mod range;
mod reinstate;
mod render_again;
mod render_events;
mod render_log;
mod renders;
mod routes;
pub mod server;
mod shares;
mod submission;
mod upload;
mod worker_metrics;
mod worker_tokens;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use botflix_common::http::Joined;
use botflix_common::queue::Queue;
use botflix_common::storage::Storage;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::db::Database;
use crate::farm::{Farm, Watch};
use crate::metrics::Metrics;
use crate::operator::OperatorAccess;

pub use routes::{document, router};

/// What handlers share.
pub struct App {
    pub db: Database,
    pub farm: Farm,
    pub queue: Queue,
    pub storage: Storage,
    pub metrics: Metrics,
    pub links: bodies::Links,
    pub limits: Limits,
    pub operators: OperatorAccess,
    /// What workers that join are given.
    pub for_workers: Joined,
    /// Cancelled when the server begins to stop: whoever waits answers with what there is.
    pub stopping: CancellationToken,
    /// Uploads under way: they are ended in order when the server stops.
    pub tasks: TaskTracker,
    pub health: health::Health,
    pub relay: worker_metrics::Relay,
}

pub type AppState = Arc<App>;

/// What an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_clip_bytes: u64,
    pub upload_idle: Duration,
}

impl App {
    /// Waits until something may have changed. `false`: the deadline has passed or the server stops, so answer with what there is.
    pub async fn more_to_come(&self, watch: &mut Watch, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::select! {
            () = watch.changed(left) => true,
            () = self.stopping.cancelled() => false,
        }
    }
}
