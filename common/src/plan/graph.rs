//! The task graph: which segments are copied, which are conformed, and what is made of them.

use crate::facts::{ClipFacts, VideoFacts};
use crate::film::{FilmFormat, LedgerRow};
use crate::manifest::{Shot, ShotManifest};
use crate::task::{
    AssembleSpec, CheckSpec, ConformSpec, EngineClass, MixShot, MixSpec, MixTrack, PackageSpec,
    Segment, SegmentSource, SourcePicture, TaskSpec,
};
use crate::units::SAMPLE_RATE_HZ;
use crate::verdict::{self, Role, Verdict};

use super::timeline::Timeline;
use super::{FactsByClip, Plan, PlannedTask};

/// Relative cost per second of film and megapixel, by experience: encoding dominates, the rest is nearly linear in time.
mod weight {
    pub const CONFORM_PER_MPX_SECOND: f64 = 1.0;
    pub const MIX_PER_SECOND: f64 = 0.05;
    pub const ASSEMBLE_PER_SECOND: f64 = 0.02;
    pub const CHECK_PER_MPX_SECOND: f64 = 0.1;
    pub const PACKAGE: f64 = 0.5;
    /// Start-up of a process, even for the shortest task.
    pub const FLOOR: f64 = 0.2;
}

pub fn build(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: FilmFormat,
    timeline: &Timeline,
) -> Plan {
    let duration_seconds = format.fps.seconds_at(timeline.total_frames);
    let mut tasks = Vec::new();
    let segments = segments(manifest, facts, format, timeline, &mut tasks);
    let mix = mix(manifest, facts, format, timeline);
    let total_samples = mix.total_samples;
    let mix = push(
        &mut tasks,
        TaskSpec::Mix(mix),
        weight::MIX_PER_SECOND * duration_seconds,
        None,
    );
    let assemble = TaskSpec::Assemble(AssembleSpec {
        format,
        segments,
        mix,
        captions: timeline.captions.clone(),
        chapters: timeline.chapters.clone(),
        title: manifest.title.clone(),
        language: manifest.language.clone(),
    });
    let film = push(
        &mut tasks,
        assemble,
        weight::ASSEMBLE_PER_SECOND * duration_seconds,
        None,
    );
    let check = TaskSpec::Check(CheckSpec {
        film,
        format,
        ledger: timeline.ledger.clone(),
        total_samples,
        loudness: manifest.loudness,
        chapters: timeline.chapters.len() as u32,
        captions: timeline.captions.len() as u32,
    });
    let megapixels = f64::from(format.width) * f64::from(format.height) / 1e6;
    push(
        &mut tasks,
        check,
        weight::CHECK_PER_MPX_SECOND * megapixels * duration_seconds,
        None,
    );
    let package = TaskSpec::Package(PackageSpec {
        film,
        poster_frames: poster_frames(&timeline.ledger),
        captions: timeline.captions.clone(),
        chapters: timeline.chapters.clone(),
        total_seconds: duration_seconds,
    });
    push(&mut tasks, package, weight::PACKAGE, None);
    Plan {
        format,
        ledger: timeline.ledger.clone(),
        total_frames: timeline.total_frames,
        total_samples,
        duration_seconds,
        tasks,
    }
}

fn push(
    tasks: &mut Vec<PlannedTask>,
    spec: TaskSpec,
    weight: f64,
    shot: Option<String>,
) -> crate::hash::TaskKey {
    let key = spec.key();
    if !tasks.iter().any(|task| task.key == key) {
        tasks.push(PlannedTask {
            key,
            spec,
            weight: weight.max(weight::FLOOR),
            shot,
        });
    }
    key
}

/// Copies when *every* shot can be copied and all share their parameter sets; otherwise every shot is conformed, because a player needs one
/// set of parameters throughout. (Sets in band, which lift this, come with the media engine.)
fn segments(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: FilmFormat,
    timeline: &Timeline,
    tasks: &mut Vec<PlannedTask>,
) -> Vec<Segment> {
    let shots = || {
        manifest
            .shots
            .iter()
            .zip(&timeline.ledger)
            .filter_map(|(shot, row)| facts.get(&shot.source.clip).map(|facts| (shot, row, facts)))
    };
    let sets = |facts: &ClipFacts| {
        let video = facts.video.as_ref()?;
        Some((video.parameter_sets.clone()?, video.reorder_frames))
    };
    let first = shots().next().and_then(|(_, _, facts)| sets(facts));
    let copy = first.is_some()
        && shots()
            .all(|(shot, row, facts)| copyable(shot, row, facts, &format) && sets(facts) == first);
    shots()
        .map(|(shot, row, facts)| Segment {
            shot: shot.id.clone(),
            frames: row.frames,
            source: if copy {
                SegmentSource::Copy {
                    clip: shot.source.clip,
                }
            } else {
                conform(shot, row, facts.video.as_ref(), format, tasks)
            },
        })
        .collect()
}

/// A stream copy of the clip is exactly this shot of the film.
fn copyable(shot: &Shot, row: &LedgerRow, facts: &ClipFacts, format: &FilmFormat) -> bool {
    let Some(video) = &facts.video else {
        return false;
    };
    let untrimmed = shot.trim.start == 0.0 && row.frames == video.frames;
    let ticks = u64::from(video.timescale) * u64::from(format.fps.den());
    verdict::judge(facts, Role::Shot).verdict == Verdict::Accept
        && untrimmed
        && (video.width, video.height) == (format.width, format.height)
        && video.frame_rate == format.fps
        && video.starts_on_idr
        && ticks.is_multiple_of(u64::from(format.fps.num()))
}

fn conform(
    shot: &Shot,
    row: &LedgerRow,
    video: Option<&VideoFacts>,
    format: FilmFormat,
    tasks: &mut Vec<PlannedTask>,
) -> SegmentSource {
    let source = SourcePicture {
        interlaced: video.is_some_and(|video| video.interlaced),
        hdr: video.is_some_and(|video| video.colour.is_hdr()),
        alpha: video.is_some_and(|video| video.alpha),
        full_range: video.is_some_and(|video| video.colour.full_range),
    };
    let megapixels = f64::from(format.width) * f64::from(format.height) / 1e6;
    let cost = weight::CONFORM_PER_MPX_SECOND * megapixels * format.fps.seconds_at(row.frames);
    let spec = TaskSpec::Conform(ConformSpec {
        clip: shot.source.clip,
        engine: EngineClass::X264Cpu1,
        format,
        fit: shot.fit,
        start_seconds: shot.trim.start,
        frames: row.frames,
        source,
    });
    SegmentSource::Conform {
        task: push(tasks, spec, cost, Some(shot.id.clone())),
    }
}

fn mix(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: FilmFormat,
    timeline: &Timeline,
) -> MixSpec {
    let shots = manifest
        .shots
        .iter()
        .zip(&timeline.ledger)
        .map(|(shot, row)| {
            let audio = facts
                .get(&shot.source.clip)
                .and_then(|facts| facts.audio.as_ref())
                .filter(|_| !shot.audio.mute);
            let first_sample = format.fps.samples_at(row.first_frame);
            let end = format.fps.samples_at(row.first_frame + row.frames);
            MixShot {
                clip: audio.map(|_| shot.source.clip),
                first_sample,
                samples: end - first_sample,
                clip_start_seconds: shot.trim.start,
                clip_sound_offset_seconds: audio.map_or(0.0, |audio| audio.start_offset_seconds),
                gain_db: shot.audio.gain,
            }
        })
        .collect();
    let tracks = manifest
        .tracks
        .iter()
        .map(|track| MixTrack {
            clip: track.source.clip,
            first_sample: (track.start * f64::from(SAMPLE_RATE_HZ)).round() as u64,
            gain_db: track.gain,
        })
        .collect();
    MixSpec {
        shots,
        tracks,
        total_samples: format.fps.samples_at(timeline.total_frames),
        loudness: manifest.loudness,
    }
}

/// The middle of shots spread over the film, starting a third into it: openings are often black.
fn poster_frames(ledger: &[LedgerRow]) -> Vec<u64> {
    const CANDIDATES: usize = 6;
    let count = ledger.len();
    (0..CANDIDATES.min(count))
        .filter_map(|nth| ledger.get((count / 3 + nth * count.div_ceil(CANDIDATES)) % count))
        .map(|row| row.first_frame + row.frames / 2)
        .collect()
}
