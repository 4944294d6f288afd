//! When pictures are shown: the first, the last, and whether they lie on the grid of one exact rate.

use botflix_common::units::FrameRate;

use super::seen::Seen;
use super::stream::Stream;

/// Rates that material is made at, tried after those that the container states. Exact fractions first: they are the ones mistaken.
const COMMON_RATES: [(u32, u32); 16] = [
    (24000, 1001),
    (24, 1),
    (25, 1),
    (30000, 1001),
    (30, 1),
    (48000, 1001),
    (48, 1),
    (50, 1),
    (60000, 1001),
    (60, 1),
    (120, 1),
    (15, 1),
    (12, 1),
    (10, 1),
    (8, 1),
    (16, 1),
];

pub struct Clock {
    pub rate: FrameRate,
    pub constant: bool,
    pub start_seconds: f64,
    pub duration_seconds: f64,
}

pub fn read(stream: &Stream, pictures: &Seen) -> Clock {
    let tick = stream.tick_seconds();
    let times = &pictures.times;
    let stated: Vec<FrameRate> = stream
        .rates
        .into_iter()
        .flatten()
        .filter_map(|(num, den)| FrameRate::measured(num, den))
        .collect();
    let common = COMMON_RATES
        .iter()
        .filter_map(|(num, den)| FrameRate::measured(*num, *den));
    let on_grid = stated
        .iter()
        .copied()
        .chain(common)
        .find(|rate| times.len() > 1 && fits(times, tick, *rate));
    let rate = on_grid
        .or_else(|| average(times, tick))
        .or(stated.first().copied())
        .unwrap_or_else(unknown_rate);
    let first = times.first().copied().unwrap_or(0);
    let last = times.last().copied().unwrap_or(0);
    let last_seconds = match (on_grid, pictures.last_duration) {
        (None, Some(ticks)) => ticks as f64 * tick,
        _ => 1.0 / rate.fps(),
    };
    let shown = if times.is_empty() { 0.0 } else { last_seconds };
    Clock {
        rate,
        constant: on_grid.is_some() || times.len() < 2,
        start_seconds: first as f64 * tick,
        duration_seconds: last.saturating_sub(first) as f64 * tick + shown,
    }
}

/// Where there is nothing to measure (one picture, or none) and nothing stated.
#[allow(clippy::expect_used, reason = "25/1 is positive and in range")]
fn unknown_rate() -> FrameRate {
    FrameRate::new(25, 1).expect("25 is a frame rate")
}

/// Every picture within a tick of `first + n / rate`.
fn fits(times: &[i64], tick: f64, rate: FrameRate) -> bool {
    let first = times.first().copied().unwrap_or(0);
    let step = 1.0 / (rate.fps() * tick);
    // Where ticks are as coarse as pictures, a tick of tolerance would hide a missing one.
    let tolerance = 1.0f64.min(step * 0.49) + 1e-6;
    times.iter().enumerate().all(|(index, time)| {
        let wanted = index as f64 * step;
        (time.saturating_sub(first) as f64 - wanted).abs() <= tolerance
    })
}

/// The mean rate to a thousandth.
fn average(times: &[i64], tick: f64) -> Option<FrameRate> {
    let span = times.last()?.saturating_sub(*times.first()?) as f64 * tick;
    let fps = (times.len().saturating_sub(1)) as f64 / span;
    (fps.is_finite() && fps > 0.0)
        .then(|| FrameRate::measured((fps * 1000.0).round() as u32, 1000))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(times: Vec<i64>, time_base: &str, stated: &str) -> Clock {
        let stream = Stream::read(&format!("time_base={time_base}|r_frame_rate={stated}"));
        let mut seen = Seen::nothing();
        seen.times = times;
        read(&stream, &seen)
    }

    #[test]
    fn milliseconds_of_matroska_are_still_a_constant_ntsc_rate() {
        let times = (0..240)
            .map(|n| (f64::from(n) * 1001.0 / 30.0).round() as i64)
            .collect();
        let clock = clock(times, "1/1000", "30000/1001");
        assert!(clock.constant);
        assert_eq!(clock.rate, FrameRate::new(30000, 1001).unwrap());
        assert!((clock.duration_seconds - 240.0 * 1001.0 / 30000.0).abs() < 0.001);
    }

    #[test]
    fn one_missing_picture_makes_a_rate_variable() {
        let times = (0..100).filter(|n| *n != 50).map(|n| n * 512).collect();
        assert!(!clock(times, "1/12288", "24/1").constant);
    }

    #[test]
    fn ticks_as_long_as_a_picture_still_show_a_missing_one() {
        assert!(clock((0..50).collect(), "1/25", "25/1").constant);
        assert!(!clock((0..50).filter(|n| *n != 20).collect(), "1/25", "25/1").constant);
    }

    #[test]
    fn a_wrong_claim_gives_way_to_the_rate_that_fits() {
        let times = (0..100).map(|n| n * 1001).collect();
        let clock = clock(times, "1/24000", "24/1");
        assert!(clock.constant);
        assert_eq!(clock.rate, FrameRate::new(24000, 1001).unwrap());
    }
}
