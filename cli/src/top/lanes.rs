//! The lanes: what waits in each, and who could run it.

use botflix_common::task;
use serde::Serialize;

use super::{Look, count};

#[derive(Debug, Serialize)]
pub struct Lane {
    pub lane: String,
    /// For other tasks.
    pub waiting: u64,
    /// For a place in the queue.
    pub ready: u64,
    /// In Redis, for a worker.
    pub queued: u64,
    pub running: u64,
    /// Tasks that its workers can run at once; they may serve other lanes, too.
    pub slots: u64,
    /// How long the oldest of `ready` and `queued` has been waiting.
    pub oldest_seconds: f64,
}

impl Lane {
    pub fn has_tasks(&self) -> bool {
        self.waiting + self.ready + self.queued + self.running > 0
    }
}

/// Those with tasks or workers.
pub(super) fn of(now: &Look) -> Vec<Lane> {
    let all = task::Lane::ALL.into_iter().map(|lane| {
        let name = lane.name();
        let tasks = |state| {
            count(
                now.farm
                    .sum("botflix_tasks", &[("lane", name), ("state", state)]),
            )
        };
        let here = [("lane", name)];
        Lane {
            lane: name.to_owned(),
            waiting: tasks("waiting"),
            ready: tasks("ready"),
            queued: tasks("queued"),
            running: tasks("running"),
            slots: count(now.farm.sum("botflix_lane_slots", &here)),
            oldest_seconds: now.farm.sum("botflix_queue_age_seconds", &here),
        }
    });
    all.filter(|lane| lane.slots > 0 || lane.has_tasks())
        .collect()
}
