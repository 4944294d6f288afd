//! Findings: what is wrong, or worth knowing, about material or film. One line each, measured and limited, with what to do about it.
//!
//! The rules that make them are in [`crate::findings`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hash::Sha;

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do; said for the record.
    #[default]
    Info,
    /// A viewer may notice.
    Warning,
    /// A viewer will notice.
    Error,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A stable snake_case word, e.g. `film_length`.
    pub rule: String,
    pub severity: Severity,
    /// The shot's id in the manifest; absent when it concerns the whole film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shot: Option<String>,
    /// The clip it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Sha>,
    /// Seconds in the film; in the clip, where a clip alone was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_seconds: Option<f64>,
    /// Where it ends, on the same timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<f64>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Unit of `measured` and `limit`: `s`, `LUFS`, `dBTP`, `px`, `fps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Ways out of it; each is enough on its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
}

/// The order of every list of findings: worst first, those of the whole film before those of a place, places as the film comes to them.
pub fn worst_first(findings: &mut [Finding]) {
    let at = |finding: &Finding| finding.at_seconds.unwrap_or(f64::NEG_INFINITY);
    findings.sort_by(|a, b| {
        let severity = b.severity.cmp(&a.severity);
        severity.then_with(|| at(a).total_cmp(&at(b)))
    });
}

/// How many findings of each severity there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingCounts {
    pub errors: u32,
    pub warnings: u32,
    pub infos: u32,
}

impl FindingCounts {
    pub fn of(findings: &[Finding]) -> Self {
        let of = |severity| {
            let same = findings.iter().filter(|one| one.severity == severity);
            u32::try_from(same.count()).unwrap_or(u32::MAX)
        };
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            infos: of(Severity::Info),
        }
    }

    pub fn and(self, more: Self) -> Self {
        Self {
            errors: self.errors.saturating_add(more.errors),
            warnings: self.warnings.saturating_add(more.warnings),
            infos: self.infos.saturating_add(more.infos),
        }
    }
}

/// A way out of a finding: a patch of the manifest that removes it, or advice where no edit can.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// What it does, in an imperative sentence.
    pub title: String,
    /// JSON Patch (RFC 6902) on the manifest, to be applied as a whole. Empty: only advice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patch: Vec<PatchOp>,
    /// What to do outside of the manifest, e.g. generate the clip again, with a hint for its prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// One operation of a JSON Patch. Only those that a fix needs; `test` guards against a manifest that has changed meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum PatchOp {
    Add { path: String, value: Value },
    Replace { path: String, value: Value },
    Remove { path: String },
    Test { path: String, value: Value },
}
