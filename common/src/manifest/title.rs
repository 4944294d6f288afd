//! Texts in the picture: titles, names, credits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{Rgb, TitlePosition, TitleStyle};

/// A text over the film, or over one shot of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Errors name it; its place in the list when absent.
    #[schemars(length(min = 1, max = 64))]
    pub id: Option<String>,
    /// Any script; line breaks are kept.
    #[schemars(length(min = 1, max = 1000))]
    pub text: String,
    #[serde(default)]
    pub position: TitlePosition,
    #[serde(default)]
    pub style: TitleStyle,
    /// Of the letters; the style's own when absent.
    pub colour: Option<Rgb>,
    /// Of a box behind the letters; the style's own, or none, when absent.
    pub background: Option<Rgb>,
    /// Height of a line as a share of the film's height; the style's own when absent.
    #[schemars(range(min = 0.01, max = 0.5))]
    pub size: Option<f64>,
    /// The shot whose start `start` counts from, and whose end is the title's when neither `end` nor `duration` is given.
    pub shot: Option<String>,
    /// Seconds in the film, or in `shot`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub start: f64,
    /// Seconds on the same clock as `start`; excludes `duration`. Absent without a `duration`: the end of `shot`, or of the film.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub end: Option<f64>,
    /// Seconds.
    #[schemars(range(min = 0.02, max = 86_400.0))]
    pub duration: Option<f64>,
    /// Seconds of fading in, and of fading out.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub fade: f64,
}

impl Title {
    /// Seconds from `start`, where the title says so itself.
    pub fn seconds(&self) -> Option<f64> {
        self.duration.or(self.end.map(|end| end - self.start))
    }
}
