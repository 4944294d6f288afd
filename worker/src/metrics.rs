//! What a worker counts. Every metric here is recorded; the listener serves them.

use std::time::Instant;

use botflix_common::task::TaskKind;
use prometheus::core::Collector;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Seconds; tasks take from a tenth of a second to an hour.
const BUCKETS_SECONDS: [f64; 12] = [
    0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

/// How an attempt ended, as a label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Done,
    Memoized,
    Failed,
    Released,
    Abandoned,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Memoized => "memoized",
            Self::Failed => "failed",
            Self::Released => "released",
            Self::Abandoned => "abandoned",
        }
    }
}

#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    tasks: IntCounterVec,
    seconds: HistogramVec,
    slots: IntGauge,
    slots_busy: IntGauge,
}

impl Metrics {
    pub fn new(slots: usize) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            tasks: register(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "botflix_worker_tasks_total",
                        "Attempts that ended on this worker.",
                    ),
                    &["kind", "outcome"],
                )?,
            )?,
            seconds: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "botflix_worker_task_seconds",
                        "From taking a task to its end.",
                    )
                    .buckets(BUCKETS_SECONDS.to_vec()),
                    &["kind"],
                )?,
            )?,
            slots: register(
                &registry,
                IntGauge::new("botflix_worker_slots", "Tasks this worker runs at once.")?,
            )?,
            slots_busy: register(
                &registry,
                IntGauge::new("botflix_worker_slots_busy", "Tasks running now.")?,
            )?,
            registry,
        };
        metrics.slots.set(i64::try_from(slots).unwrap_or(i64::MAX));
        Ok(metrics)
    }

    /// A slot is busy until the answer is dropped or told how it ended.
    pub fn busy(&self, kind: TaskKind) -> Busy {
        self.slots_busy.inc();
        Busy {
            metrics: self.clone(),
            kind,
            since: Instant::now(),
        }
    }

    /// In Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub(crate) struct Busy {
    metrics: Metrics,
    kind: TaskKind,
    since: Instant,
}

impl Busy {
    pub fn ended(self, outcome: Outcome) {
        let kind = self.kind.name();
        self.metrics
            .tasks
            .with_label_values(&[kind, outcome.name()])
            .inc();
        self.metrics
            .seconds
            .with_label_values(&[kind])
            .observe(self.since.elapsed().as_secs_f64());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.metrics.slots_busy.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_task_is_counted_and_frees_its_slot() {
        let metrics = Metrics::new(2).unwrap();
        metrics.busy(TaskKind::Conform).ended(Outcome::Done);
        let _running = metrics.busy(TaskKind::Mix);
        let text = metrics.text().unwrap();
        assert!(text.contains(r#"botflix_worker_tasks_total{kind="conform",outcome="done"} 1"#));
        assert!(text.contains("botflix_worker_slots_busy 1"));
        assert!(text.contains("botflix_worker_slots 2"));
    }
}
