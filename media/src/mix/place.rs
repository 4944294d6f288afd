//! Where each sound of the film lies on its timeline, and which frames of its clip are heard there. Boundaries come from the plan, so nothing
//! here can drift. Pure.

use std::collections::HashMap;
use std::ops::Range;

use botflix_common::film::TrackKind;
use botflix_common::hash::Sha;
use botflix_common::task::{Duck, Fade, MixShot, MixSpec, MixTrack};
use botflix_common::units::SAMPLE_RATE_HZ;

use super::fade::Shape;
use super::loudness::amplitude;

/// A sound on the film's timeline.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) clip: Sha,
    /// Frames of the film in which it may be heard.
    pub(super) heard: Range<u64>,
    /// Frame of the film at which [`Self::shape`] begins; a clip whose sound starts late is heard later.
    pub(super) starts: u64,
    /// Frame of the clip's sound that is heard first.
    pub(super) clip_frame: u64,
    /// Frame of the clip's sound before which it ends; `u64::MAX`: where the clip ends.
    pub(super) clip_end: u64,
    pub(super) shape: Shape,
    pub(super) role: Role,
    /// The track, as its place in the spec, whose part of the clip begins again whenever it ends.
    pub(super) repeats: Option<usize>,
}

/// What a sound does to others, and they to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    Plain,
    /// Music ducks under it.
    Speech,
    Ducked(Duck),
}

/// All sounds of a film in the order in which they begin. `even_db` is added to each shot's gain.
pub(super) fn placed(spec: &MixSpec, even_db: &[f64]) -> Vec<Placed> {
    let even_db = even_db.iter().copied().chain(std::iter::repeat(0.0));
    let shots = spec
        .shots
        .iter()
        .zip(even_db)
        .filter_map(|(shot, even_db)| place_shot(shot, even_db));
    let tracks = spec.tracks.iter().enumerate();
    let mut placed: Vec<Placed> = shots
        .chain(tracks.map(|(number, track)| place_track(number, track)))
        .map(|placed| within(placed, spec.total_samples))
        .filter(|placed| !placed.heard.is_empty())
        .collect();
    placed.sort_by_key(|placed| placed.heard.start);
    placed
}

/// Silence before the clip's sound begins; what of it lies before the shot is not heard.
fn place_shot(shot: &MixShot, even_db: f64) -> Option<Placed> {
    let start = frames(shot.clip_start_seconds - shot.clip_sound_offset_seconds);
    let (silence, skipped) = (start.min(0).unsigned_abs(), start.max(0).unsigned_abs());
    let end = shot.first_sample + shot.samples;
    Some(Placed {
        clip: shot.clip?,
        heard: (shot.first_sample + silence.min(shot.samples))..end,
        starts: shot.first_sample,
        clip_frame: skipped,
        clip_end: u64::MAX,
        shape: Shape {
            gain: amplitude(shot.gain_db + even_db),
            fade_in: shot.fade_in,
            fade_out: shot.fade_out,
            frames: shot.samples,
        },
        role: if shot.speech {
            Role::Speech
        } else {
            Role::Plain
        },
        repeats: None,
    })
}

fn place_track(number: usize, track: &MixTrack) -> Placed {
    let clip_frame = frames(track.clip_start_seconds).max(0).unsigned_abs();
    let clip_end = track
        .clip_end_seconds
        .map_or(u64::MAX, |end| frames(end).max(0).unsigned_abs());
    let mut heard = track.first_sample..track.end_sample;
    if !track.repeat {
        let part = clip_end.saturating_sub(clip_frame);
        heard.end = heard.end.min(heard.start.saturating_add(part));
    }
    Placed {
        clip: track.clip,
        starts: heard.start,
        clip_frame,
        clip_end,
        shape: Shape {
            gain: amplitude(track.gain_db),
            fade_in: track.fade_in,
            fade_out: track.fade_out,
            frames: heard.end.saturating_sub(heard.start),
        },
        role: match (track.kind, track.duck) {
            (TrackKind::Narration, _) => Role::Speech,
            (TrackKind::Music | TrackKind::Effects, Some(duck)) => Role::Ducked(duck),
            (TrackKind::Music | TrackKind::Effects, None) => Role::Plain,
        },
        repeats: track.repeat.then_some(number),
        heard,
    }
}

/// The sound of one shot alone, as it is in its clip.
pub(super) fn alone(shot: &MixShot) -> Option<Placed> {
    let mut placed = place_shot(shot, 0.0)?;
    placed.shape = Shape {
        gain: 1.0,
        fade_in: Fade::default(),
        fade_out: Fade::default(),
        ..placed.shape
    };
    Some(placed).filter(|placed| !placed.heard.is_empty())
}

fn within(mut placed: Placed, total_samples: u64) -> Placed {
    placed.heard.end = placed.heard.end.min(total_samples);
    placed
}

/// Frames of each clip that are heard anywhere, from the first to the last.
pub(super) fn needed(placed: &[Placed]) -> HashMap<Sha, Range<u64>> {
    let mut needed: HashMap<Sha, Range<u64>> = HashMap::new();
    for sound in placed {
        let length = sound.heard.end - sound.heard.start;
        let end = sound.clip_frame.saturating_add(length).min(sound.clip_end);
        let range = needed.entry(sound.clip).or_insert(sound.clip_frame..end);
        *range = range.start.min(sound.clip_frame)..range.end.max(end);
    }
    needed
}

/// The cast saturates: absurd times end beyond the film.
fn frames(seconds: f64) -> i64 {
    (seconds * f64::from(SAMPLE_RATE_HZ)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::film::{Loudness, Quality};

    fn shot(clip_start_seconds: f64, clip_sound_offset_seconds: f64) -> MixShot {
        MixShot {
            clip: Some(Sha::of(b"clip")),
            first_sample: 1000,
            samples: 48_000,
            clip_start_seconds,
            clip_sound_offset_seconds,
            gain_db: 0.0,
            fade_in: Fade::default(),
            fade_out: Fade::default(),
            speech: false,
        }
    }

    fn spec(shots: Vec<MixShot>, tracks: Vec<MixTrack>) -> MixSpec {
        MixSpec {
            shots,
            tracks,
            total_samples: 100_000,
            loudness: Loudness::default(),
            quality: Quality::Standard,
            predicted: None,
        }
    }

    #[test]
    fn sound_that_starts_late_is_heard_late_and_sound_that_starts_early_is_cut() {
        let place = |start, offset| {
            let placed = placed(&spec(vec![shot(start, offset)], Vec::new()), &[]);
            placed
                .first()
                .map(|placed| (placed.heard.clone(), placed.clip_frame))
        };
        assert_eq!(place(0.0, 0.25), Some((13_000..49_000, 0)));
        assert_eq!(place(0.0, -0.25), Some((1000..49_000, 12_000)));
        assert_eq!(place(1.0, 0.25), Some((1000..49_000, 36_000)));
        assert_eq!(place(0.5, 0.5), Some((1000..49_000, 0)));
        // Only after the shot is over, and never.
        assert_eq!(place(0.0, 2.0), None);
        assert_eq!(place(0.0, 1e300), None);
    }

    #[test]
    fn a_track_ends_with_its_part_of_the_clip_unless_it_repeats() {
        let track = |repeat| MixTrack {
            clip: Sha::of(b"music"),
            kind: TrackKind::Music,
            first_sample: 10_000,
            end_sample: 200_000,
            clip_start_seconds: 0.5,
            clip_end_seconds: Some(1.0),
            repeat,
            gain_db: 0.0,
            fade_in: Fade::default(),
            fade_out: Fade::default(),
            duck: None,
        };
        let placed = placed(&spec(Vec::new(), vec![track(false), track(true)]), &[]);
        assert_eq!(placed[0].heard, 10_000..34_000);
        assert_eq!(placed[1].heard, 10_000..100_000);
        assert_eq!(needed(&placed)[&Sha::of(b"music")], 24_000..48_000);
    }
}
