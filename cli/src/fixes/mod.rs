//! Fixes of findings, chosen and applied to a manifest one after the other. Pure: documents in, documents out.
//!
//! A fix whose `test` fails belongs to another manifest: nothing is applied then. Of two fixes at the same place the first wins.

mod place;

use botflix_common::finding::{Finding, Fix};
use botflix_common::findings::{self, PatchError};
use serde_json::Value;

use place::Touched;

/// What came of one finding's fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub rule: String,
    pub shot: Option<String>,
    /// Of the fix.
    pub title: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// A fix before it changed the same place.
    SamePlace {
        pointer: String,
    },
    /// No edit of the manifest helps.
    OnlyAdvice {
        advice: String,
    },
}

/// Applies the first patch of every finding whose rule is in `only` (empty: of every finding).
pub fn apply(
    manifest: &Value,
    found: &[Finding],
    only: &[String],
) -> Result<(Value, Vec<Step>), PatchError> {
    let mut touched = Touched::default();
    let mut chosen: Vec<&Fix> = Vec::new();
    let mut steps = Vec::new();
    for finding in found {
        let wanted = only.is_empty() || only.contains(&finding.rule);
        let Some(fix) = way_out(finding).filter(|_| wanted) else {
            continue;
        };
        let outcome = if fix.patch.is_empty() {
            Outcome::OnlyAdvice {
                advice: fix.advice.clone().unwrap_or_default(),
            }
        } else if let Some(pointer) = touched.meets(&fix.patch) {
            Outcome::SamePlace { pointer }
        } else {
            touched.add(&fix.patch);
            chosen.push(fix);
            Outcome::Applied
        };
        steps.push(Step {
            rule: finding.rule.clone(),
            shot: finding.shot.clone(),
            title: fix.title.clone(),
            outcome,
        });
    }
    let mut fixed = manifest.clone();
    findings::apply(&mut fixed, chosen)?;
    Ok((fixed, steps))
}

/// The first fix that an edit can carry out, else the first advice.
fn way_out(finding: &Finding) -> Option<&Fix> {
    let edits = |fix: &&Fix| !fix.patch.is_empty();
    finding
        .fixes
        .iter()
        .find(edits)
        .or_else(|| finding.fixes.first())
}

#[cfg(test)]
mod tests;
