//! Films whose encoder is gone: planned anew for the processor, which every worker has.
//!
//! An encoder is gone when its last worker has been away for a while, or when it failed where it had been proven to work. What was made for
//! the film with it is left alone (it stays remembered); what waits for it is called off.

use std::collections::HashSet;
use std::sync::Arc;

use botflix_common::hash::TaskKey;
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::id::RenderId;
use botflix_common::plan::FactsByClip;
use botflix_common::task::{EngineClass, Lane};
use tracing::{info, warn};

use super::Core;
use super::change::Change;
use super::{planning, problems};
use crate::db::events::NewEvent;
use crate::db::tasks::graph;
use crate::db::{DbError, clips, renders};

/// Renders planned anew in one round.
const RENDERS: u32 = 100;

impl Core {
    /// Frees the films that wait in a lane which nobody serves any more.
    pub(super) async fn free_from(self: &Arc<Self>, lane: Lane) -> Result<(), DbError> {
        let Some(encoder) = lane.device_encoder() else {
            return Ok(());
        };
        let why = format!(
            "No worker has {} any more: the processor makes this film.",
            encoder.name()
        );
        for id in renders::waiting_in(&self.db, lane, RENDERS).await? {
            match self.plan_anew(id, &why).await {
                Ok(()) => {
                    self.metrics.healed("planned_anew");
                    info!(render = %id, encoder = encoder.name(), "a render whose encoder is gone was planned for the processor");
                }
                // The others are none the worse for it.
                Err(error) => warn!(%error, render = %id, "a render cannot be planned anew"),
            }
        }
        Ok(())
    }

    async fn plan_anew(self: &Arc<Self>, id: RenderId, why: &str) -> Result<(), DbError> {
        let mut change = self.change().await?;
        change.plan_for_processor(id, why).await?;
        self.commit(change).await
    }
}

impl Change {
    /// A render's segments were to be made by an encoder that has just failed for good.
    pub(super) async fn do_without(
        &mut self,
        id: RenderId,
        encoder: EngineClass,
    ) -> Result<(), DbError> {
        let why = format!(
            "{} failed where it had been proven: the processor makes this film.",
            encoder.name()
        );
        self.plan_for_processor(id, &why).await
    }

    /// running → running, with other tasks.
    async fn plan_for_processor(&mut self, id: RenderId, why: &str) -> Result<(), DbError> {
        let Some(render) = renders::find(&mut self.tx, id).await? else {
            return Ok(());
        };
        if render.state != RenderState::Running {
            return Ok(());
        }
        let manifest = renders::find_manifest(&mut self.tx, id).await?;
        let clips = clips::of_render(&mut self.tx, id).await?;
        let facts: FactsByClip = clips
            .into_iter()
            .filter(|clip| clip.status != ClipStatus::Inspecting)
            .filter_map(|clip| Some((clip.sha256, clip.facts?)))
            .collect();
        let plan = match planning::for_processor(&manifest, &facts) {
            Ok(plan) => plan,
            Err(errors) => {
                let problem = problems::invalid_manifest(errors);
                return self.fail_render(id, &problem).await;
            }
        };
        let kept: HashSet<TaskKey> = plan.tasks.iter().map(|task| task.key).collect();
        self.drop_unshared(id, |task| !kept.contains(task)).await?;
        graph::unwant(&mut self.tx, id).await?;
        self.lay_tasks(id, render.director_id, &plan).await?;
        renders::moves::measure_progress(&mut self.tx, id).await?;
        self.log(id, NewEvent::state().saying(why)).await?;
        self.publish_if_complete(id).await?;
        self.wake();
        Ok(())
    }
}
