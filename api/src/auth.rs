//! Keys of directors and tokens of operators: how they are made, read and compared. Knows no HTTP and no database; what is stored is the
//! SHA-256 of the whole key.
//!
//! A key reads `botflix_{whose}_{id}_{secret}{checksum}`. The id finds the row, the secret proves it, the checksum tells a typing error (and a
//! secret scanner) what it is without asking anyone. All three are base62.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whose key it is: keys of one kind are never taken for another's.
pub trait Bearer {
    /// Every key of the kind starts like this.
    const PREFIX: &'static str;
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfDirector;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfOperator;

/// A host that wants to join.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfJoiner;

impl Bearer for OfDirector {
    const PREFIX: &'static str = "botflix_dir_";
}

impl Bearer for OfOperator {
    const PREFIX: &'static str = "botflix_op_";
}

impl Bearer for OfJoiner {
    const PREFIX: &'static str = "botflix_join_";
}

/// 12 characters: 71 bits, so that ids are not guessed either.
const ID_LEN: usize = 12;
/// 32 characters: 190 bits.
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret that a caller proves itself with. Its `Debug` shows the id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Key<B> {
    text: String,
    whose: PhantomData<B>,
}

/// A director's API key.
pub type ApiKey = Key<OfDirector>;
/// The token of the farm's operators.
pub type OperatorToken = Key<OfOperator>;
/// What a worker trades for the farm's Redis and storage.
pub type JoinToken = Key<OfJoiner>;

/// Not of the form of a key, or its checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct MalformedKey;

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct NoRandomness(getrandom::Error);

impl<B: Bearer> Key<B> {
    /// A key that nobody has seen.
    pub fn generate() -> Result<Self, NoRandomness> {
        let body = format!(
            "{}{}_{}",
            B::PREFIX,
            random_text(ID_LEN)?,
            random_text(SECRET_LEN)?
        );
        let checksum = checksum(&body);
        Ok(Self {
            text: format!("{body}{checksum}"),
            whose: PhantomData,
        })
    }

    /// The public half, by which the row is found.
    pub fn id(&self) -> &str {
        self.text
            .strip_prefix(B::PREFIX)
            .and_then(|rest| rest.get(..ID_LEN))
            .unwrap_or_default()
    }

    /// What is stored: the SHA-256 of the key, in hex.
    pub fn hash(&self) -> String {
        hash_of(&self.text)
    }

    /// Whether this is the key whose hash was stored; takes as long for a wrong one as for the right one.
    pub fn matches(&self, stored_hash: &str) -> bool {
        matches_hash(&self.text, stored_hash)
    }

    /// The key itself. For the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// The SHA-256 of a secret, in hex.
pub fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether this is the secret whose hash was stored, in the same time for every wrong one.
pub fn matches_hash(secret: &str, stored_hash: &str) -> bool {
    hash_of(secret)
        .as_bytes()
        .ct_eq(stored_hash.as_bytes())
        .into()
}

impl<B: Bearer> FromStr for Key<B> {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let rest = text.strip_prefix(B::PREFIX).ok_or(MalformedKey)?;
        let (id, proof) = rest.split_once('_').ok_or(MalformedKey)?;
        let is_base62 = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if id.len() != ID_LEN
            || proof.len() != SECRET_LEN + CHECKSUM_LEN
            || !is_base62(id)
            || !is_base62(proof)
        {
            return Err(MalformedKey);
        }
        let (body, claimed) = text
            .split_at_checked(text.len() - CHECKSUM_LEN)
            .ok_or(MalformedKey)?;
        if checksum(body) != claimed {
            return Err(MalformedKey);
        }
        Ok(Self {
            text: text.to_owned(),
            whose: PhantomData,
        })
    }
}

impl<B: Bearer> fmt::Debug for Key<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}{}_…)", B::PREFIX, self.id())
    }
}

/// Uniform base62: bytes beyond the last multiple of 62 are thrown away, so that no character is likelier than another.
fn random_text(length: usize) -> Result<String, NoRandomness> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0u8; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(NoRandomness)?;
        let fair = bytes.iter().filter(|byte| **byte < 62 * 4);
        text.extend(
            fair.filter_map(|byte| BASE62.get(usize::from(*byte % 62)))
                .map(|letter| char::from(*letter))
                .take(length - text.len()),
        );
    }
    Ok(text)
}

fn checksum(body: &str) -> String {
    Sha256::digest(body.as_bytes())
        .iter()
        .take(CHECKSUM_LEN)
        .filter_map(|byte| BASE62.get(usize::from(*byte % 62)))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_only_it_matches_its_hash() {
        let key = ApiKey::generate().unwrap();
        let other = ApiKey::generate().unwrap();
        assert_eq!(key.reveal().parse::<ApiKey>().as_ref(), Ok(&key));
        assert!(key.matches(&key.hash()));
        assert!(!other.matches(&key.hash()));
        assert_ne!(key.id(), other.id());
    }

    #[test]
    fn a_key_of_one_kind_is_none_of_another() {
        let token = OperatorToken::generate().unwrap();
        assert!(token.reveal().starts_with("botflix_op_"));
        assert_eq!(token.reveal().parse::<ApiKey>(), Err(MalformedKey));
        assert_eq!(token.reveal().parse(), Ok(token));
    }

    #[test]
    fn one_wrong_character_anywhere_is_malformed() {
        let key = ApiKey::generate().unwrap();
        for at in 0..key.reveal().len() {
            let mut bytes = key.reveal().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(bytes).unwrap();
            // A changed last-but-few character may collide in the checksum with probability 4/256; the id and form never do.
            if let Ok(read) = text.parse::<ApiKey>() {
                assert!(!read.matches(&key.hash()));
            }
        }
        for text in ["", "botflix_dir_", "botflix_dir_abc_def", "Bearer x"] {
            assert_eq!(text.parse::<ApiKey>(), Err(MalformedKey));
        }
    }

    #[test]
    fn debug_output_never_holds_the_secret() {
        let key = ApiKey::generate().unwrap();
        let secret = key.reveal().rsplit('_').next().unwrap();
        assert!(!format!("{key:?}").contains(secret));
    }
}
