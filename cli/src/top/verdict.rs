//! One line: is the farm healthy, and what holds it up? A pure function, in the order in which somebody should care.

use super::text::span;
use super::{Lane, Worker};

/// A task that waits longer than this holds somebody up.
const LONG_SECONDS: f64 = 60.0;

pub(super) fn of(lanes: &[Lane], workers: &[Worker]) -> String {
    let full = workers.iter().find(|worker| worker.disk_full);
    let unserved = lanes
        .iter()
        .find(|lane| lane.slots == 0 && lane.ready + lane.queued > 0);
    let oldest = lanes
        .iter()
        .max_by(|a, b| a.oldest_seconds.total_cmp(&b.oldest_seconds))
        .filter(|lane| lane.oldest_seconds > LONG_SECONDS);
    if lanes.iter().all(|lane| lane.slots == 0) {
        return "NO WORKER takes tasks".to_owned();
    }
    if let Some(lane) = unserved {
        let tasks = lane.ready + lane.queued;
        return format!(
            "STUCK: {tasks} tasks in the lane {}, and no worker",
            lane.lane
        );
    }
    if let Some(worker) = full {
        return format!("DISK FULL at {}: it takes no task", worker.worker);
    }
    match oldest {
        Some(lane) if lane.running >= lane.slots => format!(
            "BUSY: {} is the bottleneck, {} tasks for {} slots, the oldest waits {}",
            lane.lane,
            lane.ready + lane.queued + lane.running,
            lane.slots,
            span(lane.oldest_seconds)
        ),
        Some(lane) => format!(
            "SLOW: a task of {} waits {} although slots are free: Redis? storage?",
            lane.lane,
            span(lane.oldest_seconds)
        ),
        None if lanes.iter().any(|lane| lane.has_tasks()) => "healthy, at work".to_owned(),
        None => "healthy, idle".to_owned(),
    }
}
