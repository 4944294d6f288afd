//! How much film a task was about, in seconds: what makes its run time a real-time factor. Pure.

use botflix_common::facts::ClipFacts;
use botflix_common::task::{TaskInput, TaskOutput, TaskSpec};
use botflix_common::units::{FrameRate, SAMPLE_RATE_HZ};

/// The pictures of a joined film.
pub(super) struct FilmSeconds {
    pub copied_seconds: f64,
    pub made_seconds: f64,
}

/// The length of the media that a task was run on: of the clip, the segment, the sound, the film.
pub(super) fn seconds(input: &TaskInput, output: &TaskOutput) -> f64 {
    match (output, &input.spec) {
        (TaskOutput::Inspect { facts }, _) => clip(facts),
        (TaskOutput::Conform { frames, .. }, TaskSpec::Conform(spec)) => {
            at_rate(*frames, spec.format.fps)
        }
        (TaskOutput::Mix(sound), _) => sound.samples as f64 / f64::from(SAMPLE_RATE_HZ),
        (
            TaskOutput::Assemble {
                duration_seconds, ..
            },
            _,
        ) => *duration_seconds,
        (TaskOutput::Check { film, .. }, _) => film.video_seconds,
        // The film is the one that was checked.
        (TaskOutput::Package, _) => {
            let records = input.upstream.values();
            let films = records.filter_map(|record| match &record.output {
                TaskOutput::Check { film, .. } => Some(film.video_seconds),
                _ => None,
            });
            films.sum()
        }
        (TaskOutput::Conform { .. }, _) => 0.0,
    }
}

/// Its picture or its sound, whichever is longer.
fn clip(facts: &ClipFacts) -> f64 {
    let picture = facts.video.as_ref().map(|video| video.duration_seconds);
    let sound = facts.audio.as_ref().map(|audio| audio.duration_seconds());
    picture.unwrap_or(0.0).max(sound.unwrap_or(0.0))
}

/// Of an `assemble` task: how much of the picture is the clips' own.
pub(super) fn film(input: &TaskInput) -> Option<FilmSeconds> {
    let TaskSpec::Assemble(spec) = &input.spec else {
        return None;
    };
    let frames: u64 = spec.segments.iter().map(|segment| segment.frames).sum();
    let copied = spec.copied_frames();
    Some(FilmSeconds {
        copied_seconds: at_rate(copied, spec.format.fps),
        made_seconds: at_rate(frames.saturating_sub(copied), spec.format.fps),
    })
}

fn at_rate(frames: u64, fps: FrameRate) -> f64 {
    frames as f64 * f64::from(fps.den()) / f64::from(fps.num())
}
