//! What the server counts about HTTP, for Prometheus. Every metric here is recorded somewhere in this crate and has its unit in its name.

use std::time::Duration;

use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounter, Opts, Registry, TextEncoder};

/// Seconds. From a cached row to a long poll at its limit.
const LATENCY_BUCKETS: [f64; 12] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0,
];

#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    /// Bytes of clips that were received, also of uploads that were given up.
    pub upload_bytes: IntCounter,
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
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(upload_bytes.clone()))?;
        Ok(Self {
            registry,
            requests,
            upload_bytes,
        })
    }

    /// `route` is the route's pattern, never the path that was sent: the number of series is bounded.
    pub fn observe_request(&self, route: &str, method: &str, status: u16, elapsed: Duration) {
        self.requests
            .with_label_values(&[route, method, &status.to_string()])
            .observe(elapsed.as_secs_f64());
    }

    /// Everything in the registry in the Prometheus text format, and its content type.
    pub fn encode(&self) -> Result<(String, Vec<u8>), prometheus::Error> {
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        encoder.encode(&self.registry.gather(), &mut text)?;
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
        let (kind, text) = metrics.encode().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(kind.starts_with("text/plain"));
        assert!(text.contains(
            r#"botflix_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"} 1"#
        ));
        assert!(text.contains("botflix_upload_bytes_total 7"));
    }
}
