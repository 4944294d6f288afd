//! What ffprobe says of a film's container: its tracks and chapters.

use std::path::Path;

use serde::Deserialize;

use crate::{Call, Context, MediaError};

#[derive(Debug)]
pub(super) struct Container {
    pub(super) tracks: Vec<Track>,
    pub(super) chapters: usize,
    pub(super) bytes: u64,
}

impl Container {
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.kind == kind)
    }

    pub(super) fn picture(&self) -> Option<&Track> {
        self.of_kind("video").next()
    }

    pub(super) fn sound(&self) -> Option<&Track> {
        self.of_kind("audio").next()
    }
}

/// A stream as ffprobe describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Track {
    #[serde(rename = "codec_type")]
    pub(super) kind: String,
    #[serde(rename = "codec_name")]
    pub(super) codec: String,
    pub(super) width: u32,
    pub(super) height: u32,
    #[serde(rename = "pix_fmt")]
    pub(super) pixel_format: String,
    color_space: Option<String>,
    color_transfer: Option<String>,
    color_primaries: Option<String>,
    color_range: Option<String>,
    sample_aspect_ratio: Option<String>,
    pub(super) time_base: String,
    pub(super) start_pts: Option<i64>,
    pub(super) duration_ts: Option<i64>,
    pub(super) sample_rate: Option<String>,
    pub(super) channels: Option<u32>,
}

impl Track {
    /// Unset means square.
    pub(super) fn square_pixels(&self) -> bool {
        matches!(
            self.sample_aspect_ratio.as_deref(),
            None | Some("1:1" | "0:1" | "N/A")
        )
    }

    /// Matrix, transfer, primaries and range, as ffprobe names them.
    pub(super) fn colours(&self) -> [&str; 4] {
        [
            &self.color_space,
            &self.color_transfer,
            &self.color_primaries,
            &self.color_range,
        ]
        .map(|said| said.as_deref().unwrap_or("unknown"))
    }

    pub(super) fn duration_seconds(&self) -> Option<f64> {
        let (num, den) = self.time_base.split_once('/')?;
        Some(self.duration_ts? as f64 * num.parse::<f64>().ok()? / den.parse::<f64>().ok()?)
    }
}

/// `call` is an ffprobe that has `film` as its input.
pub(super) async fn read(ctx: &Context, film: &Path, call: Call) -> Result<Container, MediaError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        streams: Vec<Track>,
        #[serde(default)]
        chapters: Vec<serde::de::IgnoredAny>,
    }
    let call = call.args(["-show_streams", "-show_chapters", "-of", "json"]);
    let answer = ctx.run(call).await?;
    let answer: Answer = serde_json::from_slice(&answer.stdout)
        .map_err(std::io::Error::other)
        .map_err(MediaError::io("reading what ffprobe says of the film"))?;
    Ok(Container {
        tracks: answer.streams,
        chapters: answer.chapters.len(),
        bytes: tokio::fs::metadata(film)
            .await
            .map_err(MediaError::io("looking at the film"))?
            .len(),
    })
}
