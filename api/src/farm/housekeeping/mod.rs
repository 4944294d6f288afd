//! What is put away: what nobody uses any more, by rules that can be listed ([`rules`], [`ages`], [`sweep`]); and at once, the inputs of
//! attempts that are over and the bytes of refused clips.
//!
//! Must not know HTTP. Any process may do it at any time, also two at once: whatever goes is asked for once more when it goes.

mod ages;
mod rules;
mod sweep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::http::{HousekeepingBody, Leftover, LeftoverBody, RemovedBody};
use botflix_common::queue::QueueError;
use botflix_common::storage::StorageError;
use botflix_common::storage_key;
use botflix_common::task::AttemptId;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Core;
use crate::clock;
use crate::db::clips::fate::{self, Deletion};
use crate::db::{DbError, blobs, catalog, retention};

use ages::Ages;
pub use ages::Retention;
use rules::{Found, Removed};

/// A consumer that was silent for this long and holds nothing is forgotten.
const CONSUMER_SILENCE: Duration = Duration::from_secs(60 * 60);
/// How often the catalog is counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// Refused clips whose bytes are deleted in one round.
const DELETIONS: u32 = 100;
/// How often the loop looks whether a round is due, and finishes sweeps that were cut short.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// From the start of a process to its first round, at most.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);
/// Things of a kind that cannot be removed in one step before the kind is left for the next round.
const FAILURES: usize = 3;
/// Things of a kind that are listed and removed in one step, and steps of a kind in one round.
const STEP: u32 = 200;
const STEPS: usize = 50;
/// Steps for one page of a dry run.
const STEPS_OF_PAGE: usize = 10;
/// How long it is known that a blob was swept: longer than a report of it may be under way.
const SWEPT_KNOWN_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Renders without anything to thin that are noted as such in one round.
const NOTED_THIN: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum HousekeepingError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("object storage takes too long to delete an object")]
    SlowDeletion,
}

#[derive(Default)]
pub(super) struct Housekeeping {
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

    async fn forget_the_gone(&self) -> Result<(), HousekeepingError> {
        let consumers = self.queue.forget_idle_consumers(CONSUMER_SILENCE).await?;
        if consumers > 0 {
            info!(
                consumers,
                "consumers of processes that are gone were forgotten"
            );
        }
        blobs::forget_gone(&self.db, clock::now_ms() - SWEPT_KNOWN_MS).await?;
        let until_ms = Ages::of(&self.config).until_ms(Leftover::Events);
        retention::note_thin(&self.db, until_ms, clock::now_ms(), NOTED_THIN).await?;
        Ok(())
    }

    /// A page of what a round would put away now, or would if everything were to go after `age`. Without anything in it, and with a
    /// place for the next, when the search takes longer than a page may.
    pub(super) async fn housekeeping_page(
        &self,
        (from, after): (Leftover, Option<String>),
        only: Option<Leftover>,
        age: Option<Duration>,
        limit: u32,
    ) -> Result<(Vec<LeftoverBody>, Option<(Leftover, Option<String>)>), HousekeepingError> {
        let ages = age.map_or_else(|| Ages::of(&self.config), Ages::all);
        let mut place = Some((only.unwrap_or(from), after));
        for _ in 0..STEPS_OF_PAGE {
            let Some((what, after)) = place else { break };
            let Found { items, next } = self
                .list_leftovers(what, &ages, after.as_deref(), limit)
                .await?;
            place = match next {
                Some(next) => Some((what, Some(next))),
                None if only.is_some() => None,
                None => following(what).map(|what| (what, None)),
            };
            if !items.is_empty() {
                return Ok((items, place));
            }
        }
        Ok((Vec::new(), place))
    }

    /// One round: of each kind as much as a round may, going on where the round before stopped.
    pub(super) async fn housekeep(
        &self,
        places: &mut HashMap<Leftover, String>,
    ) -> Result<HousekeepingBody, HousekeepingError> {
        let ages = Ages::of(&self.config);
        let mut done = HousekeepingBody::default();
        let mut failed = None;
        for what in Leftover::ALL {
            let mut removed = RemovedBody {
                what,
                count: 0,
                bytes: 0,
            };
            // A kind that fails is not in the way of the others.
            if let Err(error) = self.put_away(&ages, places, &mut removed).await {
                warn!(%error, what = what.name(), "what is left over could not be put away");
                self.metrics.put_away.failed(what);
                failed = Some(error);
            }
            done.more |= places.contains_key(&what);
            if removed.count > 0 {
                info!(
                    what = what.name(),
                    count = removed.count,
                    bytes = removed.bytes,
                    "put away"
                );
                done.removed.push(removed);
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Fails with the last thing that could not be removed, once all others are.
    async fn put_away(
        &self,
        ages: &Ages,
        places: &mut HashMap<Leftover, String>,
        sum: &mut RemovedBody,
    ) -> Result<(), HousekeepingError> {
        let what = sum.what;
        let mut failed = None;
        for _ in 0..STEPS {
            let after = places.get(&what).cloned();
            let found = self
                .list_leftovers(what, ages, after.as_deref(), STEP)
                .await?;
            let Removed {
                items,
                failures,
                given_up_at,
            } = self.remove_leftovers(what, ages, found.items).await;
            let bytes = items.iter().map(|item| item.bytes).sum();
            self.metrics
                .put_away
                .removed(what, items.len() as u64, bytes);
            sum.count += items.len() as u64;
            sum.bytes += bytes;
            failed = failures.into_iter().last().or(failed);
            if let Some(at) = given_up_at {
                // The next round goes on behind it, so that some which never go do not keep all others.
                places.insert(what, at);
                break;
            }
            match found.next {
                Some(next) if !self.stop.is_cancelled() => places.insert(what, next),
                _ => {
                    places.remove(&what);
                    break;
                }
            };
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The kind that is put away after this one.
fn following(what: Leftover) -> Option<Leftover> {
    let mut all = Leftover::ALL.into_iter().skip_while(|one| *one != what);
    all.nth(1)
}

/// Puts away while this process leads. Not right after its start: then there may be processes of the version before, which know less of what
/// must stay.
pub(super) async fn run(core: Arc<Core>) {
    let every = core.config.retention.every;
    let mut due = Instant::now() + every.min(FIRST_AFTER);
    let mut places = HashMap::new();
    while !core.stop.is_cancelled() {
        tokio::select! {
            () = core.stop.cancelled() => return,
            () = core.leadership.gained() => {}
        }
        if let Err(error) = core.finish_sweeps().await {
            warn!(%error, "sweeps that were cut short could not be finished");
        }
        if Instant::now() >= due {
            due = Instant::now() + every;
            if core.housekeep(&mut places).await.is_err() {
                core.metrics.loop_failed("housekeeping");
            }
            if let Err(error) = core.forget_the_gone().await {
                warn!(%error, "what processes that are gone left could not be forgotten");
            }
            if let Err(error) = core.forget_old_workers().await {
                warn!(%error, "workers that are long gone could not be forgotten");
            }
        }
        tokio::select! {
            () = core.stop.cancelled() => {}
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
    }
}
