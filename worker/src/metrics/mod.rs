//! What a worker counts. Every metric here is recorded, and its name is one of [`botflix_common::metrics`]; the listener serves them, and the
//! API what is left of them in Redis.

mod live;
mod media;
mod registering;
mod room;

use std::time::Instant;

use botflix_common::failure::FailureClass;
use botflix_common::metrics::worker as names;
use botflix_common::task::{Lane, TaskInput, TaskKind};
use prometheus::{
    CounterVec, Encoder as _, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

use crate::runner::{Phases, Ran};
use registering::{counters, gauge, gauges, histograms, register, sums};

pub(crate) use live::Live;
use room::Room;

const COPIED: &str = "copied";
const MADE: &str = "made";

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
    const ALL: [Self; 5] = [
        Self::Done,
        Self::Memoized,
        Self::Failed,
        Self::Released,
        Self::Abandoned,
    ];

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
    info: IntGaugeVec,
    slots: IntGauge,
    slots_busy: IntGauge,
    running: IntGaugeVec,
    tasks: IntCounterVec,
    seconds: HistogramVec,
    phase_seconds: CounterVec,
    media_seconds: CounterVec,
    film_seconds: CounterVec,
    failures: IntCounterVec,
    disk_full: IntGauge,
    draining: IntGauge,
    pub room: Room,
}

impl Metrics {
    /// `lanes`: those that are served, whose counters stand at zero from the start.
    pub fn new(slots: usize, lanes: &[Lane]) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            info: register(&registry, gauges(&names::INFO)?)?,
            slots: register(&registry, gauge(&names::SLOTS)?)?,
            slots_busy: register(&registry, gauge(&names::SLOTS_BUSY)?)?,
            running: register(&registry, gauges(&names::TASKS_RUNNING)?)?,
            tasks: register(&registry, counters(&names::TASKS)?)?,
            seconds: register(&registry, histograms(&names::TASK_SECONDS)?)?,
            phase_seconds: register(&registry, sums(&names::PHASE_SECONDS)?)?,
            media_seconds: register(&registry, sums(&names::MEDIA_SECONDS)?)?,
            film_seconds: register(&registry, sums(&names::FILM_SECONDS)?)?,
            failures: register(&registry, counters(&names::FAILURES)?)?,
            disk_full: register(&registry, gauge(&names::DISK_FULL)?)?,
            draining: register(&registry, gauge(&names::DRAINING)?)?,
            room: Room::register(&registry)?,
            registry,
        };
        metrics.slots.set(i64::try_from(slots).unwrap_or(i64::MAX));
        metrics.start_at_zero(lanes);
        Ok(metrics)
    }

    /// A counter that appears with its first event shows no event: Prometheus sees only what grows.
    fn start_at_zero(&self, lanes: &[Lane]) {
        for picture in [COPIED, MADE] {
            self.film_seconds.with_label_values(&[picture]);
        }
        let served = lanes
            .iter()
            .flat_map(|lane| lane.kinds().iter().map(move |kind| (kind, lane)));
        for (kind, lane) in served {
            let both = [kind.name(), lane.name()];
            self.running.with_label_values(&both);
            self.seconds.with_label_values(&both);
            self.media_seconds.with_label_values(&both);
            for outcome in Outcome::ALL {
                self.tasks
                    .with_label_values(&[kind.name(), lane.name(), outcome.name()]);
            }
            for phase in Phases::NAMES {
                self.phase_seconds.with_label_values(&[kind.name(), phase]);
            }
            for class in FailureClass::ALL {
                self.failures
                    .with_label_values(&[kind.name(), class.name()]);
            }
        }
    }

    /// Says which build this is.
    pub fn introduce(&self, version: &str, engine: &str) {
        self.info.with_label_values(&[version, engine]).set(1);
    }

    /// Adds what is looked up whenever somebody asks, and what Linux knows of the process.
    pub fn look_up(&self, live: Live) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(live))?;
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(process))
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Operators may change it while the worker runs.
    pub fn slots(&self, slots: u32) {
        self.slots.set(i64::from(slots));
    }

    /// A slot is busy until the answer is dropped or told how it ended.
    pub fn busy(&self, kind: TaskKind, lane: Lane) -> Busy {
        self.slots_busy.inc();
        self.running
            .with_label_values(&[kind.name(), lane.name()])
            .inc();
        Busy {
            metrics: self.clone(),
            kind,
            lane,
            since: Instant::now(),
        }
    }

    pub fn failed(&self, kind: TaskKind, class: FailureClass) {
        self.failures
            .with_label_values(&[kind.name(), class.name()])
            .inc();
    }

    pub fn draining(&self, drains: bool) {
        self.draining.set(i64::from(drains));
    }

    pub fn disk_full(&self, is_full: bool) {
        self.disk_full.set(i64::from(is_full));
    }

    /// What a task made, if it was not remembered only.
    pub fn made(&self, lane: Lane, input: &TaskInput, ran: &Ran) {
        if ran.memoized {
            return;
        }
        let kind = input.spec.kind().name();
        for (phase, seconds) in ran.phases.seconds() {
            self.phase_seconds
                .with_label_values(&[kind, phase])
                .inc_by(seconds);
        }
        self.media_seconds
            .with_label_values(&[kind, lane.name()])
            .inc_by(media::seconds(input, &ran.record.output));
        if let Some(film) = media::film(input) {
            for (picture, seconds) in [(COPIED, film.copied_seconds), (MADE, film.made_seconds)] {
                self.film_seconds
                    .with_label_values(&[picture])
                    .inc_by(seconds);
            }
        }
    }

    /// In Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

pub(crate) struct Busy {
    metrics: Metrics,
    kind: TaskKind,
    lane: Lane,
    since: Instant,
}

impl Busy {
    pub fn ended(self, outcome: Outcome) {
        let (kind, lane) = (self.kind.name(), self.lane.name());
        self.metrics
            .tasks
            .with_label_values(&[kind, lane, outcome.name()])
            .inc();
        self.metrics
            .seconds
            .with_label_values(&[kind, lane])
            .observe(self.since.elapsed().as_secs_f64());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.metrics.slots_busy.dec();
        self.metrics
            .running
            .with_label_values(&[self.kind.name(), self.lane.name()])
            .dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::exposition;
    use botflix_common::metrics::worker_family;

    #[test]
    fn an_ended_task_is_counted_and_frees_its_slot() {
        let metrics = Metrics::new(2, &[Lane::Cpu]).unwrap();
        metrics
            .busy(TaskKind::Conform, Lane::Cpu)
            .ended(Outcome::Done);
        let _running = metrics.busy(TaskKind::Mix, Lane::Cpu);
        let text = metrics.text().unwrap();
        for line in [
            r#"botflix_worker_tasks_total{kind="conform",lane="cpu",outcome="done"} 1"#,
            r#"botflix_worker_tasks_total{kind="conform",lane="cpu",outcome="failed"} 0"#,
            r#"botflix_worker_tasks_running{kind="conform",lane="cpu"} 0"#,
            r#"botflix_worker_tasks_running{kind="mix",lane="cpu"} 1"#,
            "botflix_worker_slots_busy 1",
            "botflix_worker_slots 2",
            r#"botflix_worker_idle{reason="no_tasks"} 0"#,
            r#"botflix_worker_cores{part="in_use"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn all_that_is_counted_is_known_to_the_contract() {
        let metrics = Metrics::new(1, &Lane::ALL).unwrap();
        metrics.introduce("0.1.0", "ffmpeg 5.1");
        for sample in exposition::read(&metrics.text().unwrap()).unwrap() {
            let family = worker_family(&sample.name).expect(&sample.name);
            let labels = sample.labels.iter().map(|(name, _)| name.as_str());
            let labels: Vec<&str> = labels.filter(|name| *name != "le").collect();
            let mut known = family.labels.to_vec();
            known.sort_unstable();
            assert_eq!(labels, known, "{sample}");
        }
    }
}
