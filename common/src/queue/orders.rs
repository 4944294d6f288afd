//! What workers are told: under each worker's name its newest orders, which it reads with its hello. They do not run out; whoever knows
//! them gives them again when Redis has lost them.

use crate::worker::WorkerOrders;

use super::error::QueueError;
use super::{Queue, scripts};

/// Workers that are told in one call.
const BATCH: usize = 100;

impl Queue {
    /// Gives each worker its orders, unless it has these or newer ones. Returns to how many they are news.
    pub async fn give_orders(&self, orders: &[(String, WorkerOrders)]) -> Result<u64, QueueError> {
        let mut news = 0;
        for batch in orders.chunks(BATCH) {
            let mut script = scripts::ORDERS.prepare_invoke();
            for (name, orders) in batch {
                let text = serde_json::to_string(orders).map_err(QueueError::Unwritable)?;
                script
                    .key(self.names.orders(name))
                    .arg(orders.revision)
                    .arg(text);
            }
            news += self.link.script::<u64>(&script).await?;
        }
        Ok(news)
    }

    /// Takes a worker's orders away: it goes on with those it has read.
    pub async fn forget_orders(&self, name: &str) -> Result<(), QueueError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.names.orders(name));
        self.link.query::<u64>(&command).await.map(|_| ())
    }
}
