//! A clip and the film made of it, decoded by ffmpeg: do their pictures show the same, and does their sound come at the same time?

use std::path::Path;

use anyhow::{Result, bail};

use crate::process::{find, run};

/// Pictures are compared at this size.
const WIDTH: usize = 32;
const HEIGHT: usize = 18;
/// Sound is compared as its energy per this many seconds, and moved against each other by up to so many of them.
const STEP_SECONDS: f64 = 0.005;
const MOST_STEPS: i64 = 60;

#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    /// The median over all frames of the correlation of brightness, −1 to 1. 1 where both pictures are blank.
    pub picture: f64,
    /// By how much the film's sound comes later than the clip's; `None` where there is no sound to compare.
    pub sound_lag_seconds: Option<f64>,
}

pub fn likeness(clip: &Path, film: &Path, fps: f64) -> Result<Likeness> {
    let reference = pictures(clip, fps)?;
    let made = pictures(film, fps)?;
    if made.is_empty() {
        bail!("the film has no pictures");
    }
    let mut all: Vec<f64> = reference
        .iter()
        .zip(&made)
        .map(|(a, b)| correlation(a, b))
        .collect();
    all.sort_by(f64::total_cmp);
    Ok(Likeness {
        picture: all.get(all.len() / 2).copied().unwrap_or(0.0),
        sound_lag_seconds: sound_lag(clip, film)?,
    })
}

/// The first picture track that is no cover, from its first picture on, at the film's rate, stretched to one size as a viewer would see it.
fn pictures(file: &Path, fps: f64) -> Result<Vec<Vec<f64>>> {
    let filter = format!(
        "setpts=PTS-STARTPTS,fps={fps}:start_time=0:round=near,scale={WIDTH}:{HEIGHT}:flags=area,format=gray"
    );
    let path = file.display().to_string();
    let raw = run(
        &find("ffmpeg")?,
        [
            "-nostdin", "-v", "quiet", "-i", &path, "-map", "0:V:0", "-vf", &filter, "-f",
            "rawvideo", "-",
        ],
    )?;
    Ok(raw
        .chunks_exact(WIDTH * HEIGHT)
        .map(|picture| picture.iter().map(|pixel| f64::from(*pixel)).collect())
        .collect())
}

fn sound_lag(clip: &Path, film: &Path) -> Result<Option<f64>> {
    let (a, b) = (energy(clip)?, energy(film)?);
    let loud = |energy: &[f64]| energy.iter().any(|value| *value > 1e-5);
    if !loud(&a) || !loud(&b) {
        return Ok(None);
    }
    let score = |lag: &i64| {
        let shifted: Vec<f64> = (0..a.len() as i64)
            .map(|at| {
                usize::try_from(at + lag)
                    .ok()
                    .and_then(|at| b.get(at).copied())
                    .unwrap_or(0.0)
            })
            .collect();
        correlation(&a, &shifted)
    };
    let best = (-MOST_STEPS..=MOST_STEPS).max_by(|x, y| score(x).total_cmp(&score(y)));
    Ok(best.map(|lag| lag as f64 * STEP_SECONDS))
}

/// The square root of the sound's energy per step, from the first picture on.
fn energy(file: &Path) -> Result<Vec<f64>> {
    const RATE: f64 = 8000.0;
    let path = file.display().to_string();
    let start = first_picture(&path)?;
    // Timestamps against the picture decide what is dropped or preceded by silence.
    let filter = format!("asetpts=PTS-({start})/TB,aresample={RATE}:async=1:first_pts=0");
    let raw = run(
        &find("ffmpeg")?,
        [
            "-nostdin", "-v", "quiet", "-copyts", "-i", &path, "-map", "0:a:0?", "-af", &filter,
            "-ac", "1", "-f", "f32le", "-",
        ],
    )
    .unwrap_or_default();
    let samples: Vec<f64> = raw
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
        .collect();
    let step = (RATE * STEP_SECONDS) as usize;
    Ok(samples
        .chunks(step)
        .map(|chunk| (chunk.iter().map(|x| x * x).sum::<f64>() / chunk.len() as f64).sqrt())
        .collect())
}

fn first_picture(path: &str) -> Result<f64> {
    let args = [
        "-v",
        "quiet",
        "-select_streams",
        "V:0",
        "-read_intervals",
        "%+#1",
        "-show_entries",
        "frame=best_effort_timestamp_time",
        "-of",
        "default=noprint_wrappers=1:nokey=1",
        path,
    ];
    let said = run(&find("ffprobe")?, args)?;
    let said = String::from_utf8_lossy(&said);
    Ok(said
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .unwrap_or(0.0))
}

/// Pearson's; 1 for two constants.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().min(b.len()).max(1) as f64;
    let mean = |values: &[f64]| values.iter().take(count as usize).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        both += (x - mean_a) * (y - mean_b);
        of_a += (x - mean_a).powi(2);
        of_b += (y - mean_b).powi(2);
    }
    let blank = count * 4.0;
    if of_a < blank && of_b < blank && count > 500.0 && mean_a > 1.0 {
        return 1.0;
    }
    if of_a == 0.0 || of_b == 0.0 {
        return f64::from(u8::from(of_a == of_b));
    }
    both / (of_a * of_b).sqrt()
}
