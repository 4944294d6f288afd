//! From the body of `POST /api/v1/renders` to a manifest, or to as many of its problems as can be known at once.
//!
//! A document of the wrong shape cannot be checked for sense. So what is wrong is taken out or stood in for, and what is left is checked
//! as well: one answer names the unknown field, the clip that nobody sent and the trim past its end.

use std::collections::HashMap;

use botflix_common::hash::Sha;
use botflix_common::id::DirectorId;
use botflix_common::manifest::read::read_manifest;
use botflix_common::manifest::{ShotManifest, check, numbers};
use botflix_common::plan;
use botflix_common::problem::{FieldProblem, MAX_FIELD_PROBLEMS};
use serde_json::{Value, json};

use crate::db::clips::{self, ClipRow};
use crate::db::{Database, DbError};

/// Largest manifest.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Stands in for a clip that is missing or misnamed.
const NO_CLIP: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A manifest that was sent.
pub enum Submission {
    /// Right in itself.
    Sound(Box<ShotManifest>),
    /// Wrong. What could be made of it may still be checked against the clips.
    Flawed {
        problems: Vec<FieldProblem>,
        salvaged: Option<Box<ShotManifest>>,
    },
}

pub fn read(bytes: &[u8]) -> Submission {
    let problems = match read_manifest(bytes) {
        Ok(manifest) => return Submission::Sound(Box::new(manifest)),
        Err(problems) => problems,
    };
    // Wrong in sense only: the shape is fine, and so is what it says of clips.
    let salvaged = salvage(bytes, &problems).map(Box::new);
    let more = salvaged.as_deref().map(check::check).unwrap_or_default();
    Submission::Flawed {
        problems: merge(problems, more),
        salvaged,
    }
}

/// All of `first`, then those of `more` that say something about another place.
pub fn merge(first: Vec<FieldProblem>, more: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let mut all = first;
    let known: Vec<String> = all.iter().map(|problem| problem.pointer.clone()).collect();
    let concerns = |pointer: &str, at: &str| {
        pointer == at
            || pointer
                .strip_prefix(at)
                .is_some_and(|rest| rest.starts_with('/'))
                && !at.is_empty()
    };
    let fresh = more
        .into_iter()
        .filter(|problem| !known.iter().any(|at| concerns(&problem.pointer, at)));
    let room = MAX_FIELD_PROBLEMS.saturating_sub(all.len());
    all.extend(fresh.take(room));
    all
}

/// What is known of its clips that speaks against a manifest which is not going to be stored.
pub async fn clip_problems(
    db: &Database,
    director: DirectorId,
    manifest: &ShotManifest,
) -> Result<Vec<FieldProblem>, DbError> {
    // Only reads; the transaction is dropped.
    let shas = manifest.distinct_clips();
    let visible = clips::visible(&mut db.write().await?, director, &shas).await?;
    Ok(problems_of_clips(manifest, &visible))
}

/// What the clips that its director may see say against a manifest.
pub fn problems_of_clips(
    manifest: &ShotManifest,
    visible: &HashMap<Sha, ClipRow>,
) -> Vec<FieldProblem> {
    let mut problems: Vec<FieldProblem> = manifest
        .clips()
        .iter()
        .filter(|named| !visible.contains_key(&named.clip))
        .map(|named| plan::unknown_clip(&named.pointer, &named.clip))
        .collect();
    let facts = clips::facts_of(visible.values().cloned());
    problems.extend(plan::known_problems(manifest, &facts));
    problems
}

fn salvage(bytes: &[u8], problems: &[FieldProblem]) -> Option<ShotManifest> {
    let text = std::str::from_utf8(bytes).ok()?;
    let replaced = numbers::set_aside(text);
    let mut value: Value = serde_json::from_str(replaced.as_deref().unwrap_or(text)).ok()?;
    for problem in problems {
        repair(&mut value, problem)?;
    }
    let shots = value.get_mut("shots").and_then(Value::as_array_mut);
    for shot in shots.into_iter().flatten() {
        // All that it held was misnamed.
        if let Some(source) = shot.get_mut("source").and_then(Value::as_object_mut)
            && source.is_empty()
        {
            source.insert("clip".to_owned(), json!(NO_CLIP));
        }
    }
    serde_json::from_value(value).ok()
}

/// Takes the faulty field out, or puts a stand-in where one is required. `None`: no way to go on.
fn repair(value: &mut Value, problem: &FieldProblem) -> Option<()> {
    let (parent, name) = problem.pointer.rsplit_once('/')?;
    let Some(Value::Object(fields)) = value.pointer_mut(parent) else {
        // In an array, or in something that was taken out before.
        return value.pointer(parent).map_or(Some(()), |_| None);
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    match stand_in(&name, &problem.pointer) {
        Some(stand_in) => fields.insert(name, stand_in),
        None => fields.remove(&name),
    };
    Some(())
}

/// For fields that cannot be left out. Ids must differ from each other, so each takes its own place as its name.
fn stand_in(name: &str, pointer: &str) -> Option<Value> {
    match name {
        "title" | "name" | "text" => Some(json!("?")),
        "id" => Some(json!(pointer)),
        "clip" => Some(json!(NO_CLIP)),
        "source" => Some(json!({ "clip": NO_CLIP })),
        "kind" => Some(json!("effects")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(String, String)> {
        match read(text.as_bytes()) {
            Submission::Sound(_) => Vec::new(),
            Submission::Flawed { problems, .. } => problems
                .into_iter()
                .map(|problem| (problem.pointer, problem.code))
                .collect(),
        }
    }

    #[test]
    fn problems_of_shape_and_of_sense_come_in_one_answer() {
        let text = format!(
            r#"{{"titel": "T", "shots": [
                {{"id": "1", "source": {{"clip": "{NO_CLIP}"}}, "trim": {{"start": NaN}}}},
                {{"id": "1", "source": {{"clip": "{NO_CLIP}"}}, "beat": "nowhere"}},
                {{"id": "3", "source": {{"file": "a.mp4"}}, "audio": {{"gain": "loud"}}}}
            ]}}"#
        );
        let found = codes(&text);
        for expected in [
            ("/titel", "unknown_field"),
            ("/title", "missing_field"),
            ("/shots/0/trim/start", "not_a_number"),
            ("/shots/1/id", "duplicate_id"),
            ("/shots/1/beat", "unknown_beat"),
            ("/shots/2/source/file", "unknown_field"),
            ("/shots/2/audio/gain", "wrong_type"),
        ] {
            assert!(
                found
                    .iter()
                    .any(|(pointer, code)| (pointer.as_str(), code.as_str()) == expected),
                "{expected:?} is not in {found:?}"
            );
        }
        assert_eq!(found.len(), 7, "{found:?}");
    }

    #[test]
    fn what_is_no_document_has_one_problem_and_nothing_is_salvaged() {
        for text in ["", "[", "[]", "{\"title\": 3, \"shots\": [7]}"] {
            assert!(matches!(
                read(text.as_bytes()),
                Submission::Flawed { salvaged: None, .. }
            ));
        }
    }
}
