//! What housekeeping has put away, and where it failed.

use botflix_common::http::Leftover;
use prometheus::{IntCounterVec, Registry};

use super::registering::Registering;

pub(in crate::farm) struct PutAway {
    removed: IntCounterVec,
    bytes: IntCounterVec,
    failures: IntCounterVec,
}

impl PutAway {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let new = Registering(registry);
        let metrics = Self {
            removed: new.counters(
                "botflix_housekeeping_removed_total",
                "What housekeeping has removed: incoming, input, blob, record, result, idempotency_key, events.",
                &["what"],
            )?,
            bytes: new.counters(
                "botflix_housekeeping_removed_bytes_total",
                "The bytes of that; those of a result are counted once more when its blobs go.",
                &["what"],
            )?,
            failures: new.counters(
                "botflix_housekeeping_failures_total",
                "Rounds in which something of a kind could not be removed.",
                &["what"],
            )?,
        };
        for what in Leftover::ALL {
            metrics.removed(what, 0, 0);
            metrics.failures.with_label_values(&[what.name()]);
        }
        Ok(metrics)
    }

    pub fn removed(&self, what: Leftover, count: u64, bytes: u64) {
        self.removed.with_label_values(&[what.name()]).inc_by(count);
        self.bytes.with_label_values(&[what.name()]).inc_by(bytes);
    }

    pub fn failed(&self, what: Leftover) {
        self.failures.with_label_values(&[what.name()]).inc();
    }
}
