//! What pictures look like: colours, framing, transitions, titles, and how carefully they are encoded.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A colour as CSS writes it: `#rrggbb`, sRGB primaries and transfer (which BT.709 shares the primaries of).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rgb(pub [u8; 3]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is \"#rrggbb\", e.g. \"#1a2b3c\"")]
pub struct BadColour;

impl Rgb {
    pub const BLACK: Self = Self([0; 3]);
    pub const WHITE: Self = Self([255; 3]);
}

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl std::str::FromStr for Rgb {
    type Err = BadColour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 3];
        let digits = text.strip_prefix('#').ok_or(BadColour)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| BadColour)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Rgb {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rgb {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Rgb {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rgb".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A colour as CSS writes it, sRGB.",
            "type": "string",
            "pattern": "^#[0-9A-Fa-f]{6}$"
        })
    }
}

/// How carefully pictures and sound are encoded. What each means in encoder settings, size and measured quality: docs/quality.md.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// A quarter of the pixels, encoded as fast as can be and marked in the picture: for looking at the cut, never public.
    Draft,
    #[default]
    Standard,
    /// Slower and larger.
    High,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// Plays everywhere; clips that already fit are copied.
    #[default]
    H264,
    /// Every shot is encoded again.
    Hevc,
    /// Every shot is encoded again.
    Av1,
}

/// How a motion runs in time, with CSS's names and curves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Easing {
    Linear,
    EaseIn,
    EaseOut,
    #[default]
    EaseInOut,
}

/// What part of a picture is seen: its middle as a share of the picture's width and height, and how many times it is enlarged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct View {
    /// 0: the left edge, 1: the right. The view never leaves the picture: near an edge its middle is moved inwards.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub x: f64,
    /// 0: the top, 1: the bottom.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub y: f64,
    /// 1: all of the fitted picture.
    #[schemars(range(min = 1.0, max = 8.0))]
    pub zoom: f64,
}

impl Default for View {
    fn default() -> Self {
        Self {
            x: 0.5,
            y: 0.5,
            zoom: 1.0,
        }
    }
}

/// How one shot becomes the next, over frames that both share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// The one fades into the other.
    Dissolve,
    /// The first half fades to black, the second from it.
    FadeBlack,
    FadeWhite,
}

/// Where a text stands, inside the title-safe area (5 % off each edge).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TitlePosition {
    TopLeft,
    Top,
    TopRight,
    Left,
    #[default]
    Center,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

/// A named set of size, weight, outline and box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TitleStyle {
    /// Large and bold: the title of a film or a part.
    #[default]
    Headline,
    Body,
    /// A name and what it stands for, on a bar.
    LowerThird,
    /// Lines under each other.
    Credits,
    /// As captions look when they are burned in.
    Caption,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_hex_digits_behind_a_hash() {
        assert_eq!("#1A2b3c".parse(), Ok(Rgb([0x1a, 0x2b, 0x3c])));
        assert_eq!(Rgb([0x1a, 0x2b, 0x3c]).to_string(), "#1a2b3c");
        for bad in ["1a2b3c", "#1a2b3", "#1a2b3g", "", "red"] {
            assert_eq!(bad.parse::<Rgb>(), Err(BadColour), "{bad}");
        }
    }
}
