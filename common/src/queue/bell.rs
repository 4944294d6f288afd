//! The bell: any process of the API rings it when there may be something to hand out, and the one that leads listens.
//!
//! Nothing is lost with a ring that nobody hears: the leader looks by itself, too.

use std::time::Duration;

use super::Queue;
use super::connection::Link;
use super::error::QueueError;

impl Queue {
    /// Rings once; any number of rings that nobody has heard yet are one.
    pub async fn ring(&self) -> Result<(), QueueError> {
        let mut both = redis::pipe();
        both.atomic()
            .cmd("LPUSH")
            .arg(self.names.bell())
            .arg(1)
            .ignore()
            .cmd("LTRIM")
            .arg(self.names.bell())
            .arg(0)
            .arg(0)
            .ignore();
        self.link.pipeline(&both).await
    }

    pub fn bell(&self) -> Bell {
        Bell {
            link: self.new_link(),
            name: self.names.bell(),
        }
    }
}

/// Where one listener listens.
pub struct Bell {
    link: Link,
    name: String,
}

impl Bell {
    /// Waits for a ring, for so long at most. `false`: there was none.
    pub async fn rang(&self, patience: Duration) -> Result<bool, QueueError> {
        let mut pop = redis::cmd("BLPOP");
        pop.arg(&self.name).arg(patience.as_secs_f64());
        let rang: Option<(String, u8)> = self.link.query_once(&pop, patience).await?;
        Ok(rang.is_some())
    }
}
