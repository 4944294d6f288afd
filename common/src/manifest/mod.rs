//! ShotManifest: the edit that a director sends. Decimal seconds, never frames; every field but `title` and `shots` has a default.
//!
//! [`read`](read::read) turns bytes into a manifest or into every problem at once. Its meaning on the film's timeline is [`crate::plan`]'s.

pub mod check;
pub mod numbers;
pub mod read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{Fit, Loudness};
use crate::hash::Sha;
use crate::units::FrameRate;

/// Most shots in one manifest.
pub const MAX_SHOTS: usize = 2000;
/// Most tracks in one manifest.
pub const MAX_TRACKS: usize = 32;

/// An ordered list of shots with sound, captions and chapters: all that is needed to make a film from clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShotManifest {
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    #[schemars(length(max = 5000))]
    pub description: Option<String>,
    /// The serial this episode belongs to.
    #[schemars(length(min = 1, max = 200))]
    pub show: Option<String>,
    #[schemars(range(min = 1, max = 10_000))]
    pub season: Option<u32>,
    #[schemars(range(min = 1, max = 100_000))]
    pub episode: Option<u32>,
    /// Spoken language, BCP 47.
    #[serde(default = "english")]
    #[schemars(regex(pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))]
    pub language: String,
    /// Who may see the finished episode.
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub loudness: Loudness,
    /// The parts of the story; a beat becomes a chapter where its first shot starts.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub beats: Vec<Beat>,
    #[schemars(length(min = 1, max = 2000))]
    pub shots: Vec<Shot>,
    /// Sound over the whole film, beneath or above the shots' own.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub tracks: Vec<Track>,
}

fn english() -> String {
    "en".to_owned()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed in the catalog.
    #[default]
    Public,
    /// Anyone with the link.
    Unlisted,
    /// The director alone.
    Private,
}

impl Visibility {
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Public, Self::Unlisted, Self::Private]
            .into_iter()
            .find(|visibility| visibility.name() == name)
    }
}

/// The film's size and rate: `"auto"` follows the clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Format {
    #[default]
    #[serde(with = "auto_word")]
    #[schemars(with = "AutoWord")]
    Auto,
    Explicit(ExplicitFormat),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplicitFormat {
    /// Pixels, even.
    #[schemars(range(min = 16, max = 4096), extend("multipleOf" = 2))]
    pub width: u32,
    /// Pixels, even.
    #[schemars(range(min = 16, max = 4096), extend("multipleOf" = 2))]
    pub height: u32,
    pub fps: FrameRate,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
enum AutoWord {
    Auto,
}

mod auto_word {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("auto")
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<(), D::Error> {
        match String::deserialize(d)?.as_str() {
            "auto" => Ok(()),
            other => Err(de::Error::custom(format!(
                "expected \"auto\", found \"{other}\""
            ))),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The chapter's title.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    /// Unique in the manifest; findings and problems name it.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The id of the beat that the shot belongs to.
    pub beat: Option<String>,
    pub source: ClipSource,
    #[serde(default)]
    pub trim: Trim,
    #[serde(default)]
    pub fit: Fit,
    #[serde(default)]
    pub audio: ShotAudio,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub dialogue: Vec<Line>,
}

/// An uploaded clip, named by the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipSource {
    pub clip: Sha,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShotAudio {
    /// Decibels added to the shot's own sound.
    #[schemars(range(min = -60.0, max = 24.0))]
    pub gain: f64,
    pub mute: bool,
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Unique among the tracks.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    pub kind: TrackKind,
    pub source: ClipSource,
    /// Seconds in the film at which the sound starts.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub start: f64,
    /// Decibels.
    #[serde(default)]
    #[schemars(range(min = -60.0, max = 24.0))]
    pub gain: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Narration,
    Music,
    Effects,
}

impl ShotManifest {
    /// Every clip the manifest names, each once, with the pointer of its first use and whether a picture is needed.
    pub fn clips(&self) -> Vec<ClipUse> {
        let shots = self.shots.iter().enumerate().map(|(at, shot)| ClipUse {
            clip: shot.source.clip,
            pointer: format!("/shots/{at}/source/clip"),
            role: crate::verdict::Role::Shot,
        });
        let tracks = self.tracks.iter().enumerate().map(|(at, track)| ClipUse {
            clip: track.source.clip,
            pointer: format!("/tracks/{at}/source/clip"),
            role: crate::verdict::Role::Track,
        });
        shots.chain(tracks).collect()
    }
}

/// One place in a manifest that names a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipUse {
    pub clip: Sha,
    pub pointer: String,
    pub role: crate::verdict::Role,
}
