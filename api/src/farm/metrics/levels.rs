//! How much there is of what: looked up by the process that leads, and 0 in the others. Boards take the maximum over processes.

use botflix_common::http::{ClipStatus, RenderState, WaitReason};
use botflix_common::manifest::Visibility;
use botflix_common::report::WorkerHello;
use botflix_common::task::{Lane, TaskKind};
use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Registry};

use super::gauge_value;
use super::registering::Registering;
use crate::db::catalog::CatalogCounts;
use crate::db::renders::Unfinished;
use crate::db::tasks::{Census, TaskState};
use crate::farm::dispatcher::slots;

const UNFINISHED_TASKS: [TaskState; 4] = [
    TaskState::Waiting,
    TaskState::Ready,
    TaskState::Queued,
    TaskState::Running,
];
const UNFINISHED_RENDERS: [RenderState; 4] = [
    RenderState::Accepted,
    RenderState::Planning,
    RenderState::Running,
    RenderState::Publishing,
];
const VISIBILITIES: [Visibility; 3] = [
    Visibility::Public,
    Visibility::Unlisted,
    Visibility::Private,
];

pub(in crate::farm) struct Levels {
    tasks: IntGaugeVec,
    queue_age: GaugeVec,
    queue_depth: IntGaugeVec,
    lane_slots: IntGaugeVec,
    workers: IntGaugeVec,
    renders: IntGaugeVec,
    oldest_render: Gauge,
    episodes: IntGaugeVec,
    film_seconds: GaugeVec,
    clips: IntGaugeVec,
    clip_bytes: IntGaugeVec,
    directors: IntGauge,
    waits: IntGaugeVec,
    leads: IntGauge,
    off_kinds: IntGaugeVec,
    quarantined: IntGauge,
}

impl Levels {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let new = Registering(registry);
        let levels = Self {
            tasks: new.gauges(
                "botflix_tasks",
                "Tasks that are not finished, by lane and state.",
                &["lane", "state"],
            )?,
            queue_age: new.measures(
                "botflix_queue_age_seconds",
                "The longest that a task of the lane has been waiting: for a place in the queue, or in it.",
                &["lane"],
            )?,
            queue_depth: new.gauges(
                "botflix_queue_depth",
                "Attempts in Redis, by lane: waiting for a worker, or held by one.",
                &["lane", "part"],
            )?,
            lane_slots: new.gauges(
                "botflix_lane_slots",
                "Tasks that the workers who take tasks of a lane run at once.",
                &["lane"],
            )?,
            workers: new.gauges(
                "botflix_workers",
                "Registered workers: serving, draining, or disk_full.",
                &["state"],
            )?,
            renders: new.gauges(
                "botflix_renders",
                "Renders that are not finished, by state.",
                &["state"],
            )?,
            oldest_render: new.measure(
                "botflix_oldest_render_seconds",
                "Age of the oldest render that is not finished; 0 without one.",
            )?,
            episodes: new.gauges(
                "botflix_catalog_episodes",
                "Episodes in the catalog.",
                &["visibility"],
            )?,
            film_seconds: new.measures(
                "botflix_catalog_film_seconds",
                "Length of the episodes in the catalog.",
                &["visibility"],
            )?,
            clips: new.gauges(
                "botflix_catalog_clips",
                "Clips that the farm knows, by what became of them.",
                &["status"],
            )?,
            clip_bytes: new.gauges(
                "botflix_catalog_clip_bytes",
                "Bytes of those clips as they were sent; refused ones are no longer stored.",
                &["status"],
            )?,
            directors: new.gauge("botflix_catalog_directors", "Registered directors.")?,
            waits: new.gauges(
                "botflix_tasks_waiting",
                "Tasks that could run and are not handed out, by lane and reason: no_worker, workers_away, too_large, workers_off, lane_busy, limit, retry_pause.",
                &["lane", "reason"],
            )?,
            off_kinds: new.gauges(
                "botflix_workers_off_kind",
                "Processes of workers that were taken off a kind of task for failing at it.",
                &["kind"],
            )?,
            quarantined: new.gauge(
                "botflix_quarantined_clips",
                "Clips of which nothing is made because they killed three attempts of a task.",
            )?,
            leads: new.gauge(
                "botflix_farm_leads",
                "1 in the one process that dispatches and reconciles, 0 in the others.",
            )?,
        };
        levels.start_at_zero();
        Ok(levels)
    }

    fn start_at_zero(&self) {
        self.tasks(&[]);
        self.queue_ages(&[], 0);
        self.workers(&[]);
        self.renders(&[], 0);
        self.catalog(&CatalogCounts::default());
        self.quarantined(0);
        for lane in Lane::ALL {
            self.queue_depth(lane, 0, 0);
            for reason in WaitReason::OF_TASKS {
                self.waits(lane, reason, 0);
            }
        }
    }

    /// What only the leader looks up is said by the leader only, or an old count would stand beside the true one.
    pub fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
        if !leads {
            self.start_at_zero();
        }
    }

    pub fn waits(&self, lane: Lane, reason: WaitReason, tasks: u64) {
        self.waits
            .with_label_values(&[lane.name(), reason.name()])
            .set(gauge_value(tasks));
    }

    pub fn quarantined(&self, clips: u64) {
        self.quarantined.set(gauge_value(clips));
    }

    pub fn tasks(&self, census: &[Census]) {
        for lane in Lane::ALL {
            for state in UNFINISHED_TASKS {
                let here = |one: &&Census| one.lane == lane && one.state == state;
                let tasks = census.iter().find(here).map_or(0, |one| one.tasks);
                self.tasks
                    .with_label_values(&[lane.name(), state.name()])
                    .set(gauge_value(tasks));
            }
        }
    }

    /// `since`: when the longest waiting task of a lane began to wait; not there for a lane in which none waits.
    pub fn queue_ages(&self, since: &[(Lane, i64)], now_ms: i64) {
        for lane in Lane::ALL {
            let oldest = since.iter().find(|(here, _)| *here == lane);
            let age = oldest.map_or(0.0, |(_, since_ms)| seconds_since(*since_ms, now_ms));
            self.queue_age.with_label_values(&[lane.name()]).set(age);
        }
    }

    pub fn queue_depth(&self, lane: Lane, waiting: usize, held: usize) {
        for (part, value) in [("waiting", waiting), ("held", held)] {
            self.queue_depth
                .with_label_values(&[lane.name(), part])
                .set(gauge_value(value as u64));
        }
    }

    pub fn workers(&self, workers: &[WorkerHello]) {
        for lane in Lane::ALL {
            self.lane_slots
                .with_label_values(&[lane.name()])
                .set(gauge_value(slots(lane, workers)));
        }
        for kind in TaskKind::ALL {
            let off = workers
                .iter()
                .filter(|worker| worker.off_kinds.contains(&kind));
            self.off_kinds
                .with_label_values(&[kind.name()])
                .set(gauge_value(off.count() as u64));
        }
        let (mut serving, mut draining, mut disk_full) = (0, 0, 0);
        for worker in workers {
            let count = match (worker.draining, worker.disk_full) {
                (true, _) => &mut draining,
                (false, true) => &mut disk_full,
                (false, false) => &mut serving,
            };
            *count += 1;
        }
        for (state, count) in [
            ("serving", serving),
            ("draining", draining),
            ("disk_full", disk_full),
        ] {
            self.workers.with_label_values(&[state]).set(count);
        }
    }

    pub fn renders(&self, unfinished: &[Unfinished], now_ms: i64) {
        for state in UNFINISHED_RENDERS {
            let here = unfinished.iter().find(|one| one.state == state);
            self.renders
                .with_label_values(&[state.name()])
                .set(gauge_value(here.map_or(0, |one| one.renders)));
        }
        let oldest = unfinished.iter().map(|one| one.oldest_ms).min();
        let age = oldest.map_or(0.0, |oldest_ms| seconds_since(oldest_ms, now_ms));
        self.oldest_render.set(age);
    }

    pub fn catalog(&self, counts: &CatalogCounts) {
        for visibility in VISIBILITIES {
            let here = counts
                .episodes
                .iter()
                .find(|one| one.visibility == visibility);
            self.episodes
                .with_label_values(&[visibility.name()])
                .set(gauge_value(here.map_or(0, |one| one.episodes)));
            self.film_seconds
                .with_label_values(&[visibility.name()])
                .set(here.map_or(0.0, |one| one.seconds));
        }
        for status in ClipStatus::ALL {
            let here = counts.clips.iter().find(|one| one.status == status);
            self.clips
                .with_label_values(&[status.name()])
                .set(gauge_value(here.map_or(0, |one| one.clips)));
            self.clip_bytes
                .with_label_values(&[status.name()])
                .set(gauge_value(here.map_or(0, |one| one.bytes)));
        }
        self.directors.set(gauge_value(counts.directors));
    }
}

/// Clocks of two processes may differ by a little, and a task that waits out a back-off begins to wait in the future.
fn seconds_since(since_ms: i64, now_ms: i64) -> f64 {
    (now_ms - since_ms).max(0) as f64 / 1000.0
}
