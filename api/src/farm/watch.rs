//! Following a render or a clip: told at once by this process, found within a second when another process made the change.

use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_common::id::RenderId;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Changes that a slow follower may be behind before it just looks again.
pub(super) const CHANGES_KEPT: usize = 1024;
/// How long a change by another process may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Render(RenderId),
    Clip(Sha),
}

pub struct Watch {
    subject: Subject,
    changes: Receiver<Subject>,
}

impl Watch {
    pub(super) fn new(subject: Subject, changes: Receiver<Subject>) -> Self {
        Self { subject, changes }
    }

    /// Returns when the subject may have changed, at the latest after `limit` or a second: the caller reads the database again.
    pub async fn changed(&mut self, limit: Duration) {
        let limit = limit.min(LOOK_EVERY);
        // Running out of time is one of the ways to return.
        tokio::time::timeout(limit, self.heard())
            .await
            .unwrap_or(());
    }

    async fn heard(&mut self) {
        loop {
            match self.changes.recv().await {
                Ok(subject) if subject == self.subject => return,
                Ok(_) => {}
                // Which ones were missed is not known.
                Err(RecvError::Lagged(_)) => return,
                // The farm has stopped: only the clock is left.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_follower_hears_of_its_subject_at_once_and_of_others_not_at_all() {
        let (sender, receiver) = broadcast::channel(8);
        let (mine, other) = (RenderId::fresh(), RenderId::fresh());
        let mut watch = Watch::new(Subject::Render(mine), receiver);
        let start = Instant::now();
        sender.send(Subject::Render(mine)).unwrap();
        watch.changed(Duration::from_secs(30)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        sender.send(Subject::Render(other)).unwrap();
        watch.changed(Duration::from_secs(30)).await;
        assert_eq!(start.elapsed(), LOOK_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_fell_behind_looks_again() {
        let (sender, receiver) = broadcast::channel(2);
        let mut watch = Watch::new(Subject::Render(RenderId::fresh()), receiver);
        for _ in 0..5 {
            sender.send(Subject::Render(RenderId::fresh())).unwrap();
        }
        let start = Instant::now();
        watch.changed(Duration::from_secs(30)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
