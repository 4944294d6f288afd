//! Who works here: each worker says hello every few seconds and is forgotten when it stops.

use tracing::warn;

use crate::report::WorkerHello;

use super::error::QueueError;
use super::{Queue, scripts};

impl Queue {
    /// Registers a worker, or renews its registration, for the configured time.
    pub async fn hello(&self, hello: &WorkerHello) -> Result<(), QueueError> {
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
            .ignore();
        self.link.pipeline(&both).await
    }

    /// Takes a worker off the list at once.
    pub async fn goodbye(&self, instance: &str) -> Result<(), QueueError> {
        let mut both = redis::pipe();
        both.atomic()
            .cmd("DEL")
            .arg(self.names.worker(instance))
            .ignore()
            .cmd("SREM")
            .arg(self.names.workers())
            .arg(instance)
            .ignore();
        self.link.pipeline(&both).await
    }

    /// The workers that said hello lately, by name and instance.
    pub async fn workers(&self) -> Result<Vec<WorkerHello>, QueueError> {
        let mut script = scripts::WORKERS.key(self.names.workers());
        script.arg(self.names.worker_prefix());
        let texts: Vec<String> = self.link.script(&script).await?;
        let mut workers: Vec<WorkerHello> = texts
            .iter()
            .filter_map(|text| match serde_json::from_str(text) {
                Ok(hello) => Some(hello),
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
