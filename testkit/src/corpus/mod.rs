//! Whether odd clips really end in a film: each usable file of a directory is rendered alone with `botflix render --local`, and film and clip are
//! decoded side by side by ffmpeg, which is not ours. For measuring, with media that is not part of the project.

mod compare;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::film;
use compare::{Likeness, likeness};

/// Two different pictures that show the same thing correlate more than this; tone mapping and other scalers keep the order of bright and dark.
const LEAST_LIKENESS: f64 = 0.9;
/// A frame at 24 fps.
const MOST_LAG_SECONDS: f64 = 0.042;

/// What came of one file.
pub struct Outcome {
    pub file: String,
    pub verdict: String,
    /// `None`: refused, as it should be or not.
    pub film: Option<Film>,
}

pub struct Film {
    pub frames: u64,
    pub expected_frames: u64,
    pub drift_seconds: f64,
    pub likeness: Likeness,
}

impl Film {
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.frames != self.expected_frames {
            faults.push(format!(
                "{} frames instead of {}",
                self.frames, self.expected_frames
            ));
        }
        if self.drift_seconds > 0.022 {
            faults.push(format!("tracks differ by {:.3} s", self.drift_seconds));
        }
        if self.likeness.picture < LEAST_LIKENESS {
            faults.push(format!(
                "pictures correlate by {:.3} only",
                self.likeness.picture
            ));
        }
        if let Some(lag) = self.likeness.sound_lag_seconds
            && lag.abs() > MOST_LAG_SECONDS
        {
            faults.push(format!("sound is {lag:+.3} s off"));
        }
        faults
    }
}

pub fn run(botflix: &Path, clip: &Path) -> Result<Outcome> {
    let file = name(clip);
    let inspected = Command::new(botflix)
        .args(["inspect", "--json"])
        .arg(clip)
        .output()?;
    let facts: Value = serde_json::from_slice(&inspected.stdout)
        .with_context(|| String::from_utf8_lossy(&inspected.stderr).into_owned())?;
    let verdict = facts.pointer("/verdict").and_then(Value::as_str);
    let verdict = verdict.unwrap_or_default().to_owned();
    let film = match verdict.as_str() {
        "refuse" => None,
        _ => {
            let seconds = facts.pointer("/facts/video/duration_seconds");
            let seconds = seconds.and_then(Value::as_f64).context("duration")?;
            Some(render(botflix, clip, seconds)?)
        }
    };
    Ok(Outcome {
        file,
        verdict,
        film,
    })
}

fn render(botflix: &Path, clip: &Path, seconds: f64) -> Result<Film> {
    let place = tempfile::tempdir()?;
    let clips = place.path().join("clips");
    fs::create_dir(&clips)?;
    // A plain name: how odd names are named is another test's.
    fs::copy(clip, clips.join("clip"))?;
    let manifest = place.path().join("manifest.json");
    let shot = json!({"id": "1", "source": {"file": "clip"}});
    fs::write(
        &manifest,
        json!({"title": "T", "shots": [shot]}).to_string(),
    )?;
    let out: PathBuf = place.path().join("film.mp4");
    let rendered = Command::new(botflix)
        .args(["render", "--local", "--no-cache", "--json"])
        .arg(&manifest)
        .arg("--clips")
        .arg(&clips)
        .arg("--out")
        .arg(&out)
        .output()?;
    if !rendered.status.success() {
        bail!("{}", String::from_utf8_lossy(&rendered.stderr));
    }
    let measured = film::measure(&out)?;
    let said: Value = serde_json::from_slice(&rendered.stdout)?;
    let fps = said.pointer("/film/fps").context("fps")?;
    let fps = fps
        .as_f64()
        .or_else(|| rate(fps.as_str()?))
        .context("fps")?;
    Ok(Film {
        frames: measured.frames,
        expected_frames: (seconds * fps).round() as u64,
        drift_seconds: (measured.video_seconds - measured.audio_seconds).abs(),
        likeness: likeness(clip, &out, fps)?,
    })
}

fn rate(text: &str) -> Option<f64> {
    let (num, den) = text.split_once('/')?;
    Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?)
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
