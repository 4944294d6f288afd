//! The film's size and rate: what the manifest says, or what most of the clips have. A draft has a quarter of the pixels.

use crate::film::FilmFormat;
use crate::manifest::{Format, ShotManifest, Source};
use crate::units::FrameRate;

use super::FactsByClip;
use super::timeline::shot_seconds;

/// Rates a film is made in when it follows its clips; others go to the nearest.
const FILM_RATES: [(u32, u32); 8] = [
    (24000, 1001),
    (24, 1),
    (25, 1),
    (30000, 1001),
    (30, 1),
    (50, 1),
    (60000, 1001),
    (60, 1),
];

/// Used when no shot is a clip: stills come in every size, and none of them is a film's.
const FALLBACK_SIZE: (u32, u32) = (1280, 720);

/// Longest side of an automatic format, pixels.
const MAX_SIDE: u32 = 4096;

pub fn film_format(manifest: &ShotManifest, facts: &FactsByClip) -> FilmFormat {
    let format = match manifest.format {
        Format::Explicit(format) => FilmFormat {
            width: format.width,
            height: format.height,
            fps: format.fps,
        },
        Format::Auto => follow_clips(manifest, facts),
    };
    if manifest.is_draft() {
        FilmFormat {
            width: even(format.width / 2),
            height: even(format.height / 2),
            fps: format.fps,
        }
    } else {
        format
    }
}

/// The size and the rate that cover most of the film's time, each by itself; the first in the film wins a tie.
fn follow_clips(manifest: &ShotManifest, facts: &FactsByClip) -> FilmFormat {
    let mut sizes = Tally::default();
    let mut rates = Tally::default();
    for shot in &manifest.shots {
        let Source::Clip(clip) = shot.source else {
            continue;
        };
        let facts = facts.get(&clip);
        if let Some(video) = facts.and_then(|facts| facts.video.as_ref()) {
            let seconds = shot_seconds(shot, facts).unwrap_or(0.0);
            sizes.add(video.display_size(), seconds);
            rates.add(nearest_film_rate(video.frame_rate), seconds);
        }
    }
    let (width, height) = sizes.longest().unwrap_or(FALLBACK_SIZE);
    FilmFormat {
        width: even(width),
        height: even(height),
        fps: rates.longest().unwrap_or_else(|| nearest(24.0)),
    }
}

fn even(side: u32) -> u32 {
    (side.clamp(16, MAX_SIDE) + 1) & !1
}

fn nearest_film_rate(rate: FrameRate) -> FrameRate {
    nearest(rate.fps())
}

fn nearest(fps: f64) -> FrameRate {
    let distance = |rate: &FrameRate| (rate.fps() - fps).abs();
    FILM_RATES
        .iter()
        .filter_map(|(num, den)| FrameRate::measured(*num, *den))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or_default()
}

/// Seconds per value, in order of first sight.
struct Tally<T>(Vec<(T, f64)>);

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq + Copy> Tally<T> {
    fn add(&mut self, value: T, seconds: f64) {
        match self.0.iter_mut().find(|(seen, _)| *seen == value) {
            Some((_, sum)) => *sum += seconds,
            None => self.0.push((value, seconds)),
        }
    }

    fn longest(&self) -> Option<T> {
        let mut best: Option<(T, f64)> = None;
        for (value, seconds) in &self.0 {
            if best.is_none_or(|(_, most)| *seconds > most) {
                best = Some((*value, *seconds));
            }
        }
        best.map(|(value, _)| value)
    }
}
