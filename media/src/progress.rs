//! How far a task has come, and that it moves. Steps report 0 to 1 of themselves; [`Progress::part`] maps that into the whole. Between reports
//! [`Progress::alive`] says that the work goes on, so that a long silent step is not taken for one that hangs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Listener = dyn Fn(f64, Option<f64>) + Send + Sync;

/// Signs of life come no oftener, and only where nothing else was told meanwhile: far below any limit of silence, and next to no work.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// A cheap handle that many steps of one task share.
#[derive(Clone)]
pub struct Progress {
    teller: Option<Arc<Teller>>,
    from: f64,
    to: f64,
    quiet: bool,
}

impl Progress {
    /// `listener` gets the fraction done, 0 to 1, which never falls, and the speed in multiples of real time where known. It is called about
    /// twice a second, from tasks that wait for ffmpeg and from threads that work on sound: it must not block, nor use this progress.
    pub fn new(listener: impl Fn(f64, Option<f64>) + Send + Sync + 'static) -> Self {
        Self::paced(ALIVE_EVERY, listener)
    }

    /// The same, with signs of life that are at least `every` apart.
    pub fn paced(
        every: Duration,
        listener: impl Fn(f64, Option<f64>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            teller: Some(Arc::new(Teller {
                listener: Box::new(listener),
                every,
                told: Mutex::default(),
            })),
            ..Self::none()
        }
    }

    /// Nobody listens.
    pub fn none() -> Self {
        Self {
            teller: None,
            from: 0.0,
            to: 1.0,
            quiet: false,
        }
    }

    /// To be called when the work has moved, for it is a sign of life, too.
    pub fn report(&self, fraction: f64, speed: Option<f64>) {
        if self.quiet {
            return self.alive();
        }
        if let Some(teller) = &self.teller {
            let fraction = if fraction.is_finite() {
                fraction.clamp(0.0, 1.0)
            } else {
                0.0
            };
            teller.tell(
                self.from + (self.to - self.from) * fraction,
                speed,
                Instant::now(),
            );
        }
    }

    /// Says that the work has moved, though not how far: what was told last is told again. Cheap enough for every block of it; never to be called
    /// for work that is merely waited for.
    pub fn alive(&self) {
        if let Some(teller) = &self.teller {
            teller.repeat(Instant::now());
        }
    }

    /// The slice `from..to` of this one, as a progress of its own.
    #[must_use]
    pub fn part(&self, from: f64, to: f64) -> Self {
        let span = self.to - self.from;
        Self {
            from: self.from + span * from,
            to: self.from + span * to,
            ..self.clone()
        }
    }

    /// One whose reports are mere signs of life.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self {
            quiet: true,
            ..self.clone()
        }
    }
}

/// Whoever listens, and what was told so far.
struct Teller {
    listener: Box<Listener>,
    every: Duration,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    fraction: f64,
    at: Option<Instant>,
}

impl Teller {
    /// A fraction below the highest, of a step that is done again, tells that one again. Under the lock, since steps run side by side.
    fn tell(&self, fraction: f64, speed: Option<f64>, now: Instant) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.fraction = told.fraction.max(fraction);
        told.at = Some(now);
        (self.listener)(told.fraction, speed);
    }

    fn repeat(&self, now: Instant) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at| now.saturating_duration_since(at) < self.every;
        if !told.at.is_some_and(recent) {
            told.at = Some(now);
            (self.listener)(told.fraction, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Arc<Mutex<Vec<f64>>>;

    fn watched(every: Duration) -> (Progress, Seen) {
        let seen = Seen::default();
        let sink = Arc::clone(&seen);
        let progress = Progress::paced(every, move |fraction, _| {
            sink.lock().unwrap().push(fraction)
        });
        (progress, seen)
    }

    #[test]
    fn a_part_of_a_part_lands_in_its_slice_of_the_whole() {
        let (whole, seen) = watched(ALIVE_EVERY);
        let step = whole.part(0.5, 1.0).part(0.0, 0.5);
        step.report(0.0, None);
        step.report(1.0, None);
        step.report(7.0, None);
        assert_eq!(*seen.lock().unwrap(), vec![0.5, 0.75, 0.75]);
    }

    #[test]
    fn a_sign_of_life_repeats_the_last_fraction_of_whichever_step_told_it() {
        let (whole, seen) = watched(Duration::ZERO);
        let (first, second) = (whole.part(0.0, 0.5), whole.part(0.5, 1.0));
        second.alive();
        first.report(0.5, Some(2.0));
        second.alive();
        second.report(0.5, None);
        first.alive();
        assert_eq!(*seen.lock().unwrap(), vec![0.0, 0.25, 0.25, 0.75, 0.75]);
    }

    #[test]
    fn a_step_that_is_done_again_never_takes_progress_back() {
        let (whole, seen) = watched(Duration::ZERO);
        whole.report(0.6, None);
        whole.report(0.1, None);
        whole.alive();
        whole.report(f64::NAN, None);
        whole.report(0.7, None);
        assert_eq!(*seen.lock().unwrap(), vec![0.6, 0.6, 0.6, 0.6, 0.7]);
    }

    #[test]
    fn a_quiet_step_hides_how_far_it_is_and_not_that_it_lives() {
        let (whole, seen) = watched(Duration::ZERO);
        let quiet = whole.quiet().part(0.0, 0.5);
        whole.report(0.2, None);
        quiet.report(1.0, None);
        quiet.alive();
        assert_eq!(*seen.lock().unwrap(), vec![0.2, 0.2, 0.2]);
    }

    #[test]
    fn signs_of_life_keep_their_distance_from_all_that_is_told() {
        let (whole, seen) = watched(ALIVE_EVERY);
        let teller = whole.teller.unwrap();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let count = || seen.lock().unwrap().len();
        teller.repeat(at(0));
        assert_eq!(count(), 1, "the first at once");
        (1..1000).for_each(|now| teller.repeat(at(now)));
        assert_eq!(count(), 1);
        teller.repeat(at(1000));
        assert_eq!(count(), 2);
        teller.tell(0.5, None, at(1500));
        teller.repeat(at(2000));
        assert_eq!(count(), 3, "a report was sign enough");
        teller.repeat(at(2500));
        assert_eq!(count(), 4);
    }

    #[test]
    fn where_nobody_listens_nothing_is_told() {
        let nobody = Progress::none().part(0.2, 0.4).quiet();
        nobody.alive();
        nobody.report(0.5, None);
    }
}
