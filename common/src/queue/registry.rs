//! Who works here: each worker says hello every few seconds, leaves its metrics beside it, and is forgotten when it stops.

use tracing::warn;

use crate::report::WorkerHello;
use crate::worker::WorkerOrders;

use super::error::QueueError;
use super::{Queue, scripts};

/// Longest page of metrics that a worker leaves.
pub const METRICS_LIMIT_BYTES: usize = 256 * 1024;
/// How long a page lies: three times as long as workers take to write the next.
const METRICS_TTL_SECONDS: u64 = 30;
/// Pages read at once, so that no answer of Redis is longer than some megabytes.
const PAGES_AT_ONCE: usize = 16;

/// A worker, and the metrics that it left.
#[derive(Clone, Debug)]
pub struct WorkerPage {
    pub worker: WorkerHello,
    /// As the worker wrote it, which may be anything; empty when it left none, and one byte longer than [`METRICS_LIMIT_BYTES`] when it
    /// was longer than that.
    pub page: Vec<u8>,
}

impl Queue {
    /// Registers a worker, or renews its registration, for the configured time. Answers with what it is told to do; `None` where nobody
    /// has told it anything, or Redis has lost it: then what it was told before holds.
    pub async fn hello(&self, hello: &WorkerHello) -> Result<Option<WorkerOrders>, QueueError> {
        let hello = &WorkerHello {
            payload_version: self.config.payload_version,
            ..hello.clone()
        };
        let text = serde_json::to_string(hello).map_err(QueueError::Unwritable)?;
        let mut both = redis::pipe();
        both.atomic()
            .cmd("SET")
            .arg(self.names.worker(&hello.instance))
            .arg(text)
            .arg("EX")
            .arg(self.config.hello_ttl.as_secs())
            .ignore()
            .cmd("SADD")
            .arg(self.names.workers())
            .arg(&hello.instance)
            .ignore()
            .cmd("HGET")
            .arg(self.names.orders(&hello.name))
            .arg("orders");
        let (orders,): (Option<String>,) = self.link.pipeline(&both).await?;
        Ok(orders.and_then(|text| match serde_json::from_str(&text) {
            Ok(orders) => Some(orders),
            Err(error) => {
                warn!(%error, "orders cannot be read: those before them hold");
                None
            }
        }))
    }

    /// Takes a worker off the list at once.
    pub async fn goodbye(&self, instance: &str) -> Result<(), QueueError> {
        let mut both = redis::pipe();
        both.atomic()
            .cmd("DEL")
            .arg(self.names.worker(instance))
            .arg(self.names.metrics(instance))
            .ignore()
            .cmd("SREM")
            .arg(self.names.workers())
            .arg(instance)
            .ignore();
        self.link.pipeline(&both).await
    }

    /// Leaves a worker's metrics for the API to show. They lie for half a minute.
    pub async fn leave_metrics(&self, instance: &str, page: &str) -> Result<(), QueueError> {
        if page.len() > METRICS_LIMIT_BYTES {
            return Err(QueueError::TooLarge {
                bytes: page.len(),
                limit_bytes: METRICS_LIMIT_BYTES,
            });
        }
        let mut set = redis::cmd("SET");
        set.arg(self.names.metrics(instance))
            .arg(page)
            .arg("EX")
            .arg(METRICS_TTL_SECONDS);
        self.link.query(&set).await
    }

    /// What each of these workers left. Nothing of it is to be believed.
    pub async fn worker_pages(
        &self,
        workers: Vec<WorkerHello>,
    ) -> Result<Vec<WorkerPage>, QueueError> {
        let mut pages = Vec::with_capacity(workers.len());
        let mut workers = workers.into_iter().peekable();
        while workers.peek().is_some() {
            let some: Vec<WorkerHello> = workers.by_ref().take(PAGES_AT_ONCE).collect();
            let mut script = scripts::BEGINNINGS.prepare_invoke();
            for worker in &some {
                script.key(self.names.metrics(&worker.instance));
            }
            script.arg(METRICS_LIMIT_BYTES + 1);
            let texts: Vec<Vec<u8>> = self.link.script(&script).await?;
            let both = some.into_iter().zip(texts);
            pages.extend(both.map(|(worker, page)| WorkerPage { worker, page }));
        }
        Ok(pages)
    }

    /// The workers that said hello lately, by name and instance.
    pub async fn workers(&self) -> Result<Vec<WorkerHello>, QueueError> {
        let mut script = scripts::WORKERS.key(self.names.workers());
        script.arg(self.names.worker_prefix());
        let texts: Vec<String> = self.link.script(&script).await?;
        let mut workers: Vec<WorkerHello> = texts
            .iter()
            .filter_map(|text| match serde_json::from_str::<WorkerHello>(text) {
                Ok(hello) => Some(WorkerHello {
                    too_old: !hello.understands(self.config.payload_version),
                    ..hello
                }),
                Err(error) => {
                    warn!(%error, "a worker's hello cannot be read");
                    None
                }
            })
            .collect();
        workers.sort_by(|a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)));
        Ok(workers)
    }
}
