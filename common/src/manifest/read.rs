//! From bytes to a manifest or brief, or to every problem at once.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ShotManifest, check, numbers};
use crate::brief::EpisodeBrief;
use crate::problem::{FieldProblem, MAX_FIELD_PROBLEMS};
use crate::schema::{self, Document};

/// A manifest that has the right shape and makes sense by itself. Whether its clips exist and fit is [`crate::plan`]'s to say.
pub fn read_manifest(bytes: &[u8]) -> Result<ShotManifest, Vec<FieldProblem>> {
    let manifest: ShotManifest = read_shape(Document::ShotManifest, bytes)?;
    let problems = check::check(&manifest);
    if problems.is_empty() {
        Ok(manifest)
    } else {
        Err(capped(problems))
    }
}

/// A brief that has the right shape.
pub fn read_brief(bytes: &[u8]) -> Result<EpisodeBrief, Vec<FieldProblem>> {
    read_shape(Document::EpisodeBrief, bytes)
}

/// Parses and validates any document against its schema.
pub fn read_shape<T: DeserializeOwned>(
    document: Document,
    bytes: &[u8],
) -> Result<T, Vec<FieldProblem>> {
    let (value, stand_ins) = parse(bytes)?;
    let mut problems: Vec<FieldProblem> = stand_ins
        .iter()
        .map(|pointer| {
            FieldProblem::new(pointer, "not_a_number", "NaN and infinity are not numbers.")
                .fix("Send a finite decimal number.")
        })
        .collect();
    problems.extend(
        schema::problems(document, &value)
            .into_iter()
            .filter(|problem| !stand_ins.contains(&problem.pointer)),
    );
    if !problems.is_empty() {
        return Err(capped(problems));
    }
    serde_json::from_value(value)
        .map_err(|error| vec![FieldProblem::new("", "invalid", error.to_string())])
}

/// The JSON value, and where in it a number was none.
fn parse(bytes: &[u8]) -> Result<(Value, Vec<String>), Vec<FieldProblem>> {
    let refuse = |code, message: String| vec![FieldProblem::new("", code, message)];
    let text = std::str::from_utf8(bytes)
        .map_err(|error| refuse("not_utf8", format!("The document is not UTF-8: {error}.")))?;
    let replaced = numbers::set_aside(text);
    let value: Value = serde_json::from_str(replaced.as_deref().unwrap_or(text))
        .map_err(|error| refuse("not_json", format!("The document is not JSON: {error}.")))?;
    let mut stand_ins = Vec::new();
    if replaced.is_some() {
        find_stand_ins(&value, &mut String::new(), &mut stand_ins);
    }
    Ok((value, stand_ins))
}

/// serde_json limits nesting to 128, so the recursion is bounded.
fn find_stand_ins(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        Value::String(text) if text == numbers::STAND_IN => found.push(pointer.clone()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                find_stand_ins(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                pointer.push('/');
                pointer.push_str(&schema::escape(name));
                find_stand_ins(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn capped(mut problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let total = problems.len();
    if total > MAX_FIELD_PROBLEMS {
        problems.truncate(MAX_FIELD_PROBLEMS);
        problems.push(FieldProblem::new(
            "",
            "more_problems",
            format!(
                "{} more problems are not listed.",
                total - MAX_FIELD_PROBLEMS
            ),
        ));
    }
    problems
}
