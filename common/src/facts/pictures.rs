//! What is seen in a clip: spans and summary numbers that [`crate::findings`] judge. Never a value per picture, so that a long clip's facts
//! stay small. Luma and chroma are 8-bit codes of limited range, whatever the clip has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Most spans or times that are kept in one list; what comes later in the clip is left out.
pub const MAX_SPANS: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PictureObservations {
    /// Pictures that are black all over.
    pub black: Vec<Span>,
    /// Pictures of one colour that is not black.
    pub blank: Vec<Span>,
    /// One picture shown again and again.
    pub frozen: Vec<Span>,
    /// More than three flashes in a second (a flash: at least a quarter of the picture goes brighter and darker again, or the reverse).
    pub flashing: Vec<Flashing>,
    /// Pictures whose bytes are damaged, as far as the decoder notices.
    pub damaged: Vec<Damaged>,
    /// Single repeated pictures at regular distances, as a conversion of the rate leaves them.
    pub repeats: Option<Repeats>,
    /// Black bars all through the clip.
    pub bars: Option<Bars>,
    /// Where one shot is cut to another inside of the clip.
    pub cuts: Vec<f64>,
    /// Mean of the first second.
    pub first: Tone,
    /// Mean of the last second.
    pub last: Tone,
    /// The luma code below which a thousandth of all samples lies, and the one above which a thousandth does. Of clips of limited range
    /// these are the codes as stored.
    pub luma_low: f64,
    pub luma_high: f64,
    /// Share of samples with a luma below 16 − 4 or above 235 + 8, which limited range does not have.
    pub outside_range_share: f64,
    /// Of pictures at one sixth, one half and five sixths of the clip.
    pub hashes: Vec<PictureHash>,
    /// Mean change of luma from picture to picture, codes. 0: nothing moves at all.
    pub motion: f64,
    /// The largest part of its width or height that the picture really uses, in detail: 0.5 means that half the size would show the same.
    /// `None`: there is too little detail to tell.
    pub detail: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flashing {
    pub start_seconds: f64,
    pub end_seconds: f64,
    /// Most flashes within one second.
    pub per_second: u32,
}

/// From a picture that the decoder had to patch up to the next whole key picture: all between may be built on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Damaged {
    pub start_seconds: f64,
    pub end_seconds: f64,
    /// How many in it are damaged themselves.
    pub pictures: u32,
}

/// Every `every`-th picture repeats the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// Mean distance between two repeats, in pictures.
    pub every: f64,
    /// Share of all pictures that are repeats.
    pub share: f64,
}

/// Stored pixels that are black on each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bars {
    pub left: u32,
    pub right: u32,
    pub top: u32,
    pub bottom: u32,
}

/// Mean codes over picture and time: luma 16–235, chroma around 128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tone {
    pub luma: f64,
    pub blue: f64,
    pub red: f64,
}

/// 64 bits of which few differ between pictures that look alike: the signs of the lowest frequencies. 16 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PictureHash(#[schemars(regex(pattern = r"^[0-9a-f]{16}$"))] String);

impl PictureHash {
    pub fn new(bits: u64) -> Self {
        Self(format!("{bits:016x}"))
    }

    /// In how many bits the two differ; all of them where one is unreadable.
    pub fn distance(&self, other: &Self) -> u32 {
        let bits = |hash: &Self| u64::from_str_radix(&hash.0, 16).ok();
        bits(self)
            .zip(bits(other))
            .map_or(u64::BITS, |(a, b)| (a ^ b).count_ones())
    }
}
