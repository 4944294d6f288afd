//! Whether a film is right, by tools that are not ours: every picture read, all sound heard, where it starts and ends.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::claps;
use super::contestant::{CEILING_DBTP, TARGET_LUFS};
use super::counter::{self, Difference};
use super::edit::Edit;
use super::material::sets::FPS;
use crate::process::{find, run, tail};

/// Farther from the target than this is wrong, LU (the limit).
const LOUDNESS_LU: f64 = 0.3;
/// ffmpeg prints a tenth of a decibel.
const PEAK_DB: f64 = 0.05;
/// Sound and picture may be apart by one picture.
const APART_MS: f64 = 1000.0 / 24.0;
const LOG_LINES: usize = 20;

/// What a film measures.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub frames: u64,
    pub expected: u64,
    /// Where strips could be compared.
    pub pictures: Option<Difference>,
    /// First picture on the film's clock.
    pub starts_ms: f64,
    /// The picture that is farthest from its place on an even clock that starts with the first.
    pub uneven_ms: f64,
    /// End of the sound less end of the picture.
    pub ends_apart_ms: f64,
    /// The clap that is farthest from where its picture is; positive: late.
    pub clap_ms: Option<f64>,
    pub lufs: f64,
    pub dbtp: f64,
}

impl Verdict {
    /// Everything that is wrong, in words; empty for a film that is right.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.frames != self.expected {
            faults.push(format!(
                "{} pictures instead of {}",
                self.frames, self.expected
            ));
        }
        let Difference {
            missing,
            repeated,
            strange,
        } = self.pictures.unwrap_or_default();
        for (count, what) in [
            (missing, "missing"),
            (repeated, "repeated"),
            (strange, "strange"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        if self.starts_ms.abs() >= 1.0 {
            faults.push(format!("starts at {:.0} ms", self.starts_ms));
        }
        if self.uneven_ms.abs() > APART_MS / 2.0 {
            faults.push(format!("pictures {:+.0} ms off", self.uneven_ms));
        }
        if self.ends_apart_ms.abs() > APART_MS {
            faults.push(format!("sound ends {:+.0} ms", self.ends_apart_ms));
        }
        if let Some(clap) = self.clap_ms.filter(|clap| clap.abs() > APART_MS) {
            faults.push(if clap.is_finite() {
                format!("a sound {clap:+.0} ms off")
            } else {
                "a sound is lost".to_owned()
            });
        }
        if (self.lufs - TARGET_LUFS).abs() > LOUDNESS_LU {
            faults.push(format!("{:.1} LUFS", self.lufs));
        }
        if self.dbtp > CEILING_DBTP + PEAK_DB {
            faults.push(format!("peak {:.1} dBTP", self.dbtp));
        }
        faults
    }
}

/// Decodes all of it. `read_strips` is false for films whose pictures are covered or scaled.
pub(super) fn judge(film: &Path, edit: &Edit, read_strips: bool) -> Result<Verdict> {
    let clock = clock(film)?;
    let pictures = pictures(film)?;
    let frames = pictures.len() / counter::FIELDS;
    let marks = edit.marks().filter(|_| read_strips);
    let (heard, pcm) = sound(film)?;
    let first = clock.pictures.first().copied().unwrap_or_default();
    let last = clock.pictures.last().copied().unwrap_or_default();
    // ffmpeg counts from the earlier of picture and sound.
    let zero = first.min(clock.sound.0);
    let expected: Vec<f64> = edit
        .claps()
        .into_iter()
        .filter_map(|(frame, after)| Some(clock.pictures.get(frame)? - zero + after))
        .collect();
    let uneven = |(at, time): (usize, &f64)| time - first - at as f64 / FPS.per_second();
    Ok(Verdict {
        frames: frames as u64,
        expected: edit.frames(),
        pictures: marks.map(|marks| counter::difference(&marks, &counter::marks(&pictures))),
        starts_ms: first * 1000.0,
        uneven_ms: clock
            .pictures
            .iter()
            .enumerate()
            .map(uneven)
            .max_by(|one, other| one.abs().total_cmp(&other.abs()))
            .unwrap_or_default()
            * 1000.0,
        ends_apart_ms: (clock.sound.1 - last - 1.0 / FPS.per_second()) * 1000.0,
        clap_ms: claps::farthest_ms(&pcm, &expected),
        lufs: heard.0,
        dbtp: heard.1,
    })
}

/// In seconds.
struct Clock {
    /// When each picture is shown, in order.
    pictures: Vec<f64>,
    /// Start and end.
    sound: (f64, f64),
}

fn clock(film: &Path) -> Result<Clock> {
    let probe = |entries: &str, stream: &str| -> Result<Value> {
        let args = ["-v", "error", "-of", "json", "-select_streams", stream];
        let args = args.into_iter().chain(["-show_entries", entries]);
        let film = film.display().to_string();
        let json = run(&find("ffprobe")?, args.chain([film.as_str()]))?;
        Ok(serde_json::from_slice(&json)?)
    };
    let list = |probed: &Value, name: &str| -> Vec<Value> {
        let list = probed.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let seconds = |of: &Value, name: &str| -> Option<f64> { of.get(name)?.as_str()?.parse().ok() };
    let packets = list(&probe("packet=pts_time", "v:0")?, "packets");
    let mut pictures: Vec<f64> = packets
        .iter()
        .filter_map(|packet| seconds(packet, "pts_time"))
        .collect();
    pictures.sort_by(f64::total_cmp);
    let sound = list(&probe("stream=start_time,duration", "a:0")?, "streams");
    let sound = sound.first().context("no sound")?;
    let start = seconds(sound, "start_time").context("start of the sound")?;
    let length = seconds(sound, "duration").context("length of the sound")?;
    Ok(Clock {
        pictures,
        sound: (start, start + length),
    })
}

/// Every picture, shrunk to its strip, without one added or dropped.
fn pictures(film: &Path) -> Result<Vec<u8>> {
    let mut read = quiet(film)?;
    read.args(["-map", "0:v:0", "-vf", &counter::reading()]);
    read.args(["-vsync", "passthrough", "-f", "rawvideo", "pipe:1"]);
    Ok(finish(&mut read)?.0)
}

/// Integrated loudness and true peak, and the sound as samples on the film's clock.
fn sound(film: &Path) -> Result<((f64, f64), Vec<i16>)> {
    let mut listen = quiet(film)?;
    listen.args(["-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose"]);
    listen.args(["-f", "null", "-"]);
    let on_clock = format!("aresample={}:async=1:first_pts=0", claps::RATE_HZ);
    listen.args(["-map", "0:a:0", "-af", &on_clock, "-ac", "1"]);
    listen.args(["-f", "s16le", "pipe:1"]);
    let (bytes, log) = finish(&mut listen)?;
    let summary = log.rsplit_once("Summary:").context("no summary")?.1;
    let after = |label: &str| -> Result<f64> {
        let rest = summary.split_once(label).context("no figure")?.1;
        Ok(rest
            .split_whitespace()
            .next()
            .context("no figure")?
            .parse()?)
    };
    let samples = bytes
        .chunks_exact(2)
        .map(|pair| pair.try_into().map_or(0, i16::from_le_bytes));
    Ok(((after("I:")?, after("Peak:")?), samples.collect()))
}

fn quiet(film: &Path) -> Result<Command> {
    let mut command = Command::new(find("ffmpeg")?);
    command.args(["-nostdin", "-hide_banner", "-nostats", "-v", "info", "-i"]);
    command.arg(film);
    Ok(command)
}

fn finish(command: &mut Command) -> Result<(Vec<u8>, String)> {
    let output = command.stdin(Stdio::null()).output()?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("ffmpeg: {}\n{}", output.status, tail(&log, LOG_LINES));
    }
    Ok((output.stdout, log))
}
