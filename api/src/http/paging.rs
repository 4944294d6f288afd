//! Cursors: the last id of a page is where the next one starts. Clients treat them as opaque.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ApiError;

pub const DEFAULT_PAGE: u32 = 24;
pub const MAX_PAGE: u32 = 100;

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct PageQuery {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Entries in a page: 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u32>,
}

impl PageQuery {
    pub fn cursor<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        self.cursor
            .as_deref()
            .map(|text| {
                text.parse().map_err(|_| ApiError::BadParameter {
                    name: "cursor".to_owned(),
                    expected: "the next_cursor of an earlier page".to_owned(),
                })
            })
            .transpose()
    }

    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)
    }
}

/// Of `limit + 1` rows asked for, the page, and the cursor when there is more.
pub fn cut<T>(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = more.then(|| rows.last().map(id)).flatten();
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_more_behind_it_has_a_cursor() {
        let id = |row: &u32| row.to_string();
        assert_eq!(
            cut(vec![5, 4, 3], 2, id),
            (vec![5, 4], Some("4".to_owned()))
        );
        assert_eq!(cut(vec![5, 4], 2, id), (vec![5, 4], None));
        assert_eq!(cut(Vec::new(), 2, id), (vec![], None));
    }
}
