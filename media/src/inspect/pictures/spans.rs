//! From the looks at all pictures to spans: black, blank, frozen; repeats of a converted rate, cuts, tones, hashes.

use botflix_common::facts::pictures::{MAX_SPANS, PictureHash, Repeats, Tone};
use botflix_common::facts::{PictureObservations, Span};

use super::Clock;
use super::glance::{Glance, Kind};

/// Shorter spans are one picture of a cut or a flash.
const MIN_DARK_SECONDS: f64 = 0.1;
/// Shorter stands happen in life, and between pictures of slow motion.
const MIN_FROZEN_SECONDS: f64 = 0.5;
/// A cut changes luma by at least this in the mean, codes, and by this many times what the pictures around it do.
const CUT_CODES: f32 = 12.0;
const CUT_TIMES_NEIGHBOURS: f32 = 4.0;
/// Where the pictures that are new change by less than this, repeats cannot be told from stillness, codes.
const MOTION_CODES: f32 = 0.8;
/// Fewer repeats are chance.
const MIN_REPEATS: usize = 4;
/// Share of the distances between repeats that must be equal, give or take one picture.
const REGULAR_SHARE: f64 = 0.8;
/// More pictures without a new one are a stand, not a rate.
const LONGEST_REPEAT: usize = 4;
/// First and last part of the clip whose tone is kept.
const TONE_SECONDS: f64 = 1.0;

pub fn observe(glances: &[Glance], clock: &Clock<'_>) -> PictureObservations {
    let length = glances.len();
    let second = clock.index_at(TONE_SECONDS).clamp(1, length.max(1));
    let last = clock
        .index_at(clock.end_seconds - TONE_SECONDS)
        .min(length.saturating_sub(1));
    let changes: f64 = glances.iter().map(|glance| f64::from(glance.change)).sum();
    PictureObservations {
        black: spans(glances, clock, MIN_DARK_SECONDS, |g| g.kind == Kind::Black),
        blank: spans(glances, clock, MIN_DARK_SECONDS, |g| g.kind == Kind::Blank),
        frozen: frozen(glances, clock),
        repeats: repeats(glances),
        cuts: cuts(glances, clock),
        first: tone(glances.get(..second).unwrap_or_default()),
        last: tone(glances.get(last..).unwrap_or_default()),
        hashes: [1, 3, 5]
            .into_iter()
            .filter_map(|sixth| glances.get(length * sixth / 6))
            .map(|glance| PictureHash::new(glance.hash))
            .collect(),
        motion: changes / length.saturating_sub(1).max(1) as f64,
        ..PictureObservations::default()
    }
}

fn spans(
    glances: &[Glance],
    clock: &Clock<'_>,
    least_seconds: f64,
    holds: impl Fn(&Glance) -> bool,
) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    for run in glances.chunk_by(|a, b| holds(a) == holds(b)) {
        let span = Span {
            start_seconds: clock.at(at),
            end_seconds: clock.at(at + run.len()),
        };
        at += run.len();
        if run.first().is_some_and(&holds) && span.seconds() >= least_seconds {
            found.push(span);
        }
    }
    found.truncate(MAX_SPANS);
    found
}

/// A stand begins with the picture that is then repeated. What is black or of one colour is told as such.
fn frozen(glances: &[Glance], clock: &Clock<'_>) -> Vec<Span> {
    let mut found = spans(glances, clock, 0.0, |g| g.same && g.kind == Kind::Picture);
    for span in &mut found {
        let first = clock.index_at(span.start_seconds);
        span.start_seconds = clock.at(first.saturating_sub(1));
    }
    found.retain(|span| span.seconds() >= MIN_FROZEN_SECONDS);
    found
}

fn cuts(glances: &[Glance], clock: &Clock<'_>) -> Vec<f64> {
    const AROUND: usize = 3;
    let mut found: Vec<f64> = (1..glances.len())
        .filter(|at| {
            let change = |at: usize| glances.get(at).map_or(0.0, |glance| glance.change);
            let here = change(*at);
            let neighbours = (at.saturating_sub(AROUND).max(1)..=at + AROUND)
                .filter(|other| other != at)
                .map(change)
                .fold(0.0, f32::max);
            here >= CUT_CODES && here >= CUT_TIMES_NEIGHBOURS * neighbours
        })
        .map(|at| clock.at(at))
        .collect();
    found.truncate(MAX_SPANS);
    found
}

fn repeats(glances: &[Glance]) -> Option<Repeats> {
    let mut fresh: Vec<f32> = glances
        .iter()
        .skip(1)
        .filter(|glance| !glance.same)
        .map(|glance| glance.change)
        .collect();
    fresh.sort_unstable_by(f32::total_cmp);
    let median = *fresh.get(fresh.len() / 2)?;
    let longest = glances
        .chunk_by(|a, b| a.same == b.same)
        .filter(|run| run.first().is_some_and(|glance| glance.same))
        .map(<[Glance]>::len)
        .max()?;
    let places: Vec<usize> = glances
        .iter()
        .enumerate()
        .filter(|(_, glance)| glance.same)
        .map(|(at, _)| at)
        .collect();
    if median < MOTION_CODES || longest > LONGEST_REPEAT || places.len() < MIN_REPEATS {
        return None;
    }
    let mut distances: Vec<usize> = places
        .windows(2)
        .filter_map(|pair| Some(pair.last()? - pair.first()?))
        .collect();
    distances.sort_unstable();
    let usual = *distances.get(distances.len() / 2)?;
    let regular = distances
        .iter()
        .filter(|distance| distance.abs_diff(usual) <= 1)
        .count();
    let first_to_last = distances.iter().sum::<usize>();
    // All over the clip, not in one part of it.
    let covers = first_to_last * 2 >= glances.len();
    let is_regular = regular as f64 >= REGULAR_SHARE * distances.len() as f64;
    (is_regular && covers).then(|| Repeats {
        every: first_to_last as f64 / distances.len() as f64,
        share: places.len() as f64 / glances.len() as f64,
    })
}

fn tone(glances: &[Glance]) -> Tone {
    let count = glances.len().max(1) as f64;
    let mean = |of: fn(&Glance) -> f32| {
        let sum: f64 = glances.iter().map(|glance| f64::from(of(glance))).sum();
        (sum / count * 100.0).round() / 100.0
    };
    Tone {
        luma: mean(|glance| glance.luma),
        blue: mean(|glance| glance.blue),
        red: mean(|glance| glance.red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving() -> Glance {
        Glance {
            change: 3.0,
            ..Glance::default()
        }
    }

    fn same() -> Glance {
        Glance {
            same: true,
            ..Glance::default()
        }
    }

    fn observed(glances: &[Glance]) -> PictureObservations {
        let times: Vec<f64> = (0..glances.len()).map(|at| at as f64 / 30.0).collect();
        let clock = Clock {
            times: &times,
            end_seconds: glances.len() as f64 / 30.0,
        };
        observe(glances, &clock)
    }

    #[test]
    fn every_fifth_picture_repeated_is_a_converted_rate_and_chance_is_not() {
        let converted: Vec<Glance> = (0..150)
            .map(|at| if at % 5 == 4 { same() } else { moving() })
            .collect();
        let repeats = observed(&converted).repeats.unwrap();
        assert!((repeats.every - 5.0).abs() < 0.01 && (repeats.share - 0.2).abs() < 0.01);
        let chance: Vec<Glance> = (0..150)
            .map(|at| {
                if [3, 9, 40, 41, 97, 120].contains(&at) {
                    same()
                } else {
                    moving()
                }
            })
            .collect();
        assert_eq!(observed(&chance).repeats, None);
        assert_eq!(observed(&[moving(); 50]).repeats, None);
    }

    #[test]
    fn a_stand_begins_with_the_picture_that_is_repeated() {
        let glances = [vec![moving(); 30], vec![same(); 29], vec![moving(); 10]].concat();
        let frozen = observed(&glances).frozen;
        assert_eq!(frozen.len(), 1);
        assert!((frozen[0].start_seconds - 29.0 / 30.0).abs() < 1e-9);
        assert!((frozen[0].seconds() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_cut_is_one_large_change_and_a_flash_is_two() {
        let mut glances = vec![moving(); 40];
        glances[20].change = 60.0;
        assert_eq!(observed(&glances).cuts.len(), 1);
        glances[21].change = 60.0;
        assert_eq!(observed(&glances).cuts.len(), 0);
    }
}
