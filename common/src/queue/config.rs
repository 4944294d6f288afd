//! The queue's settings, and the names of its keys in Redis.

use std::fmt;
use std::time::Duration;

use crate::task::{AttemptId, Lane, PAYLOAD_VERSION};

use super::error::QueueError;

/// A renewal may come late by this factor, and twice more, before the lease is gone.
const RENEWALS_PER_LEASE: u32 = 3;

/// Settings of the queue. All processes of one farm must agree on `namespace` and `lease`.
#[derive(Clone)]
pub struct QueueConfig {
    /// `redis://`, `rediss://`, `redis+unix:///path?db=0` or `unix:///path`.
    pub url: String,
    /// The first part of every key: farms that share a Redis differ in it.
    pub namespace: String,
    /// How long an attempt stays a worker's without a renewal.
    pub lease: Duration,
    /// How often a worker renews. `lease` must be more than three times this.
    pub renew_every: Duration,
    /// A task that reports no progress for this long is no longer renewed.
    pub stall_limit: Duration,
    /// How long to wait for one answer of Redis, connecting included.
    pub command_timeout: Duration,
    /// A report that its reader did not acknowledge for this long is read again.
    pub report_redelivery: Duration,
    /// How long a worker stays registered after its last hello.
    pub hello_ttl: Duration,
    /// The newest payload version that this process writes and understands: the build's, but in tests of rolling upgrades.
    pub payload_version: u32,
    pub(super) renewal: Renewal,
}

/// Off only in the test that shows what renewal is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    On,
    Off,
}

impl QueueConfig {
    /// The defaults: lease 15 s, renewed every 3 s, stalled after 60 s.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            namespace: "botflix".to_owned(),
            lease: Duration::from_secs(15),
            renew_every: Duration::from_secs(3),
            stall_limit: Duration::from_secs(60),
            command_timeout: Duration::from_secs(2),
            report_redelivery: Duration::from_secs(30),
            hello_ttl: Duration::from_secs(15),
            payload_version: PAYLOAD_VERSION,
            renewal: Renewal::On,
        }
    }

    /// With another lease and, in the same proportion, what depends on it. All processes of the farm must be told the same.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self.renew_every = lease / (RENEWALS_PER_LEASE + 2);
        self.command_timeout = self.command_timeout.min(lease / 2);
        self.stall_limit = self.stall_limit.max(lease);
        self
    }

    /// As a process of another version would have it: shows in a test that versions get along.
    #[doc(hidden)]
    #[must_use]
    pub fn with_payload_version(mut self, version: u32) -> Self {
        self.payload_version = version;
        self
    }

    /// Leases are taken but never renewed nor self-fenced, as if the keeper had died: shows in a test that the keeper matters.
    #[doc(hidden)]
    #[must_use]
    pub fn without_renewal(mut self) -> Self {
        self.renewal = Renewal::Off;
        self
    }

    /// Refuses settings whose relation is wrong.
    pub fn check(&self) -> Result<(), QueueError> {
        let refuse = |why: String| Err(QueueError::Config(why));
        let namespace_fits = !self.namespace.is_empty()
            && self.namespace.len() <= 64
            && self.namespace.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')
            });
        if !namespace_fits {
            return refuse(
                "the namespace must be 1 to 64 letters, digits or one of - _ . :".to_owned(),
            );
        }
        if self.renew_every < Duration::from_millis(50) {
            return refuse("renewing more often than every 50 ms is not supported".to_owned());
        }
        if self.lease <= self.renew_every * RENEWALS_PER_LEASE {
            return refuse(format!(
                "the lease ({:?}) must be more than {RENEWALS_PER_LEASE} times the renewal interval ({:?})",
                self.lease, self.renew_every
            ));
        }
        if self.command_timeout.is_zero() || self.command_timeout >= self.lease {
            return refuse(format!(
                "the command timeout ({:?}) must be shorter than the lease ({:?})",
                self.command_timeout, self.lease
            ));
        }
        if self.stall_limit < self.lease {
            return refuse(format!(
                "the stall limit ({:?}) must not be shorter than the lease ({:?})",
                self.stall_limit, self.lease
            ));
        }
        if self.hello_ttl < Duration::from_secs(1) {
            return refuse("a worker's registration must last at least 1 s".to_owned());
        }
        Ok(())
    }
}

/// The URL may hold a password: it is never printed.
impl fmt::Debug for QueueConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueConfig")
            .field("namespace", &self.namespace)
            .field("lease", &self.lease)
            .field("renew_every", &self.renew_every)
            .field("stall_limit", &self.stall_limit)
            .field("command_timeout", &self.command_timeout)
            .finish_non_exhaustive()
    }
}

/// The names of the keys. Nowhere else are any built, except that a script appends an attempt id to [`Names::seen_prefix`].
#[derive(Clone, Debug)]
pub(super) struct Names {
    namespace: String,
}

impl Names {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
        }
    }

    fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.namespace)
    }

    /// The stream of a lane.
    pub(super) fn lane(&self, lane: Lane) -> String {
        self.key(&format!("lane:{}", lane.name()))
    }

    /// Holds the entry of an attempt that was pushed.
    pub(super) fn seen(&self, id: &AttemptId) -> String {
        format!("{}{id}", self.seen_prefix())
    }

    pub(super) fn seen_prefix(&self) -> String {
        self.key("seen:")
    }

    /// Exists when an attempt is to be canceled.
    pub(super) fn cancel(&self, id: &AttemptId) -> String {
        self.key(&format!("cancel:{id}"))
    }

    pub(super) fn reports(&self) -> String {
        self.key("reports")
    }

    pub(super) fn dead(&self) -> String {
        self.key("dead")
    }

    /// The set of worker instances that said hello.
    pub(super) fn workers(&self) -> String {
        self.key("workers")
    }

    /// The list whose only entry is a ring that nobody heard yet.
    pub(super) fn bell(&self) -> String {
        self.key("bell")
    }

    pub(super) fn worker(&self, instance: &str) -> String {
        format!("{}{instance}", self.worker_prefix())
    }

    /// The page of metrics that a worker leaves.
    pub(super) fn metrics(&self, instance: &str) -> String {
        self.key(&format!("metrics:{instance}"))
    }

    /// What the workers of a name are told.
    pub(super) fn orders(&self, name: &str) -> String {
        self.key(&format!("orders:{name}"))
    }

    pub(super) fn worker_prefix(&self) -> String {
        self.key("worker:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_allows_too_few_renewals_is_refused() {
        let mut config = QueueConfig::new("redis://127.0.0.1/");
        assert!(config.check().is_ok());
        config.renew_every = Duration::from_secs(5);
        assert!(matches!(config.check(), Err(QueueError::Config(_))));
    }

    #[test]
    fn a_password_in_the_url_is_not_printed() {
        let config = QueueConfig::new("redis://:hunter2@127.0.0.1/");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
