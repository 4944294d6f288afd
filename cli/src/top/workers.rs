//! The workers: what each of them does.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Look, count};

#[derive(Debug, Serialize)]
pub struct Worker {
    pub worker: String,
    pub slots: u64,
    /// Slots that run a task.
    pub busy: u64,
    /// Tasks that run now, by kind.
    pub running: BTreeMap<String, u64>,
    /// Since the worker's start: ended well, with work or without.
    pub done: u64,
    pub failed: u64,
    pub scratch_free_bytes: u64,
    pub disk_full: bool,
    pub draining: bool,
}

pub(super) fn of(now: &Look) -> Vec<Worker> {
    let page = &now.workers;
    let all = page.by("botflix_worker_slots", "worker").into_iter();
    all.map(|(worker, slots)| {
        let own = [("worker", worker.as_str())];
        let one = |name| page.sum(name, &own);
        let ended = |outcome| {
            let both = [("worker", worker.as_str()), ("outcome", outcome)];
            count(page.sum("botflix_worker_tasks_total", &both))
        };
        let kinds = botflix_common::task::TaskKind::ALL.map(|kind| {
            let both = [("worker", worker.as_str()), ("kind", kind.name())];
            let running = count(page.sum("botflix_worker_tasks_running", &both));
            (kind.name().to_owned(), running)
        });
        Worker {
            slots: count(slots),
            busy: count(one("botflix_worker_slots_busy")),
            running: kinds.into_iter().filter(|(_, tasks)| *tasks > 0).collect(),
            done: ended("done") + ended("memoized"),
            failed: ended("failed"),
            scratch_free_bytes: count(one("botflix_worker_scratch_free_bytes")),
            disk_full: one("botflix_worker_disk_full") > 0.0,
            draining: one("botflix_worker_draining") > 0.0,
            worker,
        }
    })
    .collect()
}
