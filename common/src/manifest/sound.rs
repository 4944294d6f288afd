//! A shot's own sound, and tracks over the whole film.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Trim;
use crate::film::TrackKind;
use crate::hash::Sha;
use crate::task::Duck;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShotAudio {
    /// Decibels added to the shot's own sound.
    #[schemars(range(min = -60.0, max = 24.0))]
    pub gain: f64,
    pub mute: bool,
    /// Seconds from silence to full.
    #[schemars(range(min = 0.0, max = 60.0))]
    pub fade_in: f64,
    /// Seconds from full to silence, at the shot's end.
    #[schemars(range(min = 0.0, max = 60.0))]
    pub fade_out: f64,
}

/// An uploaded clip, named by the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipSource {
    pub clip: Sha,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Unique among the tracks.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    pub kind: TrackKind,
    pub source: ClipSource,
    /// The part of the sound that is used: seconds from its start, half-open.
    #[serde(default)]
    pub trim: Trim,
    /// Seconds in the film at which the sound starts.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub start: f64,
    /// Seconds in the film at which it ends at the latest. Absent: the film's end.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub end: Option<f64>,
    /// Decibels.
    #[serde(default)]
    #[schemars(range(min = -60.0, max = 24.0))]
    pub gain: f64,
    /// Begins again whenever it is over, until `end`.
    #[serde(default, rename = "loop")]
    pub repeat: bool,
    /// Seconds from silence to full.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 600.0))]
    pub fade_in: f64,
    /// Seconds from full to silence, at the track's end.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 600.0))]
    pub fade_out: f64,
    /// Turn this track down while somebody speaks: in narration tracks, and in shots with `dialogue`. `{}` takes the defaults.
    pub duck: Option<Duck>,
}
