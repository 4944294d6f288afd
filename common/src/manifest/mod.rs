//! ShotManifest: the edit that a director sends. Decimal seconds, never frames; every field but `title` and `shots` has a default.
//!
//! [`read`](read::read) turns bytes into a manifest or into every problem at once. Its meaning on the film's timeline is [`crate::plan`]'s.

pub mod check;
pub mod numbers;
pub mod read;
mod shot;
mod sound;
mod source;
mod title;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::shot::{Line, Motion, Shot, Through, Transition, TransitionWord, Trim};
pub use self::sound::{ClipSource, ShotAudio, Track};
pub use self::source::Source;
pub use self::title::Title;
pub use crate::film::TrackKind;
use crate::film::{Loudness, Quality, VideoCodec};
use crate::hash::Sha;
use crate::units::FrameRate;
use crate::verdict::Role;

/// Most shots in one manifest.
pub const MAX_SHOTS: usize = 2000;
/// Most tracks in one manifest.
pub const MAX_TRACKS: usize = 32;
/// Most titles in one manifest.
pub const MAX_TITLES: usize = 500;

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
    /// Texts in the picture.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub titles: Vec<Title>,
    /// Where the shots' dialogue appears as text.
    #[serde(default)]
    pub captions: Captions,
    #[serde(default)]
    pub delivery: Delivery,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Captions {
    /// Beside the picture: viewers switch them on.
    #[default]
    Track,
    /// In the picture, always seen.
    BurnedIn,
    Both,
    Off,
}

impl Captions {
    pub fn are_burned_in(self) -> bool {
        matches!(self, Self::BurnedIn | Self::Both)
    }

    pub fn are_a_track(self) -> bool {
        matches!(self, Self::Track | Self::Both)
    }
}

/// What is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    pub preset: Quality,
    pub codec: VideoCodec,
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

    /// What must not be listed is seen by those who have the link.
    #[must_use]
    pub fn at_most_unlisted(self) -> Self {
        match self {
            Self::Public | Self::Unlisted => Self::Unlisted,
            Self::Private => Self::Private,
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

impl ShotManifest {
    /// Every place that names a clip, with its pointer and what the clip is to be used for.
    pub fn clips(&self) -> Vec<ClipUse> {
        let shots = self.shots.iter().enumerate().filter_map(|(at, shot)| {
            let (clip, field, role) = match shot.source {
                Source::Clip(clip) => (clip, "clip", Role::Shot),
                Source::Still(still) => (still, "still", Role::Still),
                Source::Colour(_) => return None,
            };
            let pointer = format!("/shots/{at}/source/{field}");
            Some(ClipUse {
                clip,
                pointer,
                role,
            })
        });
        let tracks = self.tracks.iter().enumerate().map(|(at, track)| ClipUse {
            clip: track.source.clip,
            pointer: format!("/tracks/{at}/source/clip"),
            role: Role::Track,
        });
        shots.chain(tracks).collect()
    }

    /// The clips, stills and sounds that the manifest names, each once, in the order of their hashes.
    pub fn distinct_clips(&self) -> Vec<Sha> {
        let mut clips: Vec<Sha> = self.clips().iter().map(|used| used.clip).collect();
        clips.sort_unstable();
        clips.dedup();
        clips
    }

    /// For looking at the cut only: marked in the picture, never public.
    pub fn is_draft(&self) -> bool {
        self.delivery.preset == Quality::Draft
    }
}

/// One place in a manifest that names a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipUse {
    pub clip: Sha,
    pub pointer: String,
    pub role: Role,
}
