//! SHA-256 names: of bytes (clips, artifacts) and of work (task keys). Two types, so that one cannot be taken for the other.

use std::fmt;
use std::io;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The prefix of a clip's public name: `sha256:<64 hex digits>`.
pub const PREFIX: &str = "sha256:";

/// Why a text is not a SHA-256 name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected sha256: and 64 hexadecimal digits")]
pub struct BadHash;

/// The SHA-256 of some bytes. Written `sha256:<64 lower-case hex digits>`; read with or without the prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha([u8; 32]);

impl Sha {
    /// Hashes `bytes` that are already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes all that is still to be read, and counts it. Blocking.
    pub fn of_reader(mut from: impl io::Read) -> io::Result<(Self, u64)> {
        /// Few calls, and it stays in the processor's cache.
        const PIECE_BYTES: usize = 256 << 10;
        let mut piece = vec![0; PIECE_BYTES];
        let mut digest = Sha256::new();
        let mut bytes = 0;
        loop {
            let read = from.read(&mut piece)?;
            let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
                return Ok((Self(digest.finalize().into()), bytes));
            };
            digest.update(piece);
            bytes += read as u64;
        }
    }

    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 digits without the prefix, for object paths and ETags.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Sha {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| BadHash)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Sha {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sha256".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^sha256:[0-9a-f]{64}$",
            "description": "The SHA-256 of the file's bytes."
        })
    }
}

/// The name of one unit of farm work: the SHA-256 of everything that decides its result.
///
/// Equal keys mean equal results, so a key is also the place of the result record (`cache/{key}/result.json`). Written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey([u8; 32]);

impl TaskKey {
    /// The key of the work that `canonical` describes in full.
    pub fn of(canonical: &[u8]) -> Self {
        Self(Sha256::digest(canonical).into())
    }

    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for TaskKey {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadHash)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Serialize for TaskKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for TaskKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TaskKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_with_and_without_its_prefix_and_writes_with_it() {
        let sha = Sha::of(b"clip");
        assert_eq!(sha.to_string().parse::<Sha>(), Ok(sha));
        assert_eq!(sha.hex().parse::<Sha>(), Ok(sha));
        assert!(sha.to_string().starts_with(PREFIX));
        assert_eq!("sha256:zz".parse::<Sha>(), Err(BadHash));
    }
}
