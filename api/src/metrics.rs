//! What the server counts about HTTP, for Prometheus. Every metric here is recorded somewhere in this crate and has its unit in its name.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::error::ApiError;
use crate::relay::Dropped;

/// The content type of a page of metrics.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4";
/// Seconds. From a cached row to a long poll at its limit.
const LATENCY_BUCKETS: [f64; 12] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0,
];
const STORED: &str = "stored";
/// Codes of refusals that uploads are known to get; others appear when they happen.
const REFUSALS: [&str; 8] = [
    "too_large",
    "empty",
    "incomplete",
    "idle",
    "digest_mismatch",
    "no_file_part",
    "unavailable",
    "internal",
];

#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Of other parts that run in this process.
    beside: Arc<Mutex<Vec<Registry>>>,
    requests: HistogramVec,
    /// Bytes of clips that were received, also of uploads that were given up.
    pub upload_bytes: IntCounter,
    uploads: IntCounterVec,
    relay_dropped: IntCounterVec,
}

impl Metrics {
    pub fn new(registry: Registry) -> Result<Self, prometheus::Error> {
        let requests = HistogramVec::new(
            HistogramOpts::new(
                "botflix_http_request_duration_seconds",
                "Time from the request's head to the answer's head, by matched route.",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["route", "method", "status"],
        )?;
        let upload_bytes = IntCounter::with_opts(Opts::new(
            "botflix_upload_bytes_total",
            "Bytes of clips that were received.",
        ))?;
        let uploads = IntCounterVec::new(
            Opts::new(
                "botflix_uploads_total",
                "Clips that were sent, by outcome: stored, or the code of the refusal.",
            ),
            &["outcome"],
        )?;
        let relay_dropped = IntCounterVec::new(
            Opts::new(
                "botflix_relay_dropped_total",
                "Pages of workers' metrics that were left out of /metrics/workers, or parts of them.",
            ),
            &["why"],
        )?;
        let info = IntGaugeVec::new(
            Opts::new("botflix_info", "1; which version this server is."),
            &["version"],
        )?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for outcome in [STORED].iter().chain(&REFUSALS) {
            uploads.with_label_values(&[*outcome]);
        }
        for why in Dropped::ALL {
            relay_dropped.with_label_values(&[why.name()]);
        }
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(upload_bytes.clone()))?;
        registry.register(Box::new(uploads.clone()))?;
        registry.register(Box::new(relay_dropped.clone()))?;
        registry.register(Box::new(info))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self {
            registry,
            beside: Arc::default(),
            requests,
            upload_bytes,
            uploads,
            relay_dropped,
        })
    }

    /// Shows what another part of this process counts, from now on. A family that is shown already (the process' own) is not shown twice.
    pub fn show_beside(&self, registry: Registry) {
        self.beside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(registry);
    }

    /// `route` is the route's pattern, never the path that was sent: the number of series is bounded.
    pub fn observe_request(&self, route: &str, method: &str, status: u16, elapsed: Duration) {
        self.requests
            .with_label_values(&[route, method, &status.to_string()])
            .observe(elapsed.as_secs_f64());
    }

    pub fn upload_ended<T>(&self, result: &Result<T, ApiError>) {
        let outcome = match result {
            Ok(_) => STORED,
            Err(error) => error.code(),
        };
        self.uploads.with_label_values(&[outcome]).inc();
    }

    pub fn relay_dropped(&self, why: Dropped) {
        self.relay_dropped.with_label_values(&[why.name()]).inc();
    }

    /// Everything that is counted in this process in the Prometheus text format, and its content type.
    pub fn encode(&self) -> Result<(String, Vec<u8>), prometheus::Error> {
        let mut families = self.registry.gather();
        let beside = self
            .beside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut shown: HashSet<String> = families.iter().map(|one| one.name().to_owned()).collect();
        for registry in beside {
            let more = registry.gather().into_iter();
            families.extend(more.filter(|one| shown.insert(one.name().to_owned())));
        }
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        encoder.encode(&families, &mut text)?;
        Ok((encoder.format_type().to_owned(), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_up_with_its_labels() {
        let metrics = Metrics::new(Registry::new()).unwrap();
        metrics.observe_request("/healthz", "GET", 200, Duration::from_millis(3));
        metrics.upload_bytes.inc_by(7);
        metrics.upload_ended::<()>(&Err(ApiError::Empty));
        let (kind, text) = metrics.encode().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(kind, TEXT_FORMAT);
        for line in [
            r#"botflix_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"} 1"#,
            "botflix_upload_bytes_total 7",
            r#"botflix_uploads_total{outcome="empty"} 1"#,
            r#"botflix_uploads_total{outcome="stored"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_another_part_counts_is_shown_and_the_process_only_once() {
        let metrics = Metrics::new(Registry::new()).unwrap();
        let other = Registry::new();
        let slots = IntCounter::new("botflix_worker_things_total", "Things.").unwrap();
        other.register(Box::new(slots)).unwrap();
        other
            .register(Box::new(ProcessCollector::for_self()))
            .unwrap();
        metrics.show_beside(other);
        let (_, text) = metrics.encode().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("botflix_worker_things_total 0"));
        let threads = "# TYPE process_threads gauge";
        assert_eq!(text.matches(threads).count(), 1, "{text}");
    }
}
