//! Who the operators of this farm are: whoever shows the one token. Either it was given to the server at start, or its hash is in the database.
//!
//! Knows no HTTP. The token itself is nowhere: whoever makes one hands it over once.

use crate::auth::{OperatorToken, hash_of, matches_hash};
use crate::db::{Database, DbError, settings};

/// A token that an operator chooses must be at least this long.
pub const MIN_TOKEN_CHARS: usize = 32;
/// A longer one is a mistake.
const MAX_TOKEN_CHARS: usize = 512;

/// The name of the setting.
const TOKEN_SHA256: &str = "operator_token_sha256";

/// What a token is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAccess {
    /// Given at start: the one in the database does not count.
    Given { sha256: String },
    /// In the database, if there is any.
    Stored,
}

impl OperatorAccess {
    /// Refuses a token that is too short to be a secret, or that no header can carry.
    pub fn of(given: Option<&str>) -> Result<Self, String> {
        let Some(token) = given else {
            return Ok(Self::Stored);
        };
        let fits = (MIN_TOKEN_CHARS..=MAX_TOKEN_CHARS).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(format!(
                "an operator token has {MIN_TOKEN_CHARS} to {MAX_TOKEN_CHARS} visible ASCII characters and no blanks"
            ));
        }
        Ok(Self::Given {
            sha256: hash_of(token),
        })
    }

    /// Whether this is the operators' token. Read anew each time, so that a reset holds at once.
    pub async fn admits(&self, db: &Database, token: &str) -> Result<bool, DbError> {
        match self {
            Self::Given { sha256 } => Ok(matches_hash(token, sha256)),
            Self::Stored => Ok(settings::get(db, TOKEN_SHA256)
                .await?
                .is_some_and(|stored| matches_hash(token, &stored))),
        }
    }
}

/// Whether the database has a token.
pub async fn has_token(db: &Database) -> Result<bool, DbError> {
    Ok(settings::get(db, TOKEN_SHA256).await?.is_some())
}

/// From here on this is the token, and no other.
pub async fn set_token(db: &Database, token: &OperatorToken) -> Result<(), DbError> {
    settings::set(db, TOKEN_SHA256, &token.hash()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_short_or_cannot_be_sent_is_refused() {
        assert_eq!(OperatorAccess::of(None), Ok(OperatorAccess::Stored));
        assert!(OperatorAccess::of(Some(&"x".repeat(MIN_TOKEN_CHARS))).is_ok());
        for wrong in [
            "x".repeat(MIN_TOKEN_CHARS - 1),
            " x".repeat(20),
            "ü".repeat(40),
        ] {
            assert!(OperatorAccess::of(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
