//! Clip facts: what was measured of a media file, once, when it arrived. No opinion here; [`crate::verdict`] judges.
//!
//! Facts come from decoding every frame, never from a container's claims: of 128 odd files 15 decoded with exit code 0 and errors, and a
//! one-second clip claimed 143,165 s. Where a claim is kept, its name says `claimed`.
//!
//! - [`levels`]: how loud the sound is, block by block;
//! - [`pictures`], [`sound`]: what is seen and heard in it, as spans and summary numbers, for [`crate::findings`].

pub mod levels;
pub mod pictures;
pub mod sound;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::Sha;
use crate::units::FrameRate;
pub use levels::Levels;
pub use pictures::PictureObservations;
pub use sound::SoundObservations;

/// Everything later steps need to know of one clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClipFacts {
    pub bytes: u64,
    /// By content, not by name. `None`: not a container we open.
    pub container: Option<Container>,
    /// The picture track that a shot would use.
    pub video: Option<VideoFacts>,
    /// The sound track that a shot or track would use.
    pub audio: Option<AudioFacts>,
    /// Streams beyond the two above: more pictures or sounds, data, subtitles, hints.
    pub extra_streams: u32,
    /// What is odd or broken about the file itself.
    pub defects: Vec<Defect>,
    /// One picture without time (PNG, JPEG, WebP): `video` describes it, with one frame and no duration.
    #[serde(default)]
    pub still: bool,
}

/// Seconds in the clip, from its first picture (of sound files: from the first sample), half open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    pub start_seconds: f64,
    pub end_seconds: f64,
}

impl Span {
    pub fn seconds(&self) -> f64 {
        self.end_seconds - self.start_seconds
    }

    /// Seconds that both have.
    pub fn overlap(&self, other: &Self) -> f64 {
        let start = self.start_seconds.max(other.start_seconds);
        (self.end_seconds.min(other.end_seconds) - start).max(0.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Mp4,
    Mov,
    Matroska,
    Webm,
    Wav,
    Mp3,
    Flac,
    Ogg,
    Aac,
    Png,
    Jpeg,
    Webp,
}

impl Container {
    /// Containers a shot's clip may come in; the others hold sound only, or one picture.
    pub fn holds_pictures(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov | Self::Matroska | Self::Webm)
    }

    /// Files of one picture.
    pub fn is_still(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Webp)
    }
}

/// A property of the file that is neither a picture's nor a sound's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Defect {
    /// Nothing in it at all.
    Empty,
    /// Text that points at other files: HLS, DASH, ffconcat.
    Playlist,
    /// Another kind of file: `what` in a word or two, e.g. "SVG image", "FLV", "plain text".
    ForeignContainer {
        what: String,
    },
    /// Boxes nested deeper than any real file.
    TooDeeplyNested,
    Encrypted,
    /// A picture file with more than one picture.
    AnimatedImage,
    /// The file ends before its own tables say so, or decodes to far less than it claims.
    Truncated {
        claimed_seconds: Option<f64>,
        decoded_seconds: f64,
    },
    /// A sound track is present but cannot be decoded.
    UndecodableAudio,
    /// The picture track is present but yields no picture.
    UndecodableVideo {
        detail: String,
    },
    /// More pixels, streams, frames per second or seconds than we open; `limit` says which.
    OverLimit {
        what: String,
        measured: f64,
        limit: f64,
    },
    /// Pictures that should be there and were not decoded.
    LostFrames {
        claimed: u64,
        decoded: u64,
    },
    /// Movie fragments (`moof`) instead of one index.
    Fragmented,
    /// An edit list that hides, delays or repeats pictures (priming of the sound and reorder delay do not count).
    EditList,
    /// Sizes or counts in the container that contradict the bytes.
    WrongSizes {
        detail: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoFacts {
    /// ffprobe's codec name: `h264`, `hevc`, `vp9`, `av1`, …
    pub codec: String,
    pub profile: Option<String>,
    /// Stored pixels, before rotation and without the sample aspect ratio.
    pub width: u32,
    pub height: u32,
    /// Sample (pixel) aspect ratio; 1:1 when unset or undefined.
    pub sar: (u32, u32),
    /// Clockwise, in degrees, to be applied for viewing: 0, 90, 180 or 270.
    pub rotation_degrees: u16,
    /// The display matrix mirrors as well.
    pub mirrored: bool,
    /// ffmpeg's name, e.g. `yuv420p`.
    pub pixel_format: String,
    pub bit_depth: u8,
    pub alpha: bool,
    pub colour: Colour,
    pub interlaced: bool,
    /// The nearest exact rate of the presented pictures.
    pub frame_rate: FrameRate,
    /// Every picture is within a tick of the grid of `frame_rate`.
    pub constant_rate: bool,
    /// Pictures decoded and presented (what an edit list hides is not counted).
    pub frames: u64,
    /// First presented picture, seconds on the container's timeline.
    pub start_seconds: f64,
    /// From the first picture to the end of the last.
    pub duration_seconds: f64,
    pub claimed_duration_seconds: Option<f64>,
    /// Ticks per second of the track; a copy needs the frame to be a whole number of them.
    pub timescale: u32,
    /// The first picture is an IDR with nothing presented before it.
    pub starts_on_idr: bool,
    /// Pictures by which decode order runs ahead of presentation.
    pub reorder_frames: u32,
    /// SHA-256 of the codec's extradata (for H.264: SPS and PPS), in hex. Copies join only where it is equal.
    pub parameter_sets: Option<String>,
    /// The picture size changes inside the stream.
    pub size_changes: bool,
    /// Presentation index of every IDR picture, ascending. Known for H.264 in unfragmented MP4 and MOV; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idr_frames: Vec<u64>,
    /// CRC-32 of the luma of each of them as decoded: all samples at full size, line by line, before any rotation. As long as `idr_frames`, or
    /// empty where it is not known (not 4:2:0 of 8 bits in limited range, interlaced, or of a changing size).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idr_crcs: Vec<u32>,
    /// Of the picture packets alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate_bps: Option<u64>,
    /// `None`: none was asked for, or the clip's own pictures do as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// `None`: measured by an older version, or there was no picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Box<PictureObservations>>,
}

impl VideoFacts {
    /// Width and height in square pixels as a viewer sees them: sample aspect ratio applied, then rotation.
    pub fn display_size(&self) -> (u32, u32) {
        let (num, den) = self.sar;
        let wide = (f64::from(self.width) * f64::from(num) / f64::from(den.max(1))).round() as u32;
        if self.rotation_degrees % 180 == 90 {
            (self.height, wide)
        } else {
            (wide, self.height)
        }
    }
}

/// A small copy of a clip's pictures (H.264 in MP4, no sound), made while it was inspected: what drafts are made of. Its first picture is at 0
/// and shows what the clip's first picture shows, in square pixels and limited range; it has at most 31 pictures per second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    pub sha256: Sha,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Colour {
    /// ffmpeg's names (`bt709`, `smpte2084`, …); `None` when untagged.
    pub primaries: Option<String>,
    pub transfer: Option<String>,
    pub matrix: Option<String>,
    /// Full (0–255) instead of limited (16–235) range.
    pub full_range: bool,
}

impl Colour {
    /// PQ or HLG transfer.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }

    /// BT.709 or untagged: what the film has.
    pub fn is_bt709(&self) -> bool {
        [&self.primaries, &self.transfer, &self.matrix]
            .into_iter()
            .flatten()
            .all(|tag| tag == "bt709")
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AudioFacts {
    /// ffprobe's codec name: `aac`, `opus`, `pcm_s16le`, …
    pub codec: String,
    pub sample_rate_hz: u32,
    pub channels: u16,
    /// First sample relative to the first picture, in seconds (negative: before it). For sound files: 0.
    pub start_offset_seconds: f64,
    /// Samples per channel that decoded, at `sample_rate_hz`, priming removed.
    pub samples: u64,
    /// Integrated loudness (ITU-R BS.1770-4), LUFS; `None` when all of it is below the absolute gate of −70.
    pub integrated_lufs: Option<f64>,
    /// dBTP; `None` for digital silence.
    pub true_peak_dbtp: Option<f64>,
    /// K-weighted energy of each 100 ms; empty where it is not known (sound of more than six hours).
    #[serde(default, skip_serializing_if = "Levels::is_empty")]
    pub levels: Levels,
    /// `None`: measured by an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Box<SoundObservations>>,
}

impl AudioFacts {
    pub fn duration_seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}
