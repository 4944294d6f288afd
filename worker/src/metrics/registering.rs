//! How the contract's families become metrics of a registry.

use botflix_common::metrics::Family;
use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Seconds; tasks take from a tenth of a second to an hour.
const BUCKETS_SECONDS: [f64; 12] = [
    0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

pub(super) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub(super) fn gauge(family: &Family) -> Result<IntGauge, prometheus::Error> {
    IntGauge::new(family.name, family.help)
}

pub(super) fn gauges(family: &Family) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(family.name, family.help), family.labels)
}

pub(super) fn counters(family: &Family) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(family.name, family.help), family.labels)
}

/// Gauges of what is not whole.
pub(super) fn measures(family: &Family) -> Result<GaugeVec, prometheus::Error> {
    GaugeVec::new(Opts::new(family.name, family.help), family.labels)
}

/// Counters of what is not whole.
pub(super) fn sums(family: &Family) -> Result<CounterVec, prometheus::Error> {
    CounterVec::new(Opts::new(family.name, family.help), family.labels)
}

pub(super) fn histograms(family: &Family) -> Result<HistogramVec, prometheus::Error> {
    let opts = HistogramOpts::new(family.name, family.help).buckets(BUCKETS_SECONDS.to_vec());
    HistogramVec::new(opts, family.labels)
}
