//! A blob that nobody refers to goes, although somebody may be about to refer to it.
//!
//! Its going is a row, written in a transaction of the graph that finds no reference; only then its bytes are deleted. Whoever makes a
//! reference does that in such a transaction too, and looks for the row: it finds it, and asks storage again, or it was there first, and the
//! row is not written. See docs/adr/0020-sweeping-blobs.md.

use botflix_common::hash::Sha;
use botflix_common::storage_key;
use botflix_common::task::TaskRecord;
use tracing::{info, warn};

use super::{Core, HousekeepingError};
use crate::clock;
use crate::db::blobs::{self, Swept};

/// Sweeps that were cut short, finished in one round.
const CUT_SHORT: u32 = 100;

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
        self.storage.delete(&storage_key::blob(sha)).await?;
        blobs::note_gone(&self.db, sha, clock::now_ms()).await?;
        Ok(())
    }

    /// What a process that died, or storage that was away, left half done.
    pub(super) async fn finish_sweeps(&self) -> Result<(), HousekeepingError> {
        for sha in blobs::going(&self.db, CUT_SHORT).await? {
            self.finish_sweep(&sha).await?;
            info!(blob = %sha, "a sweep that was cut short is finished");
        }
        Ok(())
    }

    /// To be called before a result is accepted: what of it was swept and is there again counts as there.
    pub(in crate::farm) async fn look_for_swept(&self, record: &TaskRecord) {
        for artifact in record.artifacts.values() {
            self.look_for_blob(&artifact.sha256, artifact.bytes).await;
        }
    }

    /// The same of a clip that has arrived.
    pub(in crate::farm) async fn look_for_blob(&self, sha: &Sha, bytes: u64) {
        if let Err(error) = self.note_if_back(sha, bytes).await {
            // Then it counts as swept, and is asked for again.
            warn!(%error, blob = %sha, "whether a swept blob is there again could not be found out");
        }
    }

    async fn note_if_back(&self, sha: &Sha, bytes: u64) -> Result<(), HousekeepingError> {
        let swept = blobs::swept(&self.db, &[*sha]).await?;
        if swept != [(*sha, Swept::Gone)] {
            return Ok(());
        }
        if self.storage.len(&storage_key::blob(sha)).await? == Some(bytes) {
            blobs::note_back(&self.db, sha).await?;
        }
        Ok(())
    }
}
