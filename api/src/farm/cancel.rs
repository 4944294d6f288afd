//! The end of a render before its film: canceled by its director, or failed. Tasks that no other live render wants end with it.

use std::sync::Arc;

use botflix_common::http::RenderState;
use botflix_common::id::RenderId;
use botflix_common::problem::Problem;
use botflix_common::task::{AttemptId, Lane};

use super::Core;
use super::change::Change;
use crate::db::events::NewEvent;
use crate::db::{DbError, renders};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceled {
    Now,
    /// It had ended before.
    AlreadyFinal(RenderState),
}

impl Core {
    pub(super) async fn cancel(self: &Arc<Self>, id: RenderId) -> Result<Canceled, DbError> {
        let mut change = self.change().await?;
        let canceled = change.cancel_render(id).await?;
        if canceled == Canceled::Now {
            self.commit(change).await?;
        }
        Ok(canceled)
    }

    /// Tells workers and queue. What cannot be told now, the reconciler tells.
    pub(super) async fn cancel_in_queue(&self, attempts: Vec<(Lane, AttemptId)>) {
        for (lane, id) in attempts {
            if let Err(error) = self.call_off(lane, id).await {
                tracing::warn!(%error, attempt = %id, "a canceled attempt could not be called off yet");
            }
        }
    }

    /// Flag first: a worker that takes the attempt between the two calls finds it.
    pub(super) async fn call_off(
        &self,
        lane: Lane,
        id: AttemptId,
    ) -> Result<(), botflix_common::queue::QueueError> {
        self.queue.cancel(id).await?;
        let waited = self.queue.remove(lane, id).await?;
        tracing::debug!(attempt = %id, waited, "called off");
        Ok(())
    }
}

impl Change {
    async fn cancel_render(&mut self, id: RenderId) -> Result<Canceled, DbError> {
        let render = renders::find(&mut self.tx, id)
            .await?
            .ok_or(DbError::Gone("render"))?;
        if render.state.is_final() {
            return Ok(Canceled::AlreadyFinal(render.state));
        }
        if !renders::moves::cancel(&mut self.tx, id, self.now_ms)
            .await?
            .is_made()
        {
            return Err(DbError::Gone("render"));
        }
        self.log(id, NewEvent::state()).await?;
        self.canceled();
        self.drop_unshared(id, |_| true).await?;
        Ok(Canceled::Now)
    }

    pub(super) async fn fail_render(
        &mut self,
        id: RenderId,
        problem: &Problem,
    ) -> Result<(), DbError> {
        if !renders::moves::fail(&mut self.tx, id, problem, self.now_ms)
            .await?
            .is_made()
        {
            return Ok(());
        }
        self.log(id, NewEvent::state().saying(&problem.detail))
            .await?;
        self.failed_for(problem.who_can_fix);
        self.drop_unshared(id, |_| true).await
    }
}
