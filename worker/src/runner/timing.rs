//! How long the phases of one task took. Knows nothing of what they do.

use std::time::{Duration, Instant};

/// Of a task that ran; all zero for one whose result was remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Inputs from storage, or from the disk of this machine.
    pub fetch: Duration,
    /// The media part.
    pub make: Duration,
    /// Artifacts and record to storage.
    pub upload: Duration,
}

impl Phases {
    pub const NAMES: [&str; 3] = ["fetch", "make", "upload"];

    /// Each with its name.
    pub fn seconds(&self) -> [(&'static str, f64); 3] {
        let [fetch, make, upload] = Self::NAMES;
        [
            (fetch, self.fetch.as_secs_f64()),
            (make, self.make.as_secs_f64()),
            (upload, self.upload.as_secs_f64()),
        ]
    }
}

/// Tells one phase from the next.
pub(super) struct Lap(Instant);

impl Lap {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start, or since the last time that this was asked.
    pub fn take(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now.duration_since(self.0);
        self.0 = now;
        lap
    }
}
