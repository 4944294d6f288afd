//! The check that keeps the walls between the rooms of `ARCHITECTURE.md`: over Cargo's metadata and the plain text of the sources.
//!
//! It is a reader of text, not a compiler: it can be fooled on purpose, and is meant to catch what happens by accident.

mod crates;
mod files;
mod rules;
mod source;

use std::fmt;
use std::path::Path;

use anyhow::Result;

/// Something that stands in the wrong room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Below the repository's root.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    pub rule: &'static str,
    /// What was found.
    pub found: String,
    /// Where it belongs, or why it must not be.
    pub why: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: [{}] {} ({})",
            self.file, self.line, self.rule, self.found, self.why
        )
    }
}

/// What a whole run looked at and found.
#[derive(Debug, Default)]
pub struct Outcome {
    pub crates: usize,
    pub files: usize,
    pub violations: Vec<Violation>,
}

/// Checks the workspace at `root`.
pub fn check(root: &Path) -> Result<Outcome> {
    let metadata = crates::metadata(root)?;
    let mut outcome = Outcome {
        crates: metadata.packages.len(),
        ..Outcome::default()
    };
    outcome.violations.extend(crates::check(&metadata));
    for file in files::texts(root)? {
        outcome.files += 1;
        outcome
            .violations
            .extend(check_text(&file.path, &file.text));
    }
    outcome.violations.sort();
    Ok(outcome)
}

/// Checks one file, given its path below the root.
pub fn check_text(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = files::check(path, text);
    if path.ends_with(".rs") {
        violations.extend(source::check(path, text));
    }
    violations
}

/// Checks what `cargo metadata` printed.
pub fn check_metadata(json: &[u8]) -> Result<Vec<Violation>> {
    Ok(crates::check(&serde_json::from_slice(json)?))
}
