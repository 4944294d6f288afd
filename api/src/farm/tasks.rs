//! Laying a plan's tasks into the graph, and taking them out again. What was done before is reused as it is; what another render already waits for is shared.

use std::collections::HashMap;

use botflix_common::hash::TaskKey;
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::plan::Plan;
use botflix_common::task::Priority;

use super::change::Change;
use crate::db::DbError;
use crate::db::tasks::graph::{self, Wanted};
use crate::db::tasks::{NewTask, TaskState, moves};

impl Change {
    pub(super) async fn lay_tasks(
        &mut self,
        render: RenderId,
        (director, priority): (DirectorId, Priority),
        plan: &Plan,
    ) -> Result<(), DbError> {
        let keys: Vec<TaskKey> = plan.tasks.iter().map(|task| task.key).collect();
        let before = graph::states(&mut self.tx, &keys).await?;
        let is_done = |key: &&TaskKey| before.get(*key) == Some(&TaskState::Done);
        self.planned(keys.len(), keys.iter().filter(is_done).count());
        let mut new = Vec::new();
        for task in &plan.tasks {
            let state = initial_state(&task.spec.needs(), &before);
            match before.get(&task.key) {
                None => new.push(NewTask {
                    key: task.key,
                    spec: &task.spec,
                    state,
                    weight: task.weight,
                    priority,
                    director,
                }),
                Some(TaskState::Failed | TaskState::Canceled) => {
                    let revived =
                        moves::revive(&mut self.tx, &task.key, state, director, self.now_ms);
                    if !revived.await?.is_made() {
                        return Err(DbError::Gone("task"));
                    }
                }
                Some(
                    TaskState::Waiting
                    | TaskState::Ready
                    | TaskState::Queued
                    | TaskState::Running
                    | TaskState::Done,
                ) => {}
            }
        }
        graph::insert(&mut self.tx, &new, self.now_ms).await?;
        if !before.is_empty() {
            graph::raise(&mut self.tx, &keys, priority).await?;
        }
        let wanted: Vec<Wanted> = plan
            .tasks
            .iter()
            .map(|task| Wanted {
                task: task.key,
                shot: task.shot.clone(),
            })
            .collect();
        graph::want(&mut self.tx, render, &wanted).await
    }

    /// Cancels those unfinished tasks of a render that it needs no longer, except what another running render wants.
    pub(super) async fn drop_unshared(
        &mut self,
        id: RenderId,
        unneeded: impl Fn(&TaskKey) -> bool,
    ) -> Result<(), DbError> {
        let unshared = graph::unshared(&mut self.tx, id).await?;
        for task in unshared.iter().filter(|task| unneeded(&task.key)) {
            let before = moves::cancel(&mut self.tx, &task.key, self.now_ms).await?;
            if let Some(before) = before.filter(|before| before.is_in_flight()) {
                self.cancel_attempt(before.lane, before.attempt_id());
            }
        }
        Ok(())
    }
}

/// A task of which every need is done can run at once.
fn initial_state(needs: &[TaskKey], before: &HashMap<TaskKey, TaskState>) -> TaskState {
    let all_done = needs
        .iter()
        .all(|need| before.get(need) == Some(&TaskState::Done));
    if all_done {
        TaskState::Ready
    } else {
        TaskState::Waiting
    }
}
