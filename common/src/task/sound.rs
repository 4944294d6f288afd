//! `mix`: the whole sound of a film on one sample timeline, encoded once. All positions are samples at 48 kHz.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{Loudness, Quality, TrackKind};
use crate::hash::Sha;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixSpec {
    /// In film order. Neighbours overlap in transitions.
    pub shots: Vec<MixShot>,
    pub tracks: Vec<MixTrack>,
    /// Samples per channel of the film.
    pub total_samples: u64,
    pub loudness: Loudness,
    pub quality: Quality,
    /// What the mix will measure before it is levelled, where the facts of the clips alone say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Prediction>,
}

/// From the facts of the clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// `None`: silent throughout.
    pub integrated_lufs: Option<f64>,
    pub true_peak_dbtp: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixShot {
    /// `None`: silence (no sound track, or muted).
    pub clip: Option<Sha>,
    /// Where the shot's sound starts in the film.
    pub first_sample: u64,
    pub samples: u64,
    /// Seconds from the clip's **first picture** at which the shot's sound starts.
    pub clip_start_seconds: f64,
    /// First sound sample relative to the first picture (from the facts).
    pub clip_sound_offset_seconds: f64,
    pub gain_db: f64,
    #[serde(default, skip_serializing_if = "Fade::is_none")]
    pub fade_in: Fade,
    #[serde(default, skip_serializing_if = "Fade::is_none")]
    pub fade_out: Fade,
    /// Somebody speaks: music that ducks, ducks under it.
    #[serde(default)]
    pub speech: bool,
}

/// A rise from silence, or a fall to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fade {
    /// 0: none.
    pub samples: u64,
    pub curve: FadeCurve,
}

impl Fade {
    pub fn is_none(&self) -> bool {
        self.samples == 0
    }

    pub fn linear(samples: u64) -> Self {
        Self {
            samples,
            curve: FadeCurve::Linear,
        }
    }

    pub fn equal_power(samples: u64) -> Self {
        Self {
            samples,
            curve: FadeCurve::EqualPower,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FadeCurve {
    /// Amplitude grows evenly: fades that were asked for.
    #[default]
    Linear,
    /// A sine: two unrelated sounds that cross so are evenly loud. Both sides of a dissolve.
    EqualPower,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixTrack {
    pub clip: Sha,
    pub kind: TrackKind,
    /// Where the track's sound starts in the film, and where it is cut.
    pub first_sample: u64,
    pub end_sample: u64,
    /// The part of the sound that is used, seconds from its start; `None`: to its end.
    pub clip_start_seconds: f64,
    pub clip_end_seconds: Option<f64>,
    /// The part begins again whenever it ends, until `end_sample`.
    #[serde(default)]
    pub repeat: bool,
    pub gain_db: f64,
    #[serde(default, skip_serializing_if = "Fade::is_none")]
    pub fade_in: Fade,
    #[serde(default, skip_serializing_if = "Fade::is_none")]
    pub fade_out: Fade,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duck: Option<Duck>,
}

/// Turned down while somebody speaks: in narration tracks and in shots with dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Duck {
    /// By how much, dB.
    #[schemars(range(min = 0.0, max = 40.0))]
    pub amount: f64,
    /// Seconds to go down.
    #[schemars(range(min = 0.0, max = 5.0))]
    pub attack: f64,
    /// Seconds to come back.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub release: f64,
}

impl Default for Duck {
    fn default() -> Self {
        Self {
            amount: 12.0,
            attack: 0.05,
            release: 0.4,
        }
    }
}
