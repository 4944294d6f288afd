//! Once more: a render that ended badly goes on where it was, and one that runs does not wait for the pauses between two tries.

use std::sync::Arc;

use botflix_common::hash::Sha;
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::id::RenderId;

use super::change::Change;
use super::{Core, FarmConfig};
use crate::db::events::NewEvent;
use crate::db::renders::RenderRow;
use crate::db::tasks::graph;
use crate::db::{DbError, clips, quarantine, renders};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It had ended and goes on. What was done stays done.
    Reopened,
    /// It runs; so many of its tasks waited for their next try and are tried now.
    Hurried(u64),
    /// So many of the director's renders have not ended: this one may not be one more.
    TooMany { limit: u64 },
    /// There is nothing to try again.
    Published,
    /// The manifest has no such shot; these it has.
    UnknownShot(Vec<String>),
}

impl Core {
    pub(super) async fn retry(
        self: &Arc<Self>,
        id: RenderId,
        shot: Option<&str>,
    ) -> Result<Retried, DbError> {
        let mut change = self.change().await?;
        let retried = change.retry(id, shot, &self.config).await?;
        if matches!(retried, Retried::Reopened | Retried::Hurried(1..)) {
            self.commit(change).await?;
        }
        Ok(retried)
    }
}

impl Change {
    async fn retry(
        &mut self,
        id: RenderId,
        shot: Option<&str>,
        config: &FarmConfig,
    ) -> Result<Retried, DbError> {
        let render = renders::find(&mut self.tx, id)
            .await?
            .ok_or(DbError::Gone("render"))?;
        if let Some(shot) = shot {
            let manifest = renders::find_manifest(&mut self.tx, id).await?;
            let shots: Vec<String> = manifest.shots.iter().map(|shot| shot.id.clone()).collect();
            if !shots.iter().any(|known| known == shot) {
                return Ok(Retried::UnknownShot(shots));
            }
        }
        match render.state {
            RenderState::Published => Ok(Retried::Published),
            RenderState::Failed | RenderState::Canceled => {
                match self.is_at_limit(render.director_id, config).await? {
                    Some(limit) => Ok(Retried::TooMany { limit }),
                    None => self.reopen(&render).await,
                }
            }
            RenderState::Accepted
            | RenderState::Planning
            | RenderState::Running
            | RenderState::Publishing => {
                let hurried = graph::hurry(&mut self.tx, id, shot, self.now_ms).await?;
                self.wake();
                Ok(Retried::Hurried(hurried))
            }
        }
    }

    /// Planned anew, because workers and clips may be others by now; what was made for it is found again by its keys, and what failed gets
    /// fresh counters.
    async fn reopen(&mut self, render: &RenderRow) -> Result<Retried, DbError> {
        let id = render.id;
        if !renders::moves::reopen(&mut self.tx, id, self.now_ms)
            .await?
            .is_made()
        {
            return Err(DbError::Gone("render"));
        }
        let clips = clips::of_render(&mut self.tx, id).await?;
        let shas: Vec<Sha> = clips.iter().map(|clip| clip.sha256).collect();
        let confined = quarantine::among(&mut self.tx, &shas).await?;
        for clip in clips {
            if clip.status == ClipStatus::Failed && !confined.contains(&clip.sha256) {
                let director = render.director_id;
                clips::inspect_again(&mut self.tx, director, &clip, self.now_ms).await?;
                self.clip_changed(clip.sha256);
            }
        }
        self.log(id, NewEvent::state().saying("Asked for once more."))
            .await?;
        graph::unwant(&mut self.tx, id, self.now_ms).await?;
        self.advance(id).await?;
        self.wake();
        Ok(Retried::Reopened)
    }
}
