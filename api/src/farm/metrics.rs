//! What the farm counts. Every metric here is recorded, and every name ends in its unit or in `_total`.

use botflix_common::http::{RenderState, WaitReason};
use botflix_common::report::ReportBody;
use botflix_common::task::{Lane, TaskKind};
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::finish::Ending;
use crate::db::tasks::TaskState;

pub(super) struct FarmMetrics {
    attempts_ended: IntCounterVec,
    reports_stale: IntCounterVec,
    renders_finished: IntCounterVec,
    loop_failures: IntCounterVec,
    healed: IntCounterVec,
    tasks: IntGaugeVec,
    queue_depth: IntGaugeVec,
    worker_slots: IntGaugeVec,
    waits: IntGaugeVec,
    leads: IntGauge,
    dispatch_seconds: Histogram,
}

impl FarmMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<_, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| -> Result<_, prometheus::Error> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let dispatch_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "botflix_dispatch_seconds",
                "From the moment a task could be queued to the moment it was.",
            )
            .buckets(vec![0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0]),
        )?;
        registry.register(Box::new(dispatch_seconds.clone()))?;
        let leads = IntGauge::new(
            "botflix_farm_leads",
            "1 in the one process that dispatches and reconciles, 0 in the others.",
        )?;
        registry.register(Box::new(leads.clone()))?;
        Ok(Self {
            attempts_ended: counter(
                "botflix_attempts_ended_total",
                "Attempts that ended, by kind of task and outcome: done, memoized, again, failed.",
                &["kind", "outcome"],
            )?,
            reports_stale: counter(
                "botflix_reports_stale_total",
                "Reports of attempts that were not current, by what they reported.",
                &["report"],
            )?,
            renders_finished: counter(
                "botflix_renders_finished_total",
                "Renders that reached a final state.",
                &["state"],
            )?,
            loop_failures: counter(
                "botflix_farm_loop_failures_total",
                "Rounds of the farm's loops that failed and were tried again.",
                &["loop"],
            )?,
            healed: counter(
                "botflix_farm_healed_total",
                "What the reconciler set right: lease, vanished, overlooked, called_off, planned_anew.",
                &["what"],
            )?,
            tasks: gauge(
                "botflix_tasks",
                "Tasks that are not finished, by lane and state.",
                &["lane", "state"],
            )?,
            queue_depth: gauge(
                "botflix_queue_depth",
                "Attempts in Redis, by lane: waiting for a worker, or held by one.",
                &["lane", "part"],
            )?,
            worker_slots: gauge(
                "botflix_worker_slots",
                "Tasks that the registered workers of a lane run at once.",
                &["lane"],
            )?,
            waits: gauge(
                "botflix_tasks_waiting",
                "Tasks that could run and are not handed out, by lane and reason: no_worker, workers_away, lane_busy, limit, retry_pause.",
                &["lane", "reason"],
            )?,
            leads,
            dispatch_seconds,
        })
    }

    pub fn report_taken(&self, body: &ReportBody, ending: Ending) {
        let memoized = matches!(body, ReportBody::Done { memoized: true, .. });
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

    pub fn loop_failed(&self, name: &str) {
        self.loop_failures.with_label_values(&[name]).inc();
    }

    pub fn dispatched(&self, waited_ms: i64) {
        // Clocks of two processes may differ by a little.
        self.dispatch_seconds
            .observe(waited_ms.max(0) as f64 / 1000.0);
    }

    /// What only the leader sees is said by the leader only, or an old count would stand beside the true one.
    pub fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
        if !leads {
            self.tasks.reset();
            self.queue_depth.reset();
            self.worker_slots.reset();
            self.waits.reset();
        }
    }

    pub fn census(&self, census: &[(Lane, TaskState, u64)]) {
        self.tasks.reset();
        for (lane, state, tasks) in census {
            self.tasks
                .with_label_values(&[lane.name(), state.name()])
                .set(gauge_value(*tasks));
        }
    }

    pub fn queue_depth(&self, lane: Lane, waiting: usize, held: usize) {
        for (part, value) in [("waiting", waiting), ("held", held)] {
            self.queue_depth
                .with_label_values(&[lane.name(), part])
                .set(gauge_value(value as u64));
        }
    }

    pub fn waits(&self, lane: Lane, reason: WaitReason, tasks: u64) {
        self.waits
            .with_label_values(&[lane.name(), reason.name()])
            .set(gauge_value(tasks));
    }

    pub fn worker_slots(&self, lane: Lane, slots: u64) {
        self.worker_slots
            .with_label_values(&[lane.name()])
            .set(gauge_value(slots));
    }
}

fn gauge_value(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
