//! Carries out fixes on a manifest: the four operations of JSON Patch (RFC 6902) that fixes use, all of a fix or none of it.

use serde_json::Value;

use crate::finding::{Fix, PatchOp};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fix \"{title}\" does not fit this manifest: {path} {why}")]
pub struct PatchError {
    pub title: String,
    /// JSON Pointer.
    pub path: String,
    pub why: &'static str,
}

/// Applies all fixes or none. Those that take shots away come last, from the end, so that the others still find their shots.
pub fn apply<'a>(
    manifest: &mut Value,
    fixes: impl IntoIterator<Item = &'a Fix>,
) -> Result<(), PatchError> {
    let (mut removals, changes): (Vec<&Fix>, Vec<&Fix>) =
        fixes.into_iter().partition(|fix| removed(fix).is_some());
    removals.sort_by_key(|fix| std::cmp::Reverse(removed(fix)));
    let mut patched = manifest.clone();
    for fix in changes.into_iter().chain(removals) {
        for op in &fix.patch {
            carry_out(&mut patched, op).map_err(|why| PatchError {
                title: fix.title.clone(),
                path: path(op).to_owned(),
                why,
            })?;
        }
    }
    *manifest = patched;
    Ok(())
}

/// The place in its list of what a fix takes away.
fn removed(fix: &Fix) -> Option<usize> {
    fix.patch.iter().find_map(|op| match op {
        PatchOp::Remove { path } => path.rsplit('/').next()?.parse().ok(),
        _ => None,
    })
}

fn path(op: &PatchOp) -> &str {
    match op {
        PatchOp::Add { path, .. }
        | PatchOp::Replace { path, .. }
        | PatchOp::Remove { path }
        | PatchOp::Test { path, .. } => path,
    }
}

fn carry_out(document: &mut Value, op: &PatchOp) -> Result<(), &'static str> {
    const MISSING: &str = "is not there";
    match op {
        PatchOp::Test { path, value } => match document.pointer(path) {
            Some(there) if there == value => Ok(()),
            Some(_) => Err("has changed"),
            None => Err(MISSING),
        },
        PatchOp::Replace { path, value } => {
            *document.pointer_mut(path).ok_or(MISSING)? = value.clone();
            Ok(())
        }
        PatchOp::Add { path, value } => {
            let (parent, last) = split(document, path)?;
            match parent {
                Value::Object(members) => {
                    members.insert(last, value.clone());
                    Ok(())
                }
                Value::Array(items) => {
                    let at = if last == "-" {
                        Some(items.len())
                    } else {
                        last.parse().ok()
                    };
                    let at = at.filter(|at| *at <= items.len()).ok_or(MISSING)?;
                    items.insert(at, value.clone());
                    Ok(())
                }
                _ => Err("is inside of a plain value"),
            }
        }
        PatchOp::Remove { path } => {
            let (parent, last) = split(document, path)?;
            match parent {
                Value::Object(members) => members.shift_remove(&last).map(|_| ()).ok_or(MISSING),
                Value::Array(items) => {
                    let at = last.parse().ok().filter(|at: &usize| *at < items.len());
                    items.remove(at.ok_or(MISSING)?);
                    Ok(())
                }
                _ => Err(MISSING),
            }
        }
    }
}

/// What holds the last part of a pointer, and that part itself.
fn split<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), &'static str> {
    let (parent, last) = path.rsplit_once('/').ok_or("is the whole manifest")?;
    let parent = document.pointer_mut(parent).ok_or("has no parent")?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fix(ops: Value) -> Fix {
        Fix {
            patch: serde_json::from_value(ops).unwrap(),
            ..Fix::default()
        }
    }

    #[test]
    fn removals_come_last_and_from_the_end() {
        let mut manifest = json!({"shots": [{"id": "a"}, {"id": "b"}, {"id": "c"}]});
        let fixes = [
            fix(
                json!([{"op": "test", "path": "/shots/0/id", "value": "a"}, {"op": "remove", "path": "/shots/0"}]),
            ),
            fix(
                json!([{"op": "test", "path": "/shots/1/id", "value": "b"}, {"op": "remove", "path": "/shots/1"}]),
            ),
            fix(json!([{"op": "add", "path": "/shots/2/duration", "value": 2}])),
        ];
        apply(&mut manifest, &fixes).unwrap();
        assert_eq!(manifest, json!({"shots": [{"id": "c", "duration": 2}]}));
    }

    #[test]
    fn a_fix_for_another_manifest_changes_nothing() {
        let mut manifest = json!({"shots": [{"id": "a"}]});
        let before = manifest.clone();
        let fixes = [
            fix(json!([{"op": "add", "path": "/shots/0/duration", "value": 2}])),
            fix(json!([{"op": "test", "path": "/shots/0/id", "value": "z"}])),
        ];
        let error = apply(&mut manifest, &fixes).unwrap_err();
        assert_eq!(
            (error.path.as_str(), error.why),
            ("/shots/0/id", "has changed")
        );
        assert_eq!(manifest, before);
    }
}
