//! Stories that tests send: the material is uploaded, the manifest is what an agent would write.

use std::time::Duration;

use anyhow::{Result, bail};
use botflix_common::hash::Sha;
use botflix_common::http::ClipStatus;
use serde_json::{Value, json};

use crate::client::Client;
use crate::material::{self, Picture};

/// Longest render of a story of this file on a busy machine, a lost lease included.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// Frames of the film that [`short`] means: 3 s, 2 s, 48 frames at 24000/1001, 2 s, all at 25 frames per second.
pub const SHORT_FRAMES: u64 = 225;

/// Length and rate of the film that [`slow`] means.
pub const SLOW_SECONDS: u32 = 8;
pub const SLOW_FPS: u32 = 60;

/// Four shots that differ in size, rate, shape and sound, narration over them, two beats, and dialogue in two of the shots.
pub async fn short(director: &Client, title: &str) -> Result<Value> {
    let plain = Picture::plain(3);
    let large = Picture {
        width: 640,
        height: 360,
        fps: "30",
        seconds: 3,
        tone_hz: Some(330),
    };
    let silent = Picture {
        fps: "24000/1001",
        seconds: 2,
        tone_hz: None,
        ..plain
    };
    let portrait = Picture {
        width: 180,
        height: 320,
        seconds: 2,
        tone_hz: Some(440),
        ..plain
    };
    let mut clips = Vec::new();
    for picture in [plain, large, silent, portrait] {
        clips.push(send(director, &picture.make()?).await?);
    }
    let [plain, large, silent, portrait] = clips.as_slice() else {
        bail!("four clips")
    };
    let narration = send(director, &material::narration(7)?).await?;
    Ok(json!({
        "title": title,
        "description": "Made by a test.",
        "format": {"width": 640, "height": 360, "fps": 25},
        "beats": [{"id": "hook", "name": "The hook"}, {"id": "turn", "name": "The turn"}],
        "shots": [
            {"id": "s01", "beat": "hook", "source": {"clip": plain},
             "dialogue": [{"speaker": "Ada", "text": "It moves.", "start": 0.5, "end": 2.0}]},
            {"id": "s02", "beat": "hook", "source": {"clip": large}, "trim": {"start": 0.4, "end": 2.4}, "audio": {"gain": -6.0}},
            {"id": "s03", "beat": "turn", "source": {"clip": silent},
             "dialogue": [{"text": "Nobody hears this, but it is written.", "end": 1.8}]},
            {"id": "s04", "beat": "turn", "source": {"clip": portrait}, "fit": "cover", "audio": {"mute": true}},
        ],
        "tracks": [{"id": "voice", "kind": "narration", "source": {"clip": narration}, "start": 1.0, "gain": -3.0}],
    }))
}

/// One shot that is quick to inspect and takes some seconds to make larger and faster, so that there is a middle to hurt it in.
pub async fn slow(director: &Client, title: &str) -> Result<Value> {
    let clip = Picture {
        width: 640,
        height: 360,
        fps: "30",
        ..Picture::plain(SLOW_SECONDS)
    };
    let clip = send(director, &clip.make()?).await?;
    Ok(json!({
        "title": title,
        "format": {"width": 1280, "height": 720, "fps": SLOW_FPS},
        "shots": [{"id": "only", "source": {"clip": clip}}],
    }))
}

/// Uploads a file and waits until the farm calls it usable.
pub async fn send(director: &Client, file: &std::path::Path) -> Result<Sha> {
    let judged = director.clip(file).await?;
    if judged.status != ClipStatus::Ready {
        bail!(
            "{} is {:?}: {:?}",
            file.display(),
            judged.status,
            judged.reasons
        );
    }
    Ok(judged.clip)
}
