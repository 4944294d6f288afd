//! What is looked up whenever somebody asks for the metrics: leases, room on the disk, processor time. Holds no count of its own.

use std::sync::{Mutex, PoisonError};

use botflix_common::metrics::worker as names;
use botflix_common::queue::{LeaseEvent, LeaseTally};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntCounter, IntCounterVec, IntGauge};

use super::registering::{counters, gauge};
use crate::runner::TaskRunner;

/// Where Linux says how much processor time this process and those that it waited for took.
const STAT: &str = "/proc/self/stat";
/// Fields of it, counted from the state, the first one after the name: user and system time, and both of ended children.
const TIMES: std::ops::Range<usize> = 11..15;

/// `USER_HZ`, the same on every Linux that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Live {
    runner: TaskRunner,
    tally: LeaseTally,
    leases: IntCounterVec,
    cpu_seconds: Counter,
    scratch_free: IntGauge,
    scratch_swept: IntCounter,
    /// One answers at a time: counters are set anew.
    answering: Mutex<()>,
}

impl Live {
    pub fn new(runner: TaskRunner, tally: LeaseTally) -> Result<Self, prometheus::Error> {
        Ok(Self {
            runner,
            tally,
            leases: counters(&names::LEASES)?,
            cpu_seconds: Counter::new(names::CPU_SECONDS.name, names::CPU_SECONDS.help)?,
            scratch_free: gauge(&names::SCRATCH_FREE)?,
            scratch_swept: IntCounter::new(names::SCRATCH_SWEPT.name, names::SCRATCH_SWEPT.help)?,
            answering: Mutex::default(),
        })
    }
}

impl Collector for Live {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.leases.desc();
        all.extend(self.cpu_seconds.desc());
        all.extend(self.scratch_free.desc());
        all.extend(self.scratch_swept.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _mine = self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for event in LeaseEvent::ALL {
            let counter = self.leases.with_label_values(&[event.name()]);
            counter.reset();
            counter.inc_by(self.tally.count(event));
        }
        if let Some(seconds) = cpu_seconds() {
            self.cpu_seconds.reset();
            self.cpu_seconds.inc_by(seconds);
        }
        self.scratch_swept.reset();
        self.scratch_swept.inc_by(self.runner.scratch().swept());
        match self.runner.free_bytes() {
            Ok(free) => self
                .scratch_free
                .set(i64::try_from(free).unwrap_or(i64::MAX)),
            Err(error) => tracing::debug!(%error, "the room on the disk is not known"),
        }
        let mut all = self.leases.collect();
        all.extend(self.cpu_seconds.collect());
        all.extend(self.scratch_free.collect());
        all.extend(self.scratch_swept.collect());
        all
    }
}

/// `None` where the system does not say.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string(STAT).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = fields
        .get(TIMES)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some(ticks as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_told_and_grows() {
        let before = cpu_seconds().unwrap();
        let mut spun = 0_u64;
        while cpu_seconds().unwrap() <= before {
            spun = std::hint::black_box(spun + 1);
        }
        assert!(before >= 0.0 && spun > 0);
    }
}
