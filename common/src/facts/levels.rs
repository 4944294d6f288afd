//! The loudness of a sound, block by block: what [`crate::loudness`] joins to the loudness of a film without decoding anything again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longer sound carries no levels: 6 hours are 216,000 blocks, 576 kB of JSON.
pub const MAX_LEVELS: usize = 6 * 3600 * 10;
/// Blocks per second.
pub const LEVELS_PER_SECOND: f64 = 10.0;

/// Stands for digital silence.
const SILENT: i16 = i16::MIN;
const QUIETEST: f64 = (i16::MIN + 1) as f64;
const LOUDEST: f64 = i16::MAX as f64;

/// The energy of each 100 ms of a sound: mean square after K-weighting (ITU-R BS.1770-4), summed over the channels with their weights, kept
/// as hundredths of a decibel. On the wire: 16 bit little endian in base64. The last block may be shorter; it counts as if silence followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(Vec<i16>);

impl Levels {
    /// From mean squares. What is beyond [`MAX_LEVELS`] makes all of it unknown.
    pub fn from_energies(energies: impl IntoIterator<Item = f64>) -> Self {
        let levels: Vec<i16> = energies
            .into_iter()
            .take(MAX_LEVELS + 1)
            .map(stored)
            .collect();
        if levels.len() > MAX_LEVELS {
            Self::default()
        } else {
            Self(levels)
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Mean square of each block; 0 for silence.
    pub fn energies(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|level| energy(*level))
    }

    /// Mean square of block `index`; 0 for silence and past the end.
    pub fn energy(&self, index: usize) -> f64 {
        self.0.get(index).map_or(0.0, |level| energy(*level))
    }
}

fn stored(energy: f64) -> i16 {
    if energy > 0.0 {
        (1000.0 * energy.log10()).round().clamp(QUIETEST, LOUDEST) as i16
    } else {
        SILENT
    }
}

fn energy(level: i16) -> f64 {
    if level == SILENT {
        0.0
    } else {
        10f64.powf(f64::from(level) / 1000.0)
    }
}

impl Serialize for Levels {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|level| level.to_le_bytes())
            .collect();
        s.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(de::Error::custom)?;
        let (whole, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() || whole.len() > MAX_LEVELS {
            return Err(de::Error::custom(
                "levels are 16 bit each, six hours at most",
            ));
        }
        Ok(Self(
            whole.iter().map(|pair| i16::from_le_bytes(*pair)).collect(),
        ))
    }
}

impl JsonSchema for Levels {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Levels".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "contentEncoding": "base64",
            "description": "K-weighted energy of each 100 ms in hundredths of a decibel, 16 bit little endian, base64 without padding; -32768 is silence."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_survive_json_to_a_two_hundredth_of_a_decibel() {
        let energies = [0.0, 1.0, 0.25, 1e-9, 3.7e-4];
        let levels = Levels::from_energies(energies);
        let json = serde_json::to_string(&levels).unwrap();
        let back: Levels = serde_json::from_str(&json).unwrap();
        assert_eq!(back, levels);
        for (wanted, got) in energies.iter().zip(back.energies()) {
            assert!((wanted - got).abs() <= wanted * 0.0012, "{wanted} {got}");
        }
        assert_eq!(back.energy(99), 0.0);
        assert!(serde_json::from_str::<Levels>("\"AAA\"").is_ok());
        assert!(serde_json::from_str::<Levels>("\"AA\"").is_err());
    }

    #[test]
    fn more_than_six_hours_are_unknown_rather_than_cut() {
        let energies = std::iter::repeat_n(0.5, MAX_LEVELS + 1);
        assert!(Levels::from_energies(energies).is_empty());
    }
}
