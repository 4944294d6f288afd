//! Handing out places in a lane: whose turn it is ([`Shares`]), and which task of its line.

use std::collections::{HashMap, VecDeque};

use botflix_common::brief::CreationTier;
use botflix_common::hash::TaskKey;
use botflix_common::id::DirectorId;
use botflix_common::task::{AttemptId, Lane};

use super::config::FarmConfig;
use super::share::Shares;
use crate::db::tasks::moves;
use crate::db::tasks::pick::{self, Line, Next, Takes};
use crate::db::{DbError, Write};

/// Tasks of one director that are read at once.
const CHUNK: std::ops::RangeInclusive<u64> = 2..=64;

/// A director in front of a lane.
struct Candidate {
    director: DirectorId,
    weight: f64,
    /// Places that it may still have; `None`: as many as there are.
    left: Option<u64>,
    read: VecDeque<Next>,
    was_read: bool,
    /// The line has no more than what was read.
    ends: bool,
}

/// What was chosen and is not in the queue yet.
#[derive(Default)]
struct Chosen(Vec<Next>);

impl Chosen {
    /// ready → queued for all of them.
    async fn enqueue(
        &mut self,
        tx: &mut Write,
        now_ms: i64,
        queued: &mut Vec<(AttemptId, Next)>,
    ) -> Result<(), DbError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let keys: Vec<TaskKey> = self.0.iter().map(|next| next.key).collect();
        let ids = moves::enqueue_all(tx, &keys, now_ms).await?;
        let mut ids: HashMap<TaskKey, AttemptId> =
            ids.into_iter().map(|id| (id.task, id)).collect();
        let chosen = self.0.drain(..);
        queued.extend(chosen.filter_map(|next| Some((ids.remove(&next.key)?, next))));
        Ok(())
    }
}

impl Candidate {
    fn new(line: &Line, busy: u64, config: &FarmConfig) -> Self {
        let limit = line.task_limit.or(config.tasks_per_director);
        Self {
            director: line.director,
            weight: weight(line, config),
            left: limit.map(|limit| limit.saturating_sub(busy)),
            read: VecDeque::new(),
            was_read: false,
            ends: false,
        }
    }

    fn must_read(&self) -> bool {
        self.left != Some(0) && self.read.is_empty() && !self.ends
    }

    /// Whether the front of its line is what was chosen before: that must be in the queue before more is read.
    fn must_read_again(&self) -> bool {
        self.was_read && self.must_read()
    }

    async fn next(
        &mut self,
        tx: &mut Write,
        lane: Lane,
        at: (i64, &Takes),
        chunk: u64,
    ) -> Result<Option<Next>, DbError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        if self.must_read() {
            let read = pick::line(tx, lane, self.director, at, chunk).await?;
            self.was_read = true;
            self.ends = (read.len() as u64) < chunk;
            self.read = read.into();
        }
        self.left = self.left.map(|left| left - 1);
        Ok(self.read.pop_front())
    }
}

/// A director's share of what the farm does, relative to others.
pub(super) fn weight(line: &Line, config: &FarmConfig) -> f64 {
    /// Of whoever was given less by mistake.
    const LEAST: f64 = 0.01;
    let of_tier = match line.tier {
        CreationTier::Free => config.weight_of_free,
        CreationTier::Paid => config.weight_of_paid,
    };
    line.weight.unwrap_or(of_tier).max(LEAST)
}

/// ready → queued for as many as are free, of those that the lane's workers take. `busy`: what each director has in the queue or at workers, in all lanes.
pub(super) async fn hand_out(
    tx: &mut Write,
    lane: Lane,
    free: u64,
    busy: &HashMap<DirectorId, u64>,
    shares: &mut Shares,
    (config, now_ms, takes): (&FarmConfig, i64, &Takes),
) -> Result<Vec<(AttemptId, Next)>, DbError> {
    let mut waiting: Vec<Candidate> = pick::lines(tx, lane)
        .await?
        .iter()
        .map(|line| {
            let busy = busy.get(&line.director).copied().unwrap_or(0);
            Candidate::new(line, busy, config)
        })
        .collect();
    let chunk = (free / (waiting.len() as u64).max(1)).clamp(*CHUNK.start(), *CHUNK.end());
    let (mut chosen, mut queued) = (Chosen::default(), Vec::new());
    while ((queued.len() + chosen.0.len()) as u64) < free {
        let turn = shares.turn(waiting.iter().map(|one| &one.director));
        let Some((at, one)) = turn.and_then(|at| Some((at, waiting.get_mut(at)?))) else {
            break;
        };
        if one.must_read_again() {
            chosen.enqueue(tx, now_ms, &mut queued).await?;
        }
        let Some(next) = one.next(tx, lane, (now_ms, takes), chunk).await? else {
            waiting.remove(at);
            continue;
        };
        // Under the graph's lock nobody else can be quicker: it will be queued.
        shares.serve(one.director, next.weight, one.weight);
        chosen.0.push(next);
    }
    chosen.enqueue(tx, now_ms, &mut queued).await?;
    Ok(queued)
}
