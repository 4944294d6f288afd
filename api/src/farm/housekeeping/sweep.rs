//! A blob that nobody refers to goes, although somebody may be about to refer to it.
//!
//! Its going is a row, written in a transaction of the graph that finds no reference; only then its bytes are deleted. Whoever makes a
//! reference does that in such a transaction too, and looks for the row: it finds it, and asks storage again, or it was there first, and the
//! row is not written. See docs/adr/0020-sweeping-blobs.md.

use std::collections::BTreeMap;
use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_common::storage_key;
use botflix_common::task::TaskRecord;
use tracing::{info, warn};

use super::{Core, FAILURES, HousekeepingError};
use crate::clock;
use crate::db::blobs::{self, Swept};

/// Sweeps that were cut short, finished in one round.
const CUT_SHORT: u32 = 100;
/// How long a process tries to delete one blob.
const DELETION_TAKES: Duration = Duration::from_secs(60);
/// A sweep that was decided so long ago was cut short: well after whoever decided it has given up. Deleted a second time while the first is under
/// way, the blob may be stored again in between, and the later deletion would take what somebody refers to.
const CUT_SHORT_AFTER_MS: i64 = 3 * 60 * 1000;

impl Core {
    /// `false`: somebody refers to it by now.
    pub(super) async fn sweep_blob(&self, sha: &Sha) -> Result<bool, HousekeepingError> {
        let mut tx = self.db.write_graph().await?;
        if !blobs::decide(&mut tx, sha, clock::now_ms())
            .await?
            .is_made()
        {
            return Ok(false);
        }
        tx.commit().await?;
        self.finish_sweep(sha).await?;
        Ok(true)
    }

    async fn finish_sweep(&self, sha: &Sha) -> Result<(), HousekeepingError> {
        let key = storage_key::blob(sha);
        tokio::time::timeout(DELETION_TAKES, self.storage.delete(&key))
            .await
            .map_err(|_| HousekeepingError::SlowDeletion)??;
        blobs::note_gone(&self.db, sha, clock::now_ms()).await?;
        Ok(())
    }

    /// What a process that died, or storage that was away, left half done.
    pub(super) async fn finish_sweeps(&self) -> Result<(), HousekeepingError> {
        let until_ms = clock::now_ms() - CUT_SHORT_AFTER_MS;
        let mut failures = 0;
        for sha in blobs::going(&self.db, until_ms, CUT_SHORT).await? {
            if failures >= FAILURES || self.stop.is_cancelled() || !self.leadership.leads() {
                break;
            }
            let mine = blobs::take_over(&self.db, &sha, until_ms, clock::now_ms()).await?;
            if !mine.is_made() {
                continue;
            }
            match self.finish_sweep(&sha).await {
                Ok(()) => info!(blob = %sha, "a sweep that was cut short is finished"),
                // It is tried again later; one that cannot be deleted does not keep the others.
                Err(error) => {
                    warn!(%error, blob = %sha, "a sweep that was cut short cannot be finished");
                    failures += 1;
                }
            }
        }
        Ok(())
    }

    /// To be called before results are accepted: what of them was swept and is there again counts as there.
    pub(in crate::farm) async fn look_for_swept<'a>(
        &self,
        records: impl Iterator<Item = &'a TaskRecord>,
    ) {
        let artifacts = records.flat_map(|record| record.artifacts.values());
        let sizes: BTreeMap<Sha, u64> = artifacts.map(|one| (one.sha256, one.bytes)).collect();
        self.look_for_blobs(&sizes).await;
    }

    /// The same of blobs, with their sizes in bytes.
    async fn look_for_blobs(&self, sizes: &BTreeMap<Sha, u64>) {
        if let Err(error) = self.note_those_back(sizes).await {
            // Then they count as swept, and are asked for again.
            warn!(%error, "whether swept blobs are there again could not be found out");
        }
    }

    /// The same of a clip that has arrived.
    pub(in crate::farm) async fn look_for_blob(&self, sha: &Sha, bytes: u64) {
        self.look_for_blobs(&BTreeMap::from([(*sha, bytes)])).await;
    }

    async fn note_those_back(&self, sizes: &BTreeMap<Sha, u64>) -> Result<(), HousekeepingError> {
        let shas: Vec<Sha> = sizes.keys().copied().collect();
        let swept = blobs::swept(&self.db, &shas).await?;
        for (sha, _) in swept.iter().filter(|(_, how)| *how == Swept::Gone) {
            if self.storage.len(&storage_key::blob(sha)).await? == sizes.get(sha).copied() {
                blobs::note_back(&self.db, sha).await?;
            }
        }
        Ok(())
    }
}
