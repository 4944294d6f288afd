//! `assemble`, `check`, `package`: the film from its segments, the proof that it is what was planned, and what goes with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{Caption, Chapter, FilmFormat, LedgerRow, Loudness, VideoCodec};
use crate::hash::{Sha, TaskKey};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssembleSpec {
    pub format: FilmFormat,
    pub codec: VideoCodec,
    /// In film order; they tile the film.
    pub segments: Vec<Segment>,
    /// The task whose record holds the sound.
    pub mix: TaskKey,
    /// As a track that a viewer can switch on; empty when there is none.
    pub captions: Vec<Caption>,
    pub chapters: Vec<Chapter>,
    pub title: String,
    /// BCP 47, e.g. `en`.
    pub language: String,
}

impl AssembleSpec {
    /// How many of the film's frames are copies of the clips' own packets.
    pub fn copied_frames(&self) -> u64 {
        let copies = self.segments.iter().filter(|segment| segment.is_copy());
        copies.map(|segment| segment.frames).sum()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    pub shot: String,
    pub frames: u64,
    pub source: SegmentSource,
}

impl Segment {
    pub fn is_copy(&self) -> bool {
        matches!(self.source, SegmentSource::Copy { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SegmentSource {
    /// The packets of the clip's pictures as they are.
    Copy {
        clip: Sha,
        /// Presentation order; an IDR.
        first_frame: u64,
    },
    /// The segment that a conform task made.
    Conform { task: TaskKey },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckSpec {
    pub film: TaskKey,
    pub format: FilmFormat,
    pub codec: VideoCodec,
    pub total_frames: u64,
    pub ledger: Vec<LedgerRow>,
    /// Where each segment begins, in film order.
    pub joins: Vec<Join>,
    /// Frames of the film to choose posters from.
    #[serde(default)]
    pub poster_frames: Vec<u64>,
    pub total_samples: u64,
    pub loudness: Loudness,
    pub chapters: u32,
    pub captions: u32,
    pub verify: Verify,
}

/// Where a segment begins, and what is to be seen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Join {
    pub first_frame: u64,
    /// CRC-32 of the luma of that picture as its clip shows it. `None`: the picture was made for this film, or its clip's is not known.
    pub luma_crc: Option<u32>,
}

/// How much of the film is decoded again. All of its packets are held against those of segments and sound either way, and the sound was decoded
/// and measured when it was encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The pictures with which segments begin.
    #[default]
    Joins,
    /// Every picture, and all sound.
    Full,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackageSpec {
    /// The check, which looked at the film: posters and storyboard are its.
    pub check: TaskKey,
    pub captions: Vec<Caption>,
    pub chapters: Vec<Chapter>,
    pub total_seconds: f64,
}
