//! One shot of the edit: what is seen, for how long, how it comes in, what is said in it, and how it was made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ShotAudio, Source};
use crate::film::{Easing, Fit, Rgb, TransitionKind, View};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    /// Unique in the manifest; findings and problems name it.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The id of the beat that the shot belongs to.
    pub beat: Option<String>,
    pub source: Source,
    /// Of a clip only.
    #[serde(default)]
    pub trim: Trim,
    /// Seconds. Required for stills and colours; of a clip it stands for `trim.end` (the two exclude each other).
    #[schemars(range(min = 0.02, max = 21_600.0))]
    pub duration: Option<f64>,
    #[serde(default)]
    pub fit: Fit,
    /// What is seen beside a picture of another shape, and through a transparent one.
    #[serde(default)]
    pub background: Rgb,
    /// A slow move over the picture (Ken Burns), over the whole shot.
    pub motion: Option<Motion>,
    /// How the shot comes in. Of the film's first shot: from black (or white).
    #[serde(default)]
    pub transition: Transition,
    #[serde(default)]
    pub audio: ShotAudio,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub dialogue: Vec<Line>,
    /// What the clip was generated from; kept in the build record, shown to nobody else.
    #[schemars(length(max = 20_000))]
    pub prompt: Option<String>,
    /// The model that generated it.
    #[schemars(length(max = 200))]
    pub model: Option<String>,
    pub seed: Option<u64>,
}

/// The part of the clip that is shown: seconds from its first picture, half-open `[start, end)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trim {
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub start: f64,
    /// Absent: to the clip's end.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub end: Option<f64>,
}

/// From one view of the fitted picture to another, while the shot lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Motion {
    pub from: View,
    pub to: View,
    pub easing: Easing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transition {
    pub kind: TransitionWord,
    /// Seconds that both shots share: the film is shorter by as much. Required unless `kind` is `cut`.
    #[schemars(range(min = 0.0, max = 60.0))]
    pub duration: f64,
    /// The colour that a `fade` goes through.
    pub through: Through,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransitionWord {
    #[default]
    Cut,
    Dissolve,
    Fade,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    #[default]
    Black,
    White,
}

impl Transition {
    /// `None`: a cut.
    pub fn kind(&self) -> Option<TransitionKind> {
        match (self.kind, self.through) {
            (TransitionWord::Cut, _) => None,
            (TransitionWord::Dissolve, _) => Some(TransitionKind::Dissolve),
            (TransitionWord::Fade, Through::Black) => Some(TransitionKind::FadeBlack),
            (TransitionWord::Fade, Through::White) => Some(TransitionKind::FadeWhite),
        }
    }
}

/// A line of dialogue: becomes a caption. Seconds from the start of the shot, half-open `[start, end)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    #[schemars(length(min = 1, max = 100))]
    pub speaker: Option<String>,
    #[schemars(length(min = 1, max = 500))]
    pub text: String,
    /// Absent: when the shot starts.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub start: f64,
    /// Absent: when the shot ends.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub end: Option<f64>,
}
