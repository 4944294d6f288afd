//! What the farm counts. Every metric here is recorded, and every name ends in its unit or in `_total`.
//!
//! Counters are this process' own: boards add them up. What the whole farm has is in [`levels`].

mod housekeeping;
mod levels;
mod registering;

use botflix_common::failure::{FailureClass, WhoCanFix};
use botflix_common::http::RenderState;
use botflix_common::report::ReportBody;
use botflix_common::task::{Lane, TaskKind};
use prometheus::{Counter, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry};

use super::change::Published;
use super::finish::Ending;
use registering::Registering;

pub(super) use housekeeping::PutAway;
pub(super) use levels::Levels;

/// Seconds: a task that waits, at most for hours.
const WAIT_BUCKETS: [f64; 9] = [0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0, 3600.0];
/// Seconds, from a render's acceptance to its episode.
const RENDER_BUCKETS: [f64; 11] = [
    1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
];

/// Seconds: two are promised.
const CANCEL_BUCKETS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 15.0];

const OUTCOMES: [&str; 4] = ["done", "memoized", "again", "failed"];
const HEALED: [&str; 6] = [
    "lease",
    "vanished",
    "stranded",
    "overlooked",
    "called_off",
    "planned_anew",
];
const LOOPS: [&str; 6] = [
    "dispatcher",
    "reports",
    "reconciler",
    "leader",
    "bell",
    "housekeeping",
];
const FINAL: [RenderState; 3] = [
    RenderState::Published,
    RenderState::Failed,
    RenderState::Canceled,
];

pub(super) struct FarmMetrics {
    pub levels: Levels,
    pub put_away: PutAway,
    attempts_ended: IntCounterVec,
    failures: IntCounterVec,
    reports_stale: IntCounterVec,
    renders_finished: IntCounterVec,
    renders_failed: IntCounterVec,
    film_seconds: Counter,
    shots: IntCounter,
    render_seconds: Histogram,
    planned_tasks: IntCounterVec,
    loop_failures: IntCounterVec,
    healed: IntCounterVec,
    cancel_seconds: Histogram,
    dispatch_seconds: HistogramVec,
    queue_seconds: HistogramVec,
}

impl FarmMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let new = Registering(registry);
        let metrics = Self {
            levels: Levels::register(registry)?,
            attempts_ended: new.counters(
                "botflix_attempts_ended_total",
                "Attempts that ended, by kind of task and outcome: done, memoized, again, failed.",
                &["kind", "outcome"],
            )?,
            failures: new.counters(
                "botflix_task_failures_total",
                "Attempts that a worker reported as failed, by class: retry, crash, permanent.",
                &["kind", "class"],
            )?,
            reports_stale: new.counters(
                "botflix_reports_stale_total",
                "Reports of attempts that were not current, by what they reported.",
                &["report"],
            )?,
            renders_finished: new.counters(
                "botflix_renders_finished_total",
                "Renders that reached a final state.",
                &["state"],
            )?,
            renders_failed: new.counters(
                "botflix_renders_failed_total",
                "Renders that failed, by who can do something about it.",
                &["who_can_fix"],
            )?,
            film_seconds: new.sum(
                "botflix_film_seconds_published_total",
                "Length of the films that were published.",
            )?,
            shots: new.counter(
                "botflix_shots_published_total",
                "Shots of the films that were published.",
            )?,
            render_seconds: new.histogram(
                "botflix_render_seconds",
                "From a render's acceptance to its publication.",
                &RENDER_BUCKETS,
            )?,
            planned_tasks: new.counters(
                "botflix_planned_tasks_total",
                "Tasks of the renders that were planned: to_run, or done before (reused).",
                &["work"],
            )?,
            loop_failures: new.counters(
                "botflix_farm_loop_failures_total",
                "Rounds of the farm's loops that failed and were tried again.",
                &["loop"],
            )?,
            healed: new.counters(
                "botflix_farm_healed_total",
                "What the reconciler set right: lease, vanished, stranded, overlooked, called_off, planned_anew.",
                &["what"],
            )?,
            cancel_seconds: new.histogram(
                "botflix_cancel_seconds",
                "From the cancel of a running attempt to its worker's word that the processes are gone.",
                &CANCEL_BUCKETS,
            )?,
            dispatch_seconds: new.histograms(
                "botflix_dispatch_seconds",
                "From the moment a task could be queued to the moment it was.",
                &["kind", "lane"],
                &WAIT_BUCKETS,
            )?,
            queue_seconds: new.histograms(
                "botflix_queue_seconds",
                "From the moment an attempt was queued to the moment a worker began it.",
                &["kind", "lane"],
                &WAIT_BUCKETS,
            )?,
            put_away: PutAway::register(registry)?,
        };
        metrics.start_at_zero();
        Ok(metrics)
    }

    /// A counter that appears with its first event shows no event: Prometheus sees only what grows.
    fn start_at_zero(&self) {
        for kind in TaskKind::ALL.map(TaskKind::name) {
            for outcome in OUTCOMES {
                self.attempts_ended.with_label_values(&[kind, outcome]);
            }
            for class in FailureClass::ALL {
                self.failures.with_label_values(&[kind, class.name()]);
            }
        }
        for report in ReportBody::NAMES {
            self.reports_stale.with_label_values(&[report]);
        }
        for state in FINAL {
            self.renders_finished.with_label_values(&[state.name()]);
        }
        for who in WhoCanFix::ALL {
            self.renders_failed.with_label_values(&[who.name()]);
        }
        for name in LOOPS {
            self.loop_failures.with_label_values(&[name]);
        }
        for what in HEALED {
            self.healed.with_label_values(&[what]);
        }
        self.planned(0, 0);
        let all = Lane::ALL.into_iter();
        for (kind, lane) in all.flat_map(|lane| lane.kinds().iter().map(move |kind| (kind, lane))) {
            let both = [kind.name(), lane.name()];
            self.dispatch_seconds.with_label_values(&both);
            self.queue_seconds.with_label_values(&both);
        }
    }

    pub fn report_taken(&self, body: &ReportBody, ending: Ending) {
        let memoized = matches!(body, ReportBody::Done { memoized: true, .. });
        if let (ReportBody::Failed { failure }, Ending::Again(kind) | Ending::Failed(kind)) =
            (body, ending)
        {
            self.failures
                .with_label_values(&[kind.name(), failure.class.name()])
                .inc();
        }
        match (body, ending) {
            (_, Ending::Stale) => self.reports_stale.with_label_values(&[body.name()]).inc(),
            (_, Ending::Noted) => {}
            (_, Ending::Done(kind)) if memoized => self.attempt_ended(kind, "memoized"),
            (_, Ending::Done(kind)) => self.attempt_ended(kind, "done"),
            (_, Ending::Again(kind)) => self.attempt_ended(kind, "again"),
            (_, Ending::Failed(kind)) => self.attempt_ended(kind, "failed"),
        }
    }

    /// The reconciler ended an attempt.
    pub fn attempt_healed(&self, what: &str, ending: Ending) {
        match ending {
            Ending::Stale | Ending::Noted => return,
            Ending::Done(kind) => self.attempt_ended(kind, "done"),
            Ending::Again(kind) => self.attempt_ended(kind, "again"),
            Ending::Failed(kind) => self.attempt_ended(kind, "failed"),
        }
        self.healed(what);
    }

    pub fn healed(&self, what: &str) {
        self.healed.with_label_values(&[what]).inc();
    }

    fn attempt_ended(&self, kind: TaskKind, outcome: &str) {
        self.attempts_ended
            .with_label_values(&[kind.name(), outcome])
            .inc();
    }

    pub fn render_finished(&self, state: RenderState) {
        self.renders_finished
            .with_label_values(&[state.name()])
            .inc();
    }

    pub fn render_failed(&self, who: WhoCanFix) {
        self.renders_failed.with_label_values(&[who.name()]).inc();
    }

    pub fn cancel_acknowledged(&self, after_ms: i64) {
        self.cancel_seconds.observe(seconds(after_ms));
    }

    pub fn published(&self, film: &Published) {
        self.film_seconds.inc_by(film.film_seconds.max(0.0));
        self.shots.inc_by(film.shots);
        self.render_seconds.observe(seconds(film.took_ms));
    }

    /// How many tasks of a plan must run, and how many were done before.
    pub fn planned(&self, to_run: u64, reused: u64) {
        for (work, tasks) in [("to_run", to_run), ("reused", reused)] {
            self.planned_tasks.with_label_values(&[work]).inc_by(tasks);
        }
    }

    pub fn loop_failed(&self, name: &str) {
        self.loop_failures.with_label_values(&[name]).inc();
    }

    pub fn dispatched(&self, kind: TaskKind, lane: Lane, waited_ms: i64) {
        self.dispatch_seconds
            .with_label_values(&[kind.name(), lane.name()])
            .observe(seconds(waited_ms));
    }

    pub fn begun(&self, kind: TaskKind, lane: Lane, waited_ms: i64) {
        self.queue_seconds
            .with_label_values(&[kind.name(), lane.name()])
            .observe(seconds(waited_ms));
    }
}

/// Clocks of two processes may differ by a little.
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1000.0
}

fn gauge_value(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
