//! How far a task has come. Steps report 0 to 1 of themselves; [`Progress::part`] maps that into the whole.

use std::sync::Arc;

type Listener = dyn Fn(f64, Option<f64>) + Send + Sync;

/// A cheap handle that many steps of one task share.
#[derive(Clone)]
pub struct Progress {
    listener: Option<Arc<Listener>>,
    from: f64,
    to: f64,
}

impl Progress {
    /// `listener` gets the fraction done, 0 to 1, and the speed in multiples of real time where known. It is called from the task that
    /// waits for ffmpeg, about twice a second: it must not block.
    pub fn new(listener: impl Fn(f64, Option<f64>) + Send + Sync + 'static) -> Self {
        Self {
            listener: Some(Arc::new(listener)),
            from: 0.0,
            to: 1.0,
        }
    }

    /// Nobody listens.
    pub fn none() -> Self {
        Self {
            listener: None,
            from: 0.0,
            to: 1.0,
        }
    }

    pub fn report(&self, fraction: f64, speed: Option<f64>) {
        if let Some(listener) = &self.listener {
            let fraction = if fraction.is_finite() {
                fraction.clamp(0.0, 1.0)
            } else {
                0.0
            };
            listener(self.from + (self.to - self.from) * fraction, speed);
        }
    }

    /// The slice `from..to` of this one, as a progress of its own.
    #[must_use]
    pub fn part(&self, from: f64, to: f64) -> Self {
        let span = self.to - self.from;
        Self {
            listener: self.listener.clone(),
            from: self.from + span * from,
            to: self.from + span * to,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_part_of_a_part_lands_in_its_slice_of_the_whole() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let whole = Progress::new(move |fraction, _| sink.lock().unwrap().push(fraction));
        let step = whole.part(0.5, 1.0).part(0.0, 0.5);
        step.report(0.0, None);
        step.report(1.0, None);
        step.report(7.0, None);
        assert_eq!(*seen.lock().unwrap(), vec![0.5, 0.75, 0.75]);
    }
}
