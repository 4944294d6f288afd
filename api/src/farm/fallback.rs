//! Films whose encoder is gone: planned anew for the processor, which every worker has.
//!
//! An encoder is gone when its last worker has been away for a while, or when it failed where it had been proven to work. What was made for
//! the film with it is left alone (it stays remembered); what waits for it is called off.

use std::collections::HashSet;
use std::sync::Arc;

use botflix_common::failure::{Failure, FailureClass};
use botflix_common::hash::TaskKey;
use botflix_common::http::RenderState;
use botflix_common::id::RenderId;
use botflix_common::plan;
use botflix_common::task::Lane;
use tracing::{info, warn};

use super::Core;
use super::change::Change;
use super::problems;
use crate::db::events::NewEvent;
use crate::db::tasks::graph;
use crate::db::{DbError, clips, renders};

/// Renders planned anew in one round: each is a transaction on the graph, and others wait.
const RENDERS: u32 = 10;

/// Whether something else than the device can be at fault: then the processor would fail at it, too.
pub(super) fn is_of_the_material(failure: &Failure) -> bool {
    failure.class == FailureClass::Permanent && !failure.code.starts_with("engine_")
}

impl Core {
    /// Frees the films that wait in a lane which nobody serves any more.
    pub(super) async fn free_from(self: &Arc<Self>, lane: Lane) -> Result<(), DbError> {
        for id in renders::waiting_in(&self.db, lane, RENDERS).await? {
            match self.plan_anew(id, lane).await {
                Ok(true) => {
                    self.metrics.healed("planned_anew");
                    info!(render = %id, lane = lane.name(), "a render whose encoder is gone was planned for the processor");
                }
                Ok(false) => {}
                // The others are none the worse for it.
                Err(error) => warn!(%error, render = %id, "a render cannot be planned anew"),
            }
        }
        Ok(())
    }

    async fn plan_anew(self: &Arc<Self>, id: RenderId, lane: Lane) -> Result<bool, DbError> {
        let mut change = self.change().await?;
        let changed = change
            .do_without(id, lane, "No worker has it any more")
            .await?;
        if changed {
            self.commit(change).await?;
        }
        Ok(changed)
    }
}

impl Change {
    /// running → running, with the processor's tasks in place of those of a lane. `false`: it waits for none.
    pub(super) async fn do_without(
        &mut self,
        id: RenderId,
        lane: Lane,
        why: &str,
    ) -> Result<bool, DbError> {
        let Some(encoder) = lane.device_encoder() else {
            return Ok(false);
        };
        let Some(render) = renders::find(&mut self.tx, id).await? else {
            return Ok(false);
        };
        if render.state != RenderState::Running
            || !graph::needs_lane(&mut self.tx, id, lane).await?
        {
            return Ok(false);
        }
        let manifest = match renders::find_manifest(&mut self.tx, id).await {
            // It must not stand in the way of others that want the same tasks.
            Err(DbError::Broken { .. }) => {
                self.fail_render(id, &problems::unreadable()).await?;
                return Ok(true);
            }
            manifest => manifest?,
        };
        let clips = clips::of_render(&mut self.tx, id).await?;
        let plan = match plan::plan(&manifest, &clips::facts_of(clips)) {
            Ok(plan) => plan,
            Err(errors) => {
                let problem = problems::invalid_manifest(errors);
                self.fail_render(id, &problem).await?;
                return Ok(true);
            }
        };
        let kept: HashSet<TaskKey> = plan.tasks.iter().map(|task| task.key).collect();
        self.drop_unshared(id, |task| !kept.contains(task)).await?;
        graph::unwant(&mut self.tx, id, self.now_ms).await?;
        self.lay_tasks(id, (render.director_id, render.priority), &plan)
            .await?;
        renders::moves::measure_progress(&mut self.tx, id).await?;
        let told = format!("{why} ({}): the processor makes this film.", encoder.name());
        self.log(id, NewEvent::state().saying(told)).await?;
        self.publish_if_complete(id).await?;
        self.wake();
        Ok(true)
    }
}
