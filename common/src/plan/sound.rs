//! The film's sound on one sample timeline: where each shot's and track's sound lies, and how it fades.

use crate::film::{FilmFormat, TransitionKind};
use crate::manifest::{Shot, ShotManifest, Source, Track};
use crate::problem::FieldProblem;
use crate::task::{Fade, MixShot, MixSpec, MixTrack};
use crate::units::SAMPLE_RATE_HZ;

use super::FactsByClip;
use super::timeline::{Span, Timeline};

pub fn mix(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: FilmFormat,
    timeline: &Timeline,
) -> Result<MixSpec, Vec<FieldProblem>> {
    let total_samples = format.fps.samples_at(timeline.total_frames);
    let mut problems = Vec::new();
    let mut shots: Vec<MixShot> = Vec::with_capacity(manifest.shots.len());
    for (at, (shot, span)) in manifest.shots.iter().zip(&timeline.spans).enumerate() {
        let next = timeline.spans.get(at + 1);
        let mixed = mix_shot(shot, span, next, facts, format);
        let longest = seconds(span_samples(span, format));
        let fades = shot.audio.fade_in + shot.audio.fade_out;
        if fades > longest {
            problems.push(fades_too_long(format!("/shots/{at}/audio"), fades, longest));
        }
        shots.push(mixed);
    }
    let mut tracks = Vec::with_capacity(manifest.tracks.len());
    for (at, track) in manifest.tracks.iter().enumerate() {
        match mix_track(at, track, total_samples) {
            Ok(mixed) => tracks.push(mixed),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut spec = MixSpec {
        shots,
        tracks,
        total_samples,
        loudness: manifest.loudness,
        quality: manifest.delivery.preset,
        predicted: None,
    };
    spec.predicted = super::predicted::prediction(&spec, facts);
    Ok(spec)
}

fn span_samples(span: &Span, format: FilmFormat) -> u64 {
    format.fps.samples_at(span.end()) - format.fps.samples_at(span.first_frame)
}

fn mix_shot(
    shot: &Shot,
    span: &Span,
    next: Option<&Span>,
    facts: &FactsByClip,
    format: FilmFormat,
) -> MixShot {
    let clip = match shot.source {
        Source::Clip(clip) if !shot.audio.mute => Some(clip),
        _ => None,
    };
    let audio = clip.and_then(|clip| facts.get(&clip)?.audio.as_ref());
    let whole = format.fps.samples_at(span.first_frame)..format.fps.samples_at(span.end());
    let (late, fade_in) = rise(span, format);
    let (early, fade_out) = next.map_or((0, Fade::default()), |next| fall(next, format));
    let (first_sample, end) = (whole.start + late, whole.end.saturating_sub(early));
    MixShot {
        clip: clip.filter(|_| audio.is_some()),
        first_sample,
        samples: end.saturating_sub(first_sample),
        clip_start_seconds: shot.trim.start + seconds(late),
        clip_sound_offset_seconds: audio.map_or(0.0, |audio| audio.start_offset_seconds),
        gain_db: shot.audio.gain,
        fade_in: longer(fade_in, shot.audio.fade_in),
        fade_out: longer(fade_out, shot.audio.fade_out),
        speech: !shot.dialogue.is_empty(),
    }
}

/// How much later than its picture a shot's sound starts, and how it rises.
fn rise(span: &Span, format: FilmFormat) -> (u64, Fade) {
    let shared = shared_samples(span, format);
    match span.transition {
        None => (0, Fade::default()),
        // Over nothing but a colour there is no sound to cross.
        Some(_) if span.first_frame == 0 => (0, Fade::linear(shared)),
        Some(TransitionKind::Dissolve) => (0, Fade::equal_power(shared)),
        // Through a colour: the one is gone before the other comes.
        Some(TransitionKind::FadeBlack | TransitionKind::FadeWhite) => {
            (shared / 2, Fade::linear(shared - shared / 2))
        }
    }
}

/// How much earlier than its picture the sound of the shot before `next` ends, and how it falls.
fn fall(next: &Span, format: FilmFormat) -> (u64, Fade) {
    let shared = shared_samples(next, format);
    match next.transition {
        None => (0, Fade::default()),
        Some(TransitionKind::Dissolve) => (0, Fade::equal_power(shared)),
        Some(TransitionKind::FadeBlack | TransitionKind::FadeWhite) => {
            (shared - shared / 2, Fade::linear(shared / 2))
        }
    }
}

fn shared_samples(span: &Span, format: FilmFormat) -> u64 {
    format.fps.samples_at(span.first_frame + span.shared_before)
        - format.fps.samples_at(span.first_frame)
}

fn longer(of_transition: Fade, asked_seconds: f64) -> Fade {
    let asked = samples(asked_seconds);
    if asked > of_transition.samples {
        Fade::linear(asked)
    } else {
        of_transition
    }
}

fn mix_track(at: usize, track: &Track, total_samples: u64) -> Result<MixTrack, FieldProblem> {
    let first_sample = samples(track.start);
    let end_sample = track.end.map_or(total_samples, samples).min(total_samples);
    if first_sample >= end_sample {
        let film = seconds(total_samples);
        return Err(FieldProblem::new(
            format!("/tracks/{at}/start"),
            "track_past_film",
            format!(
                "The track starts at {} s and is never heard: the film lasts {film:.3} s.",
                track.start
            ),
        ));
    }
    let (fades, room) = (
        track.fade_in + track.fade_out,
        seconds(end_sample - first_sample),
    );
    if fades > room {
        return Err(fades_too_long(format!("/tracks/{at}"), fades, room));
    }
    Ok(MixTrack {
        clip: track.source.clip,
        kind: track.kind,
        first_sample,
        end_sample,
        clip_start_seconds: track.trim.start,
        clip_end_seconds: track.trim.end,
        repeat: track.repeat,
        gain_db: track.gain,
        fade_in: Fade::linear(samples(track.fade_in)),
        fade_out: Fade::linear(samples(track.fade_out)),
        duck: track.duck,
    })
}

fn fades_too_long(pointer: String, fades: f64, room: f64) -> FieldProblem {
    FieldProblem::new(
        pointer,
        "fades_too_long",
        format!("Its fades last {fades} s together, but it is heard for {room:.3} s."),
    )
    .fix("Shorten fade_in or fade_out.")
}

fn samples(seconds: f64) -> u64 {
    (seconds * f64::from(SAMPLE_RATE_HZ)).round() as u64
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE_HZ)
}
