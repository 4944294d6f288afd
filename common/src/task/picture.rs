//! `conform`: one segment's pictures, encoded into the film's format. A shot's frames, a transition between two shots, frames under titles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{
    Easing, FilmFormat, Fit, Quality, Rgb, TitlePosition, TitleStyle, TransitionKind, VideoCodec,
    View,
};
use crate::hash::Sha;

/// What encodes pictures. Chosen by the plan and part of the key: segments of different classes never share a key.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum EngineClass {
    #[serde(rename = "x264-cpu/1")]
    X264Cpu1,
    #[serde(rename = "x265-cpu/1")]
    X265Cpu1,
    #[serde(rename = "svtav1-cpu/1")]
    SvtAv1Cpu1,
    #[serde(rename = "nvenc-h264/1")]
    NvencH264,
    #[serde(rename = "nvenc-hevc/1")]
    NvencHevc,
    #[serde(rename = "nvenc-av1/1")]
    NvencAv1,
    #[serde(rename = "vaapi-h264/1")]
    VaapiH264,
    #[serde(rename = "qsv-h264/1")]
    QsvH264,
}

impl EngineClass {
    pub const ALL: [Self; 8] = [
        Self::X264Cpu1,
        Self::X265Cpu1,
        Self::SvtAv1Cpu1,
        Self::NvencH264,
        Self::NvencHevc,
        Self::NvencAv1,
        Self::VaapiH264,
        Self::QsvH264,
    ];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::X264Cpu1 => "x264-cpu/1",
            Self::X265Cpu1 => "x265-cpu/1",
            Self::SvtAv1Cpu1 => "svtav1-cpu/1",
            Self::NvencH264 => "nvenc-h264/1",
            Self::NvencHevc => "nvenc-hevc/1",
            Self::NvencAv1 => "nvenc-av1/1",
            Self::VaapiH264 => "vaapi-h264/1",
            Self::QsvH264 => "qsv-h264/1",
        }
    }

    pub fn codec(self) -> VideoCodec {
        match self {
            Self::X264Cpu1 | Self::NvencH264 | Self::VaapiH264 | Self::QsvH264 => VideoCodec::H264,
            Self::X265Cpu1 | Self::NvencHevc => VideoCodec::Hevc,
            Self::SvtAv1Cpu1 | Self::NvencAv1 => VideoCodec::Av1,
        }
    }

    /// Needs a device beside the processor.
    pub fn is_gpu(self) -> bool {
        !matches!(self, Self::X264Cpu1 | Self::X265Cpu1 | Self::SvtAv1Cpu1)
    }

    /// Whether it encodes pictures of this size. The bounds of devices differ between models and drivers: these are the narrowest that
    /// NVIDIA, Intel and AMD publish for a codec of ours.
    pub fn takes(self, width: u32, height: u32) -> bool {
        const SMALLEST: (u32, u32) = (192, 128);
        const LARGEST: u32 = 4096;
        !self.is_gpu()
            || (width >= SMALLEST.0
                && height >= SMALLEST.1
                && width <= LARGEST
                && height <= LARGEST)
    }

    /// What every host can do for a codec.
    pub fn on_cpu(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::H264 => Self::X264Cpu1,
            VideoCodec::Hevc => Self::X265Cpu1,
            VideoCodec::Av1 => Self::SvtAv1Cpu1,
        }
    }
}

/// Exactly `frames` frames in `format`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConformSpec {
    pub engine: EngineClass,
    pub quality: Quality,
    pub format: FilmFormat,
    pub frames: u64,
    /// Has the frames that `then` leaves: all of them, but in drafts.
    pub picture: Picture,
    /// What comes after it in the same segment, in order: a draft's shots are made several at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Take>,
    /// A transition: `picture` comes in over this one during the whole segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<Blend>,
    /// Texts, in drawing order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<Overlay>,
}

impl ConformSpec {
    /// The clips and stills it reads.
    pub fn clips(&self) -> Vec<Sha> {
        let under = self.under.iter().map(|blend| &blend.picture);
        let then = self.then.iter().map(|take| &take.picture);
        let pictures = std::iter::once(&self.picture).chain(under).chain(then);
        pictures
            .filter_map(|picture| picture.source.clip())
            .collect()
    }

    /// The frames of `picture`.
    pub fn frames_of_first(&self) -> u64 {
        let then: u64 = self.then.iter().map(|take| take.frames).sum();
        self.frames.saturating_sub(then)
    }
}

/// One of several pictures in a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Take {
    pub frames: u64,
    pub picture: Picture,
}

/// A moving or still picture, laid into the film's frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    pub source: PictureSource,
    pub fit: Fit,
    /// What is seen beside the picture and through it.
    pub background: Rgb,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<MotionSpan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PictureSource {
    /// Frame `k` of the segment is the picture nearest to `start_seconds + k / fps`; the last picture is held when the clip ends a little early.
    Clip {
        clip: Sha,
        /// From the clip's first picture.
        start_seconds: f64,
        /// The first picture's place on the container's own timeline (from the facts).
        first_picture_seconds: f64,
        look: SourcePicture,
    },
    Still {
        clip: Sha,
        look: SourcePicture,
    },
    Colour {
        colour: Rgb,
    },
}

impl PictureSource {
    pub fn clip(&self) -> Option<Sha> {
        match self {
            Self::Clip { clip, .. } | Self::Still { clip, .. } => Some(*clip),
            Self::Colour { .. } => None,
        }
    }
}

/// The facts of a clip that the way into the film's colours and shape depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourcePicture {
    pub interlaced: bool,
    pub hdr: bool,
    pub alpha: bool,
    pub full_range: bool,
    /// ffmpeg's names; `None` when untagged.
    pub matrix: Option<String>,
    pub primaries: Option<String>,
}

/// The part of a motion that a segment shows: its frames are `first_frame ..` of `total_frames`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MotionSpan {
    pub from: View,
    pub to: View,
    pub easing: Easing,
    pub first_frame: u64,
    pub total_frames: u64,
}

/// The picture that goes, and how. Frame `k` of the segment is `(first_frame + k + 0.5) / total_frames` of the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blend {
    pub picture: Picture,
    pub kind: TransitionKind,
    pub first_frame: u64,
    pub total_frames: u64,
}

/// A text over the picture. Data, never part of a command or a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overlay {
    /// Of the title, or `shot:line` of a caption: errors name it.
    pub id: String,
    pub text: String,
    pub position: TitlePosition,
    pub style: TitleStyle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Rgb>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Rgb>,
    /// Height of a line as a share of the film's height; the style's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// Frames of the segment, half-open; may begin before the segment and end after it.
    pub from_frame: i64,
    pub to_frame: i64,
    /// Frames of fading in, and of fading out.
    pub fade_frames: u32,
}
