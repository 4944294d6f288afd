//! Runs a task graph in this process: every task after those it needs, a bounded number at once. The first failure ends it.

use std::collections::{BTreeMap, HashSet};

use botflix_common::failure::Failure;
use botflix_common::hash::TaskKey;
use botflix_common::task::{AttemptId, PAYLOAD_VERSION, TaskInput, TaskRecord, TaskSpec};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::LocalError;
use super::board::Board;
use crate::runner::{Ran, TaskRunner};

/// Progress of running tasks that may wait to be shown; more is dropped, the next one says the same or more.
const PROGRESS_WAITING: usize = 256;

#[derive(Clone)]
pub struct Node {
    pub key: TaskKey,
    pub spec: TaskSpec,
    pub weight: f64,
    pub shot: Option<String>,
}

pub struct Graph {
    waiting: Vec<Node>,
    records: BTreeMap<TaskKey, (TaskSpec, TaskRecord)>,
    memoized: HashSet<TaskKey>,
}

pub struct Finished {
    pub records: BTreeMap<TaskKey, (TaskSpec, TaskRecord)>,
    /// Those whose result was already there.
    pub memoized: HashSet<TaskKey>,
}

type Ending = (Node, Result<Ran, Failure>);

impl Graph {
    pub fn new(nodes: Vec<Node>, board: &mut Board) -> Self {
        for node in &nodes {
            board.add(node.key, node.spec.kind(), node.weight);
        }
        board.tell();
        Self {
            waiting: nodes,
            records: BTreeMap::new(),
            memoized: HashSet::new(),
        }
    }

    pub async fn run(
        mut self,
        runner: &TaskRunner,
        board: &mut Board,
        concurrency: usize,
        cancel: &CancellationToken,
    ) -> Result<Finished, LocalError> {
        // Tasks still running when one fails are told to stop, and dropped with the set.
        let cancel = cancel.child_token();
        let _stops_the_rest = cancel.clone().drop_guard();
        let (moved, mut moves) = mpsc::channel(PROGRESS_WAITING);
        let mut running: JoinSet<Ending> = JoinSet::new();
        loop {
            while running.len() < concurrency
                && let Some((node, input)) = self.next_ready()
            {
                running.spawn(run_one(
                    runner.clone(),
                    node,
                    input,
                    moved.clone(),
                    cancel.clone(),
                ));
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(Ok(ended)) => self.take(ended, board)?,
                    // The runner catches panics and nobody aborts: a runtime that shuts down.
                    Some(Err(_)) => return Err(LocalError::Incomplete("task")),
                    None => break,
                },
                Some((key, fraction)) = moves.recv() => board.moved(&key, fraction),
            }
        }
        if self.waiting.is_empty() {
            Ok(Finished {
                records: self.records,
                memoized: self.memoized,
            })
        } else {
            Err(LocalError::Incomplete("task that others need"))
        }
    }

    /// The first waiting task whose needs are met, with the records it reads.
    fn next_ready(&mut self) -> Option<(Node, TaskInput)> {
        let at = self.waiting.iter().position(|node| {
            node.spec
                .needs()
                .iter()
                .all(|need| self.records.contains_key(need))
        })?;
        let node = self.waiting.remove(at);
        let upstream = node
            .spec
            .needs()
            .into_iter()
            .filter_map(|need| {
                let (_, record) = self.records.get(&need)?;
                Some((need, record.clone()))
            })
            .collect();
        let input = TaskInput {
            version: PAYLOAD_VERSION,
            spec: node.spec.clone(),
            upstream,
        };
        Some((node, input))
    }

    fn take(&mut self, (node, result): Ending, board: &mut Board) -> Result<(), LocalError> {
        match result {
            Ok(ran) => {
                board.moved(&node.key, 1.0);
                if ran.memoized {
                    self.memoized.insert(node.key);
                }
                self.records.insert(node.key, (node.spec, ran.record));
                Ok(())
            }
            Err(failure) => {
                tracing::debug!(internal = failure.internal, "a task failed");
                Err(LocalError::Task {
                    kind: node.spec.kind(),
                    shot: node.shot,
                    failure,
                })
            }
        }
    }
}

async fn run_one(
    runner: TaskRunner,
    node: Node,
    input: TaskInput,
    moved: mpsc::Sender<(TaskKey, f64)>,
    cancel: CancellationToken,
) -> Ending {
    let key = node.key;
    let progress = move |fraction: f64, _speed: Option<f64>| {
        if moved.try_send((key, fraction)).is_err() {
            tracing::trace!("a step of progress was not shown");
        }
    };
    let result = runner
        .run(only_attempt(key), &input, progress, cancel)
        .await;
    (node, result)
}

/// Nothing is tried again here.
fn only_attempt(task: TaskKey) -> AttemptId {
    AttemptId { task, attempt: 1 }
}
