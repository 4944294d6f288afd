//! Measures of a finished film with tools that are not ours: ffprobe counts and decodes, ffmpeg's `ebur128` listens.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{find, run};

/// What ffprobe says of a film.
#[derive(Clone, Debug)]
pub struct Measured {
    pub width: u64,
    pub height: u64,
    /// Pictures that decode.
    pub frames: u64,
    /// Distinct, growing presentation times among them.
    pub distinct_times: u64,
    pub video_seconds: f64,
    pub audio_seconds: f64,
    pub video_codec: String,
    pub audio_codec: String,
    pub sample_rate_hz: u64,
    /// Codec of the subtitle track, if there is one.
    pub subtitles: Option<String>,
    /// Start in seconds and title.
    pub chapters: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub integrated_lufs: f64,
    pub true_peak_dbtp: f64,
}

pub fn measure(film: &Path) -> Result<Measured> {
    let file = film.display().to_string();
    let all = probe(&["-count_frames", "-show_streams", "-show_chapters", &file])?;
    let streams = all
        .get("streams")
        .and_then(Value::as_array)
        .context("streams")?;
    let of = |kind: &str| {
        streams
            .iter()
            .find(|stream| text(stream, "codec_type") == kind)
    };
    let (video, audio) = (
        of("video").context("no picture")?,
        of("audio").context("no sound")?,
    );
    let chapters = all
        .get("chapters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Ok(Measured {
        width: number(video, "width"),
        height: number(video, "height"),
        frames: text(video, "nb_read_frames").parse()?,
        distinct_times: times(&file)?,
        video_seconds: text(video, "duration").parse()?,
        audio_seconds: text(audio, "duration").parse()?,
        video_codec: text(video, "codec_name"),
        audio_codec: text(audio, "codec_name"),
        sample_rate_hz: text(audio, "sample_rate").parse()?,
        subtitles: of("subtitle").map(|stream| text(stream, "codec_name")),
        chapters: chapters
            .map(|chapter| {
                let title = chapter
                    .pointer("/tags/title")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Ok((text(chapter, "start_time").parse()?, title.to_owned()))
            })
            .collect::<Result<_>>()?,
    })
}

/// Loudness of the whole film, decoded from the file as a player would.
pub fn listen(film: &Path) -> Result<Heard> {
    let mut command = Command::new(find("ffmpeg")?);
    command
        .args(["-nostdin", "-hide_banner", "-v", "info", "-i"])
        .arg(film);
    command.args([
        "-map",
        "0:a:0",
        "-af",
        "ebur128=peak=true:framelog=verbose",
        "-f",
        "null",
        "-",
    ]);
    let output = command.output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("ffmpeg: {}\n{log}", output.status);
    }
    let summary = log
        .rsplit_once("Summary:")
        .with_context(|| log.clone().into_owned())?
        .1;
    let after = |label: &str| -> Result<f64> {
        let rest = summary
            .split_once(label)
            .with_context(|| summary.to_owned())?
            .1;
        Ok(rest.split_whitespace().next().context("number")?.parse()?)
    };
    Ok(Heard {
        integrated_lufs: after("I:")?,
        true_peak_dbtp: after("Peak:")?,
    })
}

/// The kinds of the outermost boxes in file order: `ftyp`, `moov`, `mdat`, …
pub fn boxes(film: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(film)?;
    let mut kinds = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let (size, kind) = head.split_at(4);
        kinds.push(String::from_utf8_lossy(kind).into_owned());
        let short = u32::from_be_bytes(size.try_into()?);
        let size = match short {
            0 => break,
            1 => u64::from_be_bytes(
                bytes
                    .get(at + 8..at + 16)
                    .context("large size")?
                    .try_into()?,
            ),
            size => u64::from(size),
        };
        if size < 8 {
            bail!("a box of {size} bytes at {at}");
        }
        at += usize::try_from(size)?;
    }
    Ok(kinds)
}

fn times(file: &str) -> Result<u64> {
    let all = probe(&["-select_streams", "v:0", "-show_entries", "frame=pts", file])?;
    let frames = all
        .get("frames")
        .and_then(Value::as_array)
        .context("frames")?;
    let mut times: Vec<i64> = frames
        .iter()
        .filter_map(|frame| frame.get("pts")?.as_i64())
        .collect();
    times.sort_unstable();
    times.dedup();
    Ok(times.len() as u64)
}

fn probe(args: &[&str]) -> Result<Value> {
    let common = ["-v", "error", "-of", "json"];
    let json = run(&find("ffprobe")?, common.iter().chain(args))?;
    Ok(serde_json::from_slice(&json)?)
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::Picture;

    #[test]
    fn a_made_clip_measures_as_ordered() {
        let clip = Picture {
            seconds: 2,
            ..Picture::plain(2)
        }
        .make()
        .unwrap();
        let facts = measure(&clip).unwrap();
        assert_eq!(
            (
                facts.width,
                facts.height,
                facts.frames,
                facts.distinct_times
            ),
            (320, 180, 50, 50)
        );
        assert!((facts.audio_seconds - 2.0).abs() < 0.05, "{facts:?}");
        let heard = listen(&clip).unwrap();
        assert!((-30.0..-10.0).contains(&heard.integrated_lufs), "{heard:?}");
        assert_eq!(boxes(&clip).unwrap().get(..2).unwrap(), ["ftyp", "moov"]);
    }
}
