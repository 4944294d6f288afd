//! How metrics are made and registered in one step.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

type Made<T> = Result<T, prometheus::Error>;

/// Where metrics go as they are made.
pub(super) struct Registering<'a>(pub &'a Registry);

impl Registering<'_> {
    fn put<C: Collector + Clone + 'static>(&self, metric: C) -> Made<C> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub fn counter(&self, name: &str, help: &str) -> Made<IntCounter> {
        self.put(IntCounter::new(name, help)?)
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntCounterVec> {
        self.put(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A counter of what is not whole.
    pub fn sum(&self, name: &str, help: &str) -> Made<prometheus::Counter> {
        self.put(prometheus::Counter::new(name, help)?)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Made<IntGauge> {
        self.put(IntGauge::new(name, help)?)
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntGaugeVec> {
        self.put(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub fn measure(&self, name: &str, help: &str) -> Made<Gauge> {
        self.put(Gauge::new(name, help)?)
    }

    pub fn measures(&self, name: &str, help: &str, labels: &[&str]) -> Made<GaugeVec> {
        self.put(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Made<Histogram> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.put(Histogram::with_opts(opts)?)
    }

    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Made<HistogramVec> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.put(HistogramVec::new(opts, labels)?)
    }
}
