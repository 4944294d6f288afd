//! What goes first among the tasks of one director. Between directors it counts for nothing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// 0 to 9; the higher goes first. 5 when nothing is said, 7 for drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// Somebody waits to look at it.
    pub const OF_DRAFTS: Self = Self(7);
    const HIGHEST: u8 = 9;

    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self(5)
    }
}

impl JsonSchema for Priority {
    fn schema_name() -> Cow<'static, str> {
        "Priority".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": 0,
            "maximum": Self::HIGHEST,
            "description": "What of its director's goes first: the higher the sooner. 5 when nothing is said, 7 for drafts."
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a priority is 0 to 9")]
pub struct NoPriority;

impl TryFrom<u8> for Priority {
    type Error = NoPriority;

    fn try_from(number: u8) -> Result<Self, NoPriority> {
        if number <= Self::HIGHEST {
            Ok(Self(number))
        } else {
            Err(NoPriority)
        }
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_digit() {
        let read: Result<Vec<Priority>, _> = serde_json::from_str("[0, 9]");
        assert_eq!(read.unwrap(), [Priority(0), Priority(9)]);
        assert!(serde_json::from_str::<Priority>("10").is_err());
        assert!(Priority::OF_DRAFTS > Priority::default());
    }
}
