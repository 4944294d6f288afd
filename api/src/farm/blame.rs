//! Whose fault a failed attempt is, as far as one can tell, and taking a worker's process off a kind of task that it keeps failing at.
//!
//! A strike is a failure that neither the manifest nor storage can be blamed for. Three at different material and without a success in between
//! take the process off the kind. One clip is one strike however often it is tried, and a task that failed with another process, too, is
//! nobody's strike: so a poison clip condemns no worker.

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::TaskKey;
use botflix_common::http::AttemptOutcome;
use botflix_common::report::WorkerHello;
use botflix_common::task::{Lane, TaskKind};
use botflix_common::worker::OffKind;
use tracing::{info, warn};

use super::change::Change;
use super::workers::{KnownWorker, WorkersError};
use super::{Core, Farm};
use crate::clock;
use crate::db::DbError;
use crate::db::strikes::{self, Strike};
use crate::db::tasks::TaskHead;
use crate::db::workers::{self, WorkerRow};

/// Strikes in a row that take a process off a kind.
const STRIKES: u32 = 3;
/// A strike counts for a day.
const STRIKE_LASTS_MS: i64 = 24 * 3600 * 1000;
/// What a process is blamed for that fell silent.
const LEASE_LOST: &str = "lease_lost";

/// Whether the host or the process may be at fault: not what the director sent, nor what all workers share.
fn may_be_the_workers(failure: &Failure) -> bool {
    let shared = failure.code.starts_with("storage_")
        || failure.code.starts_with("task_input_")
        // It takes no task by itself then.
        || failure.code == "disk_full";
    match (failure.class, failure.who_can_fix) {
        (_, WhoCanFix::Director) => false,
        (FailureClass::Crash, _) => true,
        (_, WhoCanFix::Operator) => !shared,
        (_, WhoCanFix::Platform) => failure.code.starts_with("engine_"),
    }
}

impl Change {
    /// An attempt failed, in so many words.
    pub(super) async fn blame(
        &mut self,
        head: &TaskHead,
        failure: &Failure,
    ) -> Result<(), DbError> {
        if may_be_the_workers(failure) {
            self.strike(head, &failure.code).await?;
        }
        Ok(())
    }

    /// The process that had the task fell silent. One that is gone has no strikes to fear.
    pub(super) async fn blame_for_silence(&mut self, head: &TaskHead) -> Result<(), DbError> {
        self.strike(head, LEASE_LOST).await
    }

    /// Whoever was silent over the task lives after all.
    pub(super) async fn forgive_silence(&mut self, task: &TaskKey) -> Result<(), DbError> {
        strikes::take_back(&mut self.tx, task, LEASE_LOST).await
    }

    async fn strike(&mut self, head: &TaskHead, code: &str) -> Result<(), DbError> {
        let Some(instance) = head.worker.as_deref() else {
            return Ok(());
        };
        let strike = Strike {
            instance,
            kind: head.kind,
            id: head.attempt_id(),
            code,
        };
        strikes::note(&mut self.tx, strike, self.now_ms).await
    }

    /// A result that was only remembered proves nothing.
    pub(super) async fn praise(
        &mut self,
        kind: TaskKind,
        instance: &str,
        outcome: AttemptOutcome,
    ) -> Result<(), DbError> {
        if outcome != AttemptOutcome::Done {
            return Ok(());
        }
        strikes::strike_out(&mut self.tx, instance, kind).await
    }
}

/// Kinds of a lane that every worker which takes its tasks was taken off.
pub(super) fn refused(lane: Lane, workers: &[WorkerHello]) -> Vec<TaskKind> {
    let mut taking = workers.iter().filter(|worker| worker.takes_tasks_of(lane));
    let Some(first) = taking.next() else {
        return Vec::new();
    };
    let mut refused = first.off_kinds.clone();
    for worker in taking {
        refused.retain(|kind| worker.off_kinds.contains(kind));
    }
    refused
}

impl Farm {
    /// Has the worker's processes take a kind again, or all.
    pub async fn reinstate(
        &self,
        name: &str,
        kind: Option<TaskKind>,
    ) -> Result<Option<KnownWorker>, WorkersError> {
        let is_meant = |off: &OffKind| kind.is_none_or(|kind| kind == off.kind);
        let Some(known) = self.worker(name).await? else {
            return Ok(None);
        };
        for off in known.row.off.iter().filter(|off| is_meant(off)) {
            strikes::forgive(&self.core.db, &off.instance, off.kind).await?;
        }
        self.change_worker(name, |row, _| row.off.retain(|off| !is_meant(off)))
            .await
    }
}

impl Core {
    /// One round: takes processes off kinds, and lets those have them back whose self-test passed since.
    pub(super) async fn judge_workers(
        &self,
        rows: &mut [WorkerRow],
        present: &[WorkerHello],
    ) -> Result<(), DbError> {
        // After an outage of Redis leases run out before their holders, who live, can say so.
        let lease = self.queue.config().lease;
        let sure_ms = clock::now_ms() - i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let struck = strikes::with_at_least(&self.db, STRIKES, (LEASE_LOST, sure_ms)).await?;
        for row in rows {
            let processes: Vec<&WorkerHello> = present
                .iter()
                .filter(|hello| hello.name == row.name)
                .collect();
            let before = row.off.clone();
            let mut proven = Vec::new();
            row.off.retain(|off| {
                let process = processes
                    .iter()
                    .find(|hello| hello.instance == off.instance);
                let passed = process.is_some_and(|hello| {
                    let own = |one: &&botflix_common::worker::Proven| {
                        one.kind == off.kind && one.since_ms == off.since_ms
                    };
                    hello.proven.iter().any(|one| own(&one))
                });
                if passed {
                    proven.push((off.instance.clone(), off.kind));
                }
                // Another process has its place.
                let replaced = process.is_none() && !processes.is_empty();
                !passed && !replaced
            });
            for (instance, kind) in &proven {
                strikes::forgive(&self.db, instance, *kind).await?;
                info!(
                    worker = row.name,
                    kind = kind.name(),
                    "a worker passed its self-test and takes a kind again"
                );
            }
            for one in &struck {
                let here = processes.iter().any(|hello| hello.instance == one.instance);
                let told = row
                    .off
                    .iter()
                    .any(|off| off.instance == one.instance && off.kind == one.kind);
                let forgiven = proven.contains(&(one.instance.clone(), one.kind));
                if here && !told && !forgiven {
                    warn!(worker = row.name, kind = one.kind.name(), codes = ?one.codes, "a worker keeps failing at a kind of task and is taken off it");
                    row.off.push(OffKind {
                        kind: one.kind,
                        instance: one.instance.clone(),
                        since_ms: clock::now_ms(),
                        codes: one.codes.clone(),
                    });
                }
            }
            if row.off != before && workers::change(&self.db, row).await?.is_made() {
                row.revision += 1;
            }
        }
        Ok(())
    }

    pub(super) async fn forget_old_strikes(&self) -> Result<(), DbError> {
        strikes::forget_before(&self.db, clock::now_ms() - STRIKE_LASTS_MS).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_directors_faults_nor_a_storage_that_is_away_are_the_workers() {
        let failure = |class, who, code: &str| Failure::new(class, who, code, "");
        use FailureClass::{Crash, Permanent, Retry};
        use WhoCanFix::{Director, Operator, Platform};
        for (class, who, code, blamed) in [
            (Permanent, Director, "engine_failed", false),
            (Retry, Operator, "storage_unavailable", false),
            (Retry, Operator, "disk_full", false),
            (Permanent, Operator, "task_input_missing", false),
            (Retry, Operator, "worker_io", true),
            (Retry, Operator, "engine_not_started", true),
            (Permanent, Platform, "engine_crashed", true),
            (Permanent, Platform, "malformed_task_input", false),
            (Crash, Platform, "engine_stalled", true),
        ] {
            assert_eq!(
                may_be_the_workers(&failure(class, who, code)),
                blamed,
                "{code}"
            );
        }
    }
}
