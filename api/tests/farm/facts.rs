//! Clips as the inspection would find them, manifests, and the records of tasks.

use std::collections::BTreeMap;

use botflix_common::facts::{ClipFacts, Defect};
use botflix_common::fixtures;
use botflix_common::hash::Sha;
use botflix_common::manifest::ShotManifest;
use botflix_common::manifest::read::read_manifest;
use botflix_common::task::{Artifact, FilmFacts, SoundFacts, TaskOutput, TaskRecord, TaskSpec};
use botflix_common::units::FrameRate;

/// A clip by its name in the test.
pub fn clip(name: &str) -> Sha {
    Sha::of(name.as_bytes())
}

/// Clips whose name starts so are refused; all others are two seconds of clean film.
pub const BAD: &str = "bad";

pub fn facts_of(sha: &Sha) -> ClipFacts {
    let bad = (0..100).any(|at| *sha == clip(&format!("{BAD}{at}")));
    let mut facts = fixtures::silent_clip(320, 180, FrameRate::new(24, 1).unwrap(), 48);
    if bad {
        facts.video = None;
        facts.defects = vec![Defect::Encrypted];
    } else if let Some(video) = &mut facts.video {
        // Nothing of it is copied: each shot is a task.
        video.codec = "hevc".to_owned();
    }
    facts
}

/// The same film in another width, which makes other segments of it.
pub fn manifest_of_width(width: usize, clips: &[&str]) -> ShotManifest {
    let mut manifest = manifest("Film", clips);
    let format = format!(r#"{{"width": {width}, "height": 180, "fps": 24}}"#);
    manifest.format = serde_json::from_str(&format).unwrap();
    manifest
}

/// A film of these clips, each a shot `s0`, `s1`, …
pub fn manifest(title: &str, clips: &[&str]) -> ShotManifest {
    let shots: Vec<String> = clips
        .iter()
        .enumerate()
        .map(|(at, name)| {
            format!(
                r#"{{"id": "s{at}", "source": {{"clip": "{}"}}}}"#,
                clip(name)
            )
        })
        .collect();
    let text = format!(r#"{{"title": "{title}", "shots": [{}]}}"#, shots.join(","));
    read_manifest(text.as_bytes()).unwrap()
}

fn artifact(spec: &TaskSpec, role: &str) -> (String, Artifact) {
    let artifact = Artifact {
        sha256: Sha::of(format!("{role} of {}", spec.key()).as_bytes()),
        bytes: 10,
        media_type: "application/octet-stream".to_owned(),
    };
    (role.to_owned(), artifact)
}

/// What a worker would have made of a task.
pub fn record(spec: &TaskSpec, worker: &str) -> TaskRecord {
    let (roles, output): (&[&str], TaskOutput) = match spec {
        TaskSpec::Inspect(inspect) => (
            &[],
            TaskOutput::Inspect {
                facts: Box::new(facts_of(&inspect.clip)),
            },
        ),
        TaskSpec::Conform(conform) => (
            &["segment"],
            TaskOutput::Conform {
                frames: conform.frames,
                fonts: Vec::new(),
            },
        ),
        TaskSpec::Mix(mix) => (
            &["sound"],
            TaskOutput::Mix(SoundFacts {
                integrated_lufs: None,
                true_peak_dbtp: None,
                gain_db: 0.0,
                samples: mix.total_samples,
                packets: Sha::of(b"packets"),
            }),
        ),
        TaskSpec::Assemble(assemble) => (
            &["film"],
            TaskOutput::Assemble {
                frames: assemble.segments.iter().map(|segment| segment.frames).sum(),
                duration_seconds: 2.0,
                picture_digest: String::new(),
                sound: SoundFacts {
                    integrated_lufs: None,
                    true_peak_dbtp: None,
                    gain_db: 0.0,
                    samples: 0,
                    packets: Sha::of(b"packets"),
                },
                copied_frames: assemble.copied_frames(),
            },
        ),
        TaskSpec::Check(check) => (
            &["poster"],
            TaskOutput::Check {
                film: FilmFacts {
                    width: check.format.width,
                    height: check.format.height,
                    fps: check.format.fps,
                    frames: check.total_frames,
                    video_seconds: 2.0,
                    audio_seconds: 2.0,
                    integrated_lufs: None,
                    true_peak_dbtp: None,
                    bytes: 10,
                    draft: false,
                },
                findings: Vec::new(),
                poster_frames: vec![0],
            },
        ),
        TaskSpec::Package(_) => (&["poster"], TaskOutput::Package),
    };
    TaskRecord {
        version: 1,
        task: spec.key(),
        artifacts: roles
            .iter()
            .map(|role| artifact(spec, role))
            .collect::<BTreeMap<_, _>>(),
        output,
        engine: "script".to_owned(),
        worker: worker.to_owned(),
        wall_seconds: 0.1,
    }
}
