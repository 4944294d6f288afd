//! What the directors of a chaos run send: short films of a few clips, drawn from a seed, and clips that kill ffmpeg.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use botflix_common::hash::Sha;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::material::Picture;

/// Tones that tell clips apart that are alike otherwise.
const TONES: u32 = 40;

/// A manifest whose clips are still named by their place in `clips`.
pub struct Told {
    pub manifest: Value,
    pub clips: Vec<Picture>,
}

/// Which files a director has sent already.
#[derive(Default)]
pub struct Clips(HashMap<PathBuf, Sha>);

impl Clips {
    pub fn known(&self, file: &Path) -> Option<Sha> {
        self.0.get(file).copied()
    }

    pub fn learn(&mut self, file: &Path, sha: Sha) {
        self.0.insert(file.to_owned(), sha);
    }
}

fn pictures(rng: &mut Rng) -> Vec<Picture> {
    let plain = Picture::plain(3);
    let tone_hz = Some(200 + 10 * rng.u32(0..TONES));
    vec![
        plain,
        Picture {
            width: 640,
            height: 360,
            fps: "30",
            ..plain
        },
        Picture {
            fps: "24000/1001",
            seconds: 2,
            tone_hz: None,
            ..plain
        },
        Picture {
            width: 180,
            height: 320,
            seconds: 2,
            ..plain
        },
        Picture {
            seconds: 2,
            tone_hz,
            ..plain
        },
    ]
}

/// Two to four shots; one film in four is large and fast enough for its shots to take some seconds each.
pub fn draw(rng: &mut Rng, title: &str) -> Told {
    let mut clips = pictures(rng);
    rng.shuffle(&mut clips);
    clips.truncate(rng.usize(2..5));
    let (width, height, fps) = match rng.u32(0..4) {
        0 => (1280, 720, 50),
        1 => (640, 360, 25),
        _ => (320, 180, 25),
    };
    let shots: Vec<Value> = clips
        .iter()
        .enumerate()
        .map(|(at, clip)| {
            // In frames of the film, so that no two films are the same.
            let start = f64::from(rng.u32(0..20)) / f64::from(fps);
            let end = f64::from(clip.seconds) - f64::from(rng.u32(0..10)) / f64::from(fps);
            json!({
                "id": format!("s{at}"),
                "source": {"clip": place(clip)},
                "trim": {"start": start, "end": end},
            })
        })
        .collect();
    let manifest = json!({
        "title": title,
        "format": {"width": width, "height": height, "fps": fps},
        "shots": shots,
    });
    Told { manifest, clips }
}

/// What stands for a clip until its hash is known.
fn place(clip: &Picture) -> String {
    format!("{clip:?}")
}

pub fn name_clip(manifest: &mut Value, clip: &Picture, sha: &Sha) {
    let place = place(clip);
    let shots = manifest.get_mut("shots").and_then(Value::as_array_mut);
    for shot in shots.into_iter().flatten() {
        if let Some(named) = shot.pointer_mut("/source/clip")
            && *named == json!(place)
        {
            *named = json!(sha);
        }
    }
}

/// Long enough for its inspection to be caught at it.
const POISON_SECONDS: u32 = 30;

/// A good clip that nobody else sends, for a process to die of. No real clip that kills each build of ffmpeg is known: the test sees to it, by
/// the file's length.
pub fn poison(seed: u64) -> Result<(PathBuf, u64)> {
    let good = Picture {
        width: 640,
        height: 360,
        fps: "30",
        ..Picture::plain(POISON_SECONDS)
    }
    .make()?;
    let mut bytes = std::fs::read(&good)?;
    // A box that players pass over, of a length that nothing else has.
    let filling = 1000 + usize::try_from(seed % 50_000)?;
    bytes.extend_from_slice(&u32::try_from(filling + 8)?.to_be_bytes());
    bytes.extend_from_slice(b"free");
    bytes.resize(bytes.len() + filling, 0);
    let path = good.with_file_name(format!("poison-{seed}.mp4"));
    std::fs::write(&path, &bytes)?;
    Ok((path, bytes.len() as u64))
}
