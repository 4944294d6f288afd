//! Reading columns into types. A value that does not fit its type is [`DbError::Broken`] with the column's name.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::DbError;

pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String, DbError>;
    fn text_or_null(&self, column: &str) -> Result<Option<String>, DbError>;
    fn int(&self, column: &str) -> Result<i64, DbError>;
    fn int_or_null(&self, column: &str) -> Result<Option<i64>, DbError>;
    fn real(&self, column: &str) -> Result<f64, DbError>;
    fn real_or_null(&self, column: &str) -> Result<Option<f64>, DbError>;

    /// An unsigned number of at most 32 bits.
    fn count(&self, column: &str) -> Result<u32, DbError> {
        u32::try_from(self.int(column)?).map_err(|error| DbError::broken(column, error))
    }

    fn size(&self, column: &str) -> Result<u64, DbError> {
        u64::try_from(self.int(column)?).map_err(|error| DbError::broken(column, error))
    }

    fn size_or_null(&self, column: &str) -> Result<Option<u64>, DbError> {
        self.int_or_null(column)?
            .map(|size| u64::try_from(size).map_err(|error| DbError::broken(column, error)))
            .transpose()
    }

    /// An id or a hash.
    fn parsed<T: FromStr>(&self, column: &str) -> Result<T, DbError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?
            .parse()
            .map_err(|error: T::Err| DbError::broken(column, error))
    }

    /// A word of a fixed set, by its `parse`.
    fn word<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
        known_word(column, &self.text(column)?, parse)
    }

    fn word_or_null<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, DbError> {
        self.text_or_null(column)?
            .map(|word| known_word(column, &word, parse))
            .transpose()
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, DbError> {
        from_json(column, &self.text(column)?)
    }

    fn json_or_null<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, DbError> {
        self.text_or_null(column)?
            .map(|text| from_json(column, &text))
            .transpose()
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, DbError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &str) -> Result<i64, DbError> {
        Ok(self.try_get(column)?)
    }

    fn int_or_null(&self, column: &str) -> Result<Option<i64>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn real(&self, column: &str) -> Result<f64, DbError> {
        Ok(self.try_get(column)?)
    }

    fn real_or_null(&self, column: &str) -> Result<Option<f64>, DbError> {
        Ok(self.try_get(column)?)
    }
}

fn known_word<T>(
    column: &str,
    word: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, DbError> {
    parse(word).ok_or_else(|| DbError::broken(column, format!("unknown word \"{word}\"")))
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::broken(what, error))
}

/// A document for a TEXT column.
pub(super) fn to_json<T: Serialize>(what: &str, value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::broken(what, error))
}

/// A count or size for a BIGINT column; none of ours comes near its limit.
pub(super) fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
