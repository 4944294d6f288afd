//! Poison clips: kept from every render once they have killed three attempts, until an operator releases them.

use std::sync::Arc;

use botflix_common::hash::Sha;
use botflix_common::http::ClipStatus;
use botflix_common::manifest::ShotManifest;
use botflix_common::problem::FieldProblem;
use tracing::{info, warn};

use super::change::Change;
use super::{Core, Farm, problems};
use crate::db::quarantine::{self, Quarantined};
use crate::db::tasks::TaskHead;
use crate::db::{DbError, clips, strikes};

/// Strikes of one process: with this many it failed at other material, too, and what it says of a clip counts for nothing.
const SUSPECT_STRIKES: u64 = 2;

impl Change {
    /// A task crashed too often: the clip is taken for the cause if the task read nothing else, unless its worker fails at others as well.
    pub(super) async fn confine_cause(
        &mut self,
        head: &TaskHead,
        crashes: u32,
    ) -> Result<(), DbError> {
        let Some(clip) = quarantine::only_clip(&mut self.tx, &head.key).await? else {
            return Ok(());
        };
        if let Some(instance) = head.worker.as_deref()
            && strikes::count(&mut self.tx, instance, head.kind).await? >= SUSPECT_STRIKES
        {
            info!(%clip, instance, "a clip is not taken for poison: its worker fails at others, too");
            return Ok(());
        }
        let confined = Quarantined {
            clip,
            task: head.key,
            kind: head.kind,
            crashes,
            since_ms: self.now_ms,
        };
        if quarantine::confine(&mut self.tx, &confined)
            .await?
            .is_made()
        {
            warn!(%clip, kind = head.kind.name(), "a clip is quarantined");
            self.clip_changed(clip);
        }
        Ok(())
    }

    /// Every use of a clip that is in quarantine.
    pub(super) async fn quarantined_uses(
        &mut self,
        manifest: &ShotManifest,
    ) -> Result<Vec<(Sha, FieldProblem)>, DbError> {
        let confined = quarantine::among(&mut self.tx, &manifest.distinct_clips()).await?;
        let uses = manifest.clips().into_iter();
        Ok(uses
            .filter(|named| confined.contains(&named.clip))
            .map(|named| {
                (
                    named.clip,
                    problems::quarantined(&named.pointer, &named.clip),
                )
            })
            .collect())
    }

    /// `false`: it is not in quarantine. One that was never inspected to the end is inspected anew.
    async fn release(&mut self, clip: Sha) -> Result<bool, DbError> {
        if !quarantine::release(&mut self.tx, &clip).await?.is_made() {
            return Ok(false);
        }
        if let Some((row, director)) = clips::with_a_sender(&mut self.tx, &clip).await?
            && row.status == ClipStatus::Failed
        {
            clips::inspect_again(&mut self.tx, director, &row, self.now_ms).await?;
            self.wake();
        }
        self.clip_changed(clip);
        Ok(true)
    }
}

impl Core {
    async fn release(self: &Arc<Self>, clip: Sha) -> Result<bool, DbError> {
        let mut change = self.change().await?;
        let released = change.release(clip).await?;
        if released {
            self.commit(change).await?;
            info!(%clip, "an operator released a clip from quarantine");
        }
        Ok(released)
    }
}

impl Farm {
    /// `false`: it is not in quarantine.
    pub async fn release_clip(&self, clip: Sha) -> Result<bool, DbError> {
        self.core.release(clip).await
    }
}
