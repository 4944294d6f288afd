//! The film that a manifest means: its format, and the ledger that says which frame comes from where.

mod look;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::look::{
    BadColour, Easing, Quality, Rgb, TitlePosition, TitleStyle, TransitionKind, VideoCodec, View,
};
use crate::units::FrameRate;

/// Size and rate of a film. Square pixels, BT.709, limited range, progressive, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilmFormat {
    /// Pixels, even.
    pub width: u32,
    pub height: u32,
    pub fps: FrameRate,
}

/// One row of the frame ledger: frames `first_frame .. first_frame + frames` of the film are this shot. Rows overlap in transitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerRow {
    pub shot: String,
    pub first_frame: u64,
    pub frames: u64,
}

/// A caption: seconds in the film, half-open `[start, end)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Caption {
    pub start_seconds: f64,
    pub end_seconds: f64,
    pub speaker: Option<String>,
    pub text: String,
}

/// A chapter runs until the next one starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chapter {
    pub start_seconds: f64,
    pub title: String,
}

/// What the film should measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Loudness {
    /// Integrated loudness of the whole film, LUFS.
    #[schemars(range(min = -36.0, max = -6.0))]
    pub integrated: f64,
    /// True peak never above this, dBTP.
    #[schemars(range(min = -12.0, max = -0.1))]
    pub true_peak: f64,
    /// Bring all shots to the same loudness first. Off: a whisper stays a whisper.
    pub even_shots: bool,
}

impl Default for Loudness {
    /// −14 LUFS and −1 dBTP: what the large video sites play back at.
    fn default() -> Self {
        Self {
            integrated: -14.0,
            true_peak: -1.0,
            even_shots: false,
        }
    }
}

/// What a sound of its own is to the film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Narration,
    Music,
    Effects,
}

/// How a picture is laid into a frame of another shape (CSS `object-fit`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// All of the picture, bars where the shape differs.
    #[default]
    Contain,
    /// The frame filled, the picture cut where the shape differs.
    Cover,
}
