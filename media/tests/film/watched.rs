//! A listener that keeps all that it is told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use botflix_media::{Context, Progress};

/// What was told, and when.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<(Instant, f64)>>>);

/// `ctx` with signs of life that are at least `every` apart, and what they say.
pub fn watched(ctx: &Context, every: Duration) -> (Context, Told) {
    let told = Told::default();
    let sink = told.clone();
    let progress = Progress::paced(every, move |fraction, _| {
        sink.0.lock().unwrap().push((Instant::now(), fraction));
    });
    let ctx = Context {
        progress,
        ..ctx.clone()
    };
    (ctx, told)
}

impl Told {
    pub fn fractions(&self) -> Vec<f64> {
        let told = self.0.lock().unwrap();
        told.iter().map(|(_, fraction)| *fraction).collect()
    }

    /// How often a fraction from `from` up to, but not including, `to` was told.
    pub fn times(&self, from: f64, to: f64) -> usize {
        let told = self.fractions();
        told.iter()
            .filter(|fraction| (from..to).contains(*fraction))
            .count()
    }

    /// Between two signs of life.
    pub fn longest_silence(&self) -> Duration {
        let told = self.0.lock().unwrap();
        let gaps = told.array_windows().map(|[(a, _), (b, _)]| *b - *a);
        gaps.max().unwrap_or(Duration::MAX)
    }
}
