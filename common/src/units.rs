//! Units that must not be mixed up: frame rates are exact fractions, times of the public contract are decimal seconds, frames and
//! samples are integers. All rounding of the film's timeline happens here and is cumulative, so that it never adds up.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The film's sound runs at this rate, whatever the clips have.
pub const SAMPLE_RATE_HZ: u32 = 48_000;

/// An exact frame rate: `num / den` frames per second, in lowest terms, between 1 and 120.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FrameRate {
    num: u32,
    den: u32,
}

/// Why a number or text is not a frame rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a frame rate is a number from 1 to 120, or a fraction such as \"24000/1001\"")]
pub struct BadFrameRate;

impl FrameRate {
    /// `num / den`, reduced. The film timeline accepts 1 to 120 frames per second; facts of clips use [`FrameRate::measured`].
    pub fn new(num: u32, den: u32) -> Result<Self, BadFrameRate> {
        match Self::measured(num, den) {
            Some(rate) if (1.0..=120.0).contains(&rate.fps()) => Ok(rate),
            _ => Err(BadFrameRate),
        }
    }

    /// Any positive rate, as found in a file.
    pub fn measured(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self {
            num: num / divisor,
            den: den / divisor,
        })
    }

    /// The exact rate that a decimal means: 23.976, 29.97 and 59.94 are the NTSC fractions.
    pub fn from_decimal(fps: f64) -> Result<Self, BadFrameRate> {
        if !fps.is_finite() || !(1.0..=120.0).contains(&fps) {
            return Err(BadFrameRate);
        }
        for nominal in [24u32, 30, 48, 60, 120] {
            let ntsc = f64::from(nominal) * 1000.0 / 1001.0;
            if (fps - ntsc).abs() < 0.005 {
                return Self::new(nominal * 1000, 1001);
            }
        }
        // Within range and finite, so the cast is exact to the thousandth.
        Self::new((fps * 1000.0).round() as u32, 1000)
    }

    pub fn num(self) -> u32 {
        self.num
    }

    pub fn den(self) -> u32 {
        self.den
    }

    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The frame boundary nearest to a time, in frames from zero.
    pub fn frames_at(self, seconds: f64) -> u64 {
        (seconds * f64::from(self.num) / f64::from(self.den)).round() as u64
    }

    /// When frame `frames` starts.
    pub fn seconds_at(self, frames: u64) -> f64 {
        frames as f64 * f64::from(self.den) / f64::from(self.num)
    }

    /// The sound sample at which frame `frames` starts: `round(frames × 48000 / fps)`, exact in integers.
    pub fn samples_at(self, frames: u64) -> u64 {
        let num = u128::from(self.num);
        let samples = (u128::from(frames) * u128::from(SAMPLE_RATE_HZ) * u128::from(self.den)
            + num / 2)
            / num;
        u64::try_from(samples).unwrap_or(u64::MAX)
    }

    /// A media timescale in which a frame is a whole number of ticks, and the ticks of one frame.
    /// 24000/1001 gives (24000, 1001); whole rates give (fps × 512, 512).
    pub fn timescale(self) -> (u32, u32) {
        if self.den == 1 {
            (self.num.saturating_mul(512), 512)
        } else {
            (self.num, self.den)
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// 24 frames per second.
impl Default for FrameRate {
    fn default() -> Self {
        Self { num: 24, den: 1 }
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

impl FromStr for FrameRate {
    type Err = BadFrameRate;

    fn from_str(text: &str) -> Result<Self, BadFrameRate> {
        match text.split_once('/') {
            Some((num, den)) => Self::new(
                num.trim().parse().map_err(|_| BadFrameRate)?,
                den.trim().parse().map_err(|_| BadFrameRate)?,
            ),
            None => Self::from_decimal(text.trim().parse().map_err(|_| BadFrameRate)?),
        }
    }
}

/// Whole rates are numbers, all others fractions in a string: exact both ways.
impl Serialize for FrameRate {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.den == 1 {
            s.serialize_u32(self.num)
        } else {
            s.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for FrameRate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(f64),
            Text(String),
        }
        match Wire::deserialize(d)? {
            Wire::Number(fps) => Self::from_decimal(fps).or_else(|_| {
                Self::measured((fps * 1000.0).round() as u32, 1000).ok_or(BadFrameRate)
            }),
            Wire::Text(text) => text.parse().or_else(|_| {
                let (num, den) = text.split_once('/').ok_or(BadFrameRate)?;
                num.parse()
                    .ok()
                    .zip(den.parse().ok())
                    .and_then(|(num, den)| Self::measured(num, den))
                    .ok_or(BadFrameRate)
            }),
        }
        .map_err(de::Error::custom)
    }
}

impl JsonSchema for FrameRate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FrameRate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Frames per second: a number (23.976 means 24000/1001) or an exact fraction in a string.",
            "anyOf": [
                { "type": "number", "minimum": 1, "maximum": 120 },
                { "type": "string", "pattern": "^[1-9][0-9]{0,6}/[1-9][0-9]{0,6}$" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_rates_become_the_exact_fractions_they_mean() {
        assert_eq!(FrameRate::from_decimal(23.976), FrameRate::new(24000, 1001));
        assert_eq!(FrameRate::from_decimal(29.97), FrameRate::new(30000, 1001));
        assert_eq!(FrameRate::from_decimal(25.0), FrameRate::new(25, 1));
        assert_eq!(FrameRate::from_decimal(12.5), FrameRate::new(25, 2));
        assert!(FrameRate::from_decimal(f64::NAN).is_err());
        assert!(FrameRate::from_decimal(0.0).is_err());
    }

    #[test]
    fn sample_boundaries_do_not_drift_over_two_hours_of_ntsc() {
        let rate = FrameRate::new(30000, 1001).unwrap();
        let frames = 2 * 3600 * 30;
        let exact = frames as f64 * 1001.0 / 30000.0 * 48000.0;
        assert!((rate.samples_at(frames) as f64 - exact).abs() <= 0.5);
    }

    #[test]
    fn a_rate_survives_a_round_trip_through_json() {
        for rate in [
            FrameRate::new(24, 1).unwrap(),
            FrameRate::new(24000, 1001).unwrap(),
            FrameRate::measured(8797, 1000).unwrap(),
        ] {
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(serde_json::from_str::<FrameRate>(&json).unwrap(), rate);
        }
    }
}
