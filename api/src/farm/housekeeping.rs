//! What is put away: inputs of attempts that are over, bytes of refused clips, bodies that were cut off, consumers of processes that are gone.

use std::time::Duration;

use botflix_common::storage::StorageError;
use botflix_common::storage_key;
use botflix_common::task::AttemptId;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Core;
use crate::db::clips::fate::{self, Deletion};
use crate::db::{DbError, catalog};

/// How often `incoming` and the consumers are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// A consumer that was silent for this long and holds nothing is forgotten.
const CONSUMER_SILENCE: Duration = Duration::from_secs(60 * 60);
/// How often the catalog is counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// Refused clips whose bytes are deleted in one round.
const DELETIONS: u32 = 100;

#[derive(Debug, thiserror::Error)]
enum HousekeepingError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

#[derive(Default)]
pub(super) struct Housekeeping {
    swept_at: Option<Instant>,
    counted_at: Option<Instant>,
    /// Whether Redis' settings were looked at since the start.
    redis_checked: bool,
}

impl Housekeeping {
    /// What fails is tried again in the next round.
    pub async fn round(&mut self, core: &Core) {
        if let Err(error) = core.delete_refused().await {
            warn!(%error, "the bytes of refused clips could not be deleted");
        }
        if self.counted_at.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            self.counted_at = Some(Instant::now());
            core.count_catalog().await;
        }
        if !self.redis_checked {
            self.redis_checked = core.check_redis().await;
        }
        if self.swept_at.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            self.swept_at = Some(Instant::now());
            core.sweep().await;
        }
    }
}

impl Core {
    /// The verdict of a refused clip stays, its bytes go.
    async fn delete_refused(&self) -> Result<(), HousekeepingError> {
        for sha in fate::bytes_to_delete(&self.db, DELETIONS).await? {
            if !fate::note_deletion(&self.db, &sha, Deletion::Begun)
                .await?
                .is_made()
            {
                continue;
            }
            self.storage.delete(&storage_key::blob(&sha)).await?;
            let noted = fate::note_deletion(&self.db, &sha, Deletion::Done).await?;
            info!(clip = %sha, sent_again_meanwhile = !noted.is_made(), "the bytes of a refused clip are deleted");
        }
        Ok(())
    }

    async fn count_catalog(&self) {
        match catalog::count(&self.db).await {
            Ok(counts) => self.metrics.levels.catalog(&counts),
            Err(error) => warn!(%error, "the catalog could not be counted"),
        }
    }

    /// Says what an operator should change. `false`: Redis was away.
    async fn check_redis(&self) -> bool {
        match self.queue.health().await {
            Ok(health) => {
                for warning in health.warnings() {
                    warn!("{warning}");
                }
                true
            }
            Err(_) => false,
        }
    }

    /// A worker that still reads one is late: its report would not count.
    pub(super) async fn forget_inputs(&self, attempts: Vec<AttemptId>) {
        for id in attempts {
            if let Err(error) = self.storage.delete(&storage_key::input(&id)).await {
                warn!(%error, attempt = %id, "the input of an attempt that is over stays in storage");
            }
        }
    }

    async fn sweep(&self) {
        match self.storage.sweep_incoming(self.config.incoming_age).await {
            Ok(0) => {}
            Ok(bodies) => info!(bodies, "cut-off uploads were removed"),
            Err(error) => warn!(%error, "cut-off uploads could not be looked for"),
        }
        match self.queue.forget_idle_consumers(CONSUMER_SILENCE).await {
            Ok(0) => {}
            Ok(consumers) => info!(
                consumers,
                "consumers of processes that are gone were forgotten"
            ),
            Err(error) => warn!(%error, "idle consumers could not be forgotten"),
        }
        if let Err(error) = self.forget_old_workers().await {
            warn!(%error, "workers that are long gone could not be forgotten");
        }
    }
}
