//! What a worker that did nothing says it made: well formed, so that the API accepts it and goes on to publish. The bytes do not exist.

use botflix_common::hash::Sha;
use botflix_common::task::{Artifact, FilmFacts, SoundFacts, TaskOutput, TaskRecord, TaskSpec};

/// `None`: an inspection, whose facts only a real worker can find.
pub(super) fn record(spec: &TaskSpec, worker: &str, wall_seconds: f64) -> Option<TaskRecord> {
    let (role, output) = match spec {
        TaskSpec::Inspect(_) => return None,
        TaskSpec::Conform(conform) => {
            let output = TaskOutput::Conform {
                frames: conform.frames,
                fonts: Vec::new(),
            };
            ("segment", output)
        }
        TaskSpec::Mix(mix) => ("sound", TaskOutput::Mix(sound(mix.total_samples))),
        TaskSpec::Assemble(assemble) => {
            let output = TaskOutput::Assemble {
                frames: assemble.segments.iter().map(|one| one.frames).sum(),
                duration_seconds: 1.0,
                picture_digest: String::new(),
                sound: sound(0),
                copied_frames: assemble.copied_frames(),
            };
            ("film", output)
        }
        TaskSpec::Check(check) => {
            let film = FilmFacts {
                width: check.format.width,
                height: check.format.height,
                fps: check.format.fps,
                frames: check.total_frames,
                video_seconds: 1.0,
                audio_seconds: 1.0,
                integrated_lufs: None,
                true_peak_dbtp: None,
                bytes: 10,
                draft: false,
            };
            let output = TaskOutput::Check {
                film,
                findings: Vec::new(),
                poster_frames: vec![0],
            };
            ("poster", output)
        }
        TaskSpec::Package(_) => ("poster", TaskOutput::Package),
    };
    let task = spec.key();
    let artifact = Artifact {
        sha256: Sha::of(format!("{role} of {task}").as_bytes()),
        bytes: 10,
        media_type: "application/octet-stream".to_owned(),
    };
    Some(TaskRecord {
        version: 1,
        task,
        artifacts: [(role.to_owned(), artifact)].into(),
        output,
        engine: "no-op".to_owned(),
        worker: worker.to_owned(),
        wall_seconds,
    })
}

fn sound(samples: u64) -> SoundFacts {
    SoundFacts {
        integrated_lufs: None,
        true_peak_dbtp: None,
        gain_db: 0.0,
        samples,
        packets: Sha::of(b"packets"),
    }
}
