//! Where a shot's picture comes from: a clip, a still, or a colour. On the wire an object with exactly one of three names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::Rgb;
use crate::hash::Sha;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum Source {
    Clip(Sha),
    Still(Sha),
    Colour(Rgb),
}

impl Source {
    /// The uploaded file, where there is one.
    pub fn clip(&self) -> Option<Sha> {
        match self {
            Self::Clip(clip) | Self::Still(clip) => Some(*clip),
            Self::Colour(_) => None,
        }
    }
}

/// Exactly one of `clip`, `still` and `colour`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source", extend("minProperties" = 1, "maxProperties" = 1))]
struct Wire {
    /// An uploaded clip, named by the SHA-256 of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clip: Option<Sha>,
    /// An uploaded PNG, JPEG or WebP picture, named by the SHA-256 of its bytes. The shot needs a `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    still: Option<Sha>,
    /// One colour all over. The shot needs a `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    colour: Option<Rgb>,
}

impl TryFrom<Wire> for Source {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        match (wire.clip, wire.still, wire.colour) {
            (Some(clip), None, None) => Ok(Self::Clip(clip)),
            (None, Some(still), None) => Ok(Self::Still(still)),
            (None, None, Some(colour)) => Ok(Self::Colour(colour)),
            _ => Err("a source has exactly one of clip, still and colour"),
        }
    }
}

impl From<Source> for Wire {
    fn from(source: Source) -> Self {
        let none = Self::default();
        match source {
            Source::Clip(clip) => Self {
                clip: Some(clip),
                ..none
            },
            Source::Still(still) => Self {
                still: Some(still),
                ..none
            },
            Source::Colour(colour) => Self {
                colour: Some(colour),
                ..none
            },
        }
    }
}

impl JsonSchema for Source {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Wire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Wire::json_schema(generator)
    }
}
