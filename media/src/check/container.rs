//! What a film's container says: its tracks, chapters and the order of its boxes.

use std::io::SeekFrom;
use std::path::Path;

use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::{Call, Context, MediaError, Program};

/// Top-level boxes looked at; a film of ours has four.
const MAX_TOP_LEVEL_BOXES: usize = 64;

#[derive(Debug)]
pub(super) struct Container {
    pub(super) tracks: Vec<Track>,
    pub(super) chapters: usize,
    pub(super) bytes: u64,
    /// The index precedes the media, so that playing can begin before all is fetched.
    pub(super) index_first: bool,
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

    pub(super) fn duration_seconds(&self) -> Option<f64> {
        let (num, den) = self.time_base.split_once('/')?;
        Some(self.duration_ts? as f64 * num.parse::<f64>().ok()? / den.parse::<f64>().ok()?)
    }
}

pub(super) async fn read(ctx: &Context, film: &Path) -> Result<Container, MediaError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        streams: Vec<Track>,
        #[serde(default)]
        chapters: Vec<serde::de::IgnoredAny>,
    }
    let call = Call::new(Program::Ffprobe).own_input(film).args([
        "-show_streams",
        "-show_chapters",
        "-of",
        "json",
    ]);
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
        index_first: index_first(film)
            .await
            .map_err(MediaError::io("reading the boxes of the film"))?,
    })
}

/// `moov` is met before `mdat`.
async fn index_first(film: &Path) -> std::io::Result<bool> {
    let mut file = File::open(film).await?;
    let mut at = 0u64;
    for _ in 0..MAX_TOP_LEVEL_BOXES {
        file.seek(SeekFrom::Start(at)).await?;
        let size = u64::from(file.read_u32().await?);
        let mut kind = [0; 4];
        file.read_exact(&mut kind).await?;
        match &kind {
            b"moov" => return Ok(true),
            b"mdat" => return Ok(false),
            _ => {}
        }
        // 1: the size follows in 64 bits. 0: to the end of the file.
        at += match size {
            0 => return Ok(false),
            1 => file.read_u64().await?,
            size => size,
        };
    }
    Ok(false)
}
