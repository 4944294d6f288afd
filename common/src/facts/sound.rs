//! What is heard in a clip: spans and summary numbers that [`crate::findings`] judge. Loudness over time is in [`super::Levels`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SoundObservations {
    /// At least half a second below −60 dBFS.
    pub silent: Vec<Span>,
    /// Runs of samples at full scale.
    pub clipping: Clipping,
    /// Mean of all samples of the channel where it is farthest from 0, as a share of full scale.
    pub dc_offset: f64,
    /// The strongest of 50 and 60 Hz with their harmonics, where it stands out of its neighbourhood.
    pub hum: Option<Hum>,
    /// Root mean square of each channel, dBFS; −120 for silence.
    pub channel_rms_dbfs: Vec<f64>,
    /// Correlation of left and right, −1 (inverted) to 1 (mono). `None`: not stereo, or a side is silent.
    pub correlation: Option<f64>,
    /// Share of the time in which the level moves as syllables do: near 0 in steady music and noise, above a half in speech.
    pub speech_share: f64,
    /// Loudness of the loudest tenth of the 400 ms blocks, LUFS: how loud it is where something happens.
    pub loud_lufs: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Clipping {
    /// Runs of three or more samples at full scale.
    pub runs: u64,
    /// When the first of them is heard, seconds in the clip.
    pub first_seconds: Option<f64>,
    /// Runs per second of sound.
    pub runs_per_second: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hum {
    /// 50 or 60.
    pub hz: f64,
    /// Level of the tone with its harmonics, dBFS.
    pub dbfs: f64,
    /// By how much the tone stands out of what is beside it, dB.
    pub above_neighbours_db: f64,
}
