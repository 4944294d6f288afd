//! Problem documents (RFC 9457): every refusal says what, where, who can fix it and how. One definition for server, CLI and tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::WhoCanFix;

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Most single problems listed in one document; what is beyond is counted in its last line.
pub const MAX_FIELD_PROBLEMS: usize = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `urn:botflix:problem:{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// A stable snake_case word.
    pub code: String,
    pub detail: String,
    /// Every single problem of the document that was sent, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// The same request may succeed later.
    pub retryable: bool,
    pub who_can_fix: WhoCanFix,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:botflix:problem:{code}"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            retryable: false,
            who_can_fix: WhoCanFix::Director,
            request_id: None,
        }
    }
}

/// One problem at one place of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the document that was sent.
    pub pointer: String,
    /// A stable snake_case word.
    pub code: String,
    pub message: String,
    /// The name that was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// What to do, when it can be said in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl FieldProblem {
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.to_owned(),
            message: message.into(),
            did_you_mean: None,
            fix: None,
        }
    }

    pub fn did_you_mean(mut self, name: impl Into<String>) -> Self {
        self.did_you_mean = Some(name.into());
        self
    }

    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}
