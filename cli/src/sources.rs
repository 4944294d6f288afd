//! Manifests as people write them: `"source": {"file": "s01.mp4"}` becomes `{"clip": "sha256:…"}`.
//!
//! Files are looked up in one directory and nowhere else. All problems of a manifest are found before anything is sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use botflix_common::hash::Sha;
use botflix_common::manifest::ShotManifest;
use botflix_common::manifest::numbers;
use botflix_common::manifest::read::read_manifest;
use botflix_common::problem::FieldProblem;
use botflix_common::schema::closest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::exit::Fault;

/// Largest manifest or brief that is read.
const DOCUMENT_LIMIT_BYTES: u64 = 16 << 20;
/// Bytes hashed at a time.
const PIECE_BYTES: usize = 1 << 20;

/// A file that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Where the manifest names it first.
    pub pointer: String,
    pub name: String,
}

/// A manifest whose every source is a clip.
#[derive(Debug)]
pub struct Resolved {
    pub manifest: ShotManifest,
    /// The document as it is sent.
    pub document: Value,
    /// The files among its clips.
    pub files: BTreeMap<Sha, PathBuf>,
}

/// A document's bytes.
pub fn read_document(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed =
        |error| Fault::permanent(format!("{} cannot be read", path.display())).because(error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(DOCUMENT_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > DOCUMENT_LIMIT_BYTES {
        return Err(Fault::permanent(format!(
            "{} is longer than {} MiB: not a manifest or brief",
            path.display(),
            DOCUMENT_LIMIT_BYTES >> 20
        )));
    }
    Ok(bytes)
}

/// Every problem that can be found without the files' bytes.
pub fn offline_problems(bytes: &[u8]) -> Vec<FieldProblem> {
    let stand_in = |file: &NamedFile| Ok(Sha::of(file.name.as_bytes()));
    match with_clips(bytes, stand_in) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// Finds the files in `dir` and hashes them. Reads every byte of every clip once.
pub fn resolve(bytes: &[u8], dir: &Path) -> Result<Resolved, Vec<FieldProblem>> {
    let mut problems = offline_problems(bytes);
    let mut files = BTreeMap::new();
    let mut hashed: BTreeMap<String, Sha> = BTreeMap::new();
    let resolved = with_clips(bytes, |file| {
        if let Some(sha) = hashed.get(&file.name) {
            return Ok(*sha);
        }
        let path = look_up(dir, file)?;
        let sha = hash(&path).map_err(|error| {
            FieldProblem::new(
                &file.pointer,
                "unreadable_file",
                format!("The file \"{}\" cannot be read: {error}.", file.name),
            )
        })?;
        hashed.insert(file.name.clone(), sha);
        files.insert(sha, path);
        Ok(sha)
    });
    match resolved {
        Ok((manifest, document)) => Ok(Resolved {
            manifest,
            document,
            files,
        }),
        Err(more) => {
            problems.extend(
                more.into_iter()
                    .filter(|one| !problems.contains(one))
                    .collect::<Vec<_>>(),
            );
            Err(problems)
        }
    }
}

/// The manifest with each file replaced by what `clip_of` says, or all that is wrong with files and document.
fn with_clips(
    bytes: &[u8],
    mut clip_of: impl FnMut(&NamedFile) -> Result<Sha, FieldProblem>,
) -> Result<(ShotManifest, Value), Vec<FieldProblem>> {
    let text = String::from_utf8_lossy(bytes);
    let readable = numbers::set_aside(&text).unwrap_or_else(|| text.into_owned());
    let Ok(mut document) = serde_json::from_str::<Value>(&readable) else {
        // Says why.
        return read_manifest(bytes).map(|manifest| (manifest, Value::Null));
    };
    let mut problems = Vec::new();
    for list in ["shots", "tracks"] {
        let items = document.get_mut(list).and_then(Value::as_array_mut);
        for (at, item) in items.into_iter().flatten().enumerate() {
            let Some(source) = item.get_mut("source") else {
                continue;
            };
            let Some(name) = file_name(source) else {
                continue;
            };
            let file = NamedFile {
                pointer: format!("/{list}/{at}/source/file"),
                name: name.to_owned(),
            };
            let clip = clip_of(&file).unwrap_or_else(|problem| {
                problems.push(problem);
                // Keeps the rest of the document readable.
                Sha::of(b"")
            });
            *source = serde_json::json!({ "clip": clip });
        }
    }
    let written = document.to_string().replace(NOT_A_NUMBER_AS_WRITTEN, "NaN");
    match read_manifest(written.as_bytes()) {
        Ok(manifest) if problems.is_empty() => Ok((manifest, document)),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// [`numbers::STAND_IN`] as JSON spells it.
const NOT_A_NUMBER_AS_WRITTEN: &str = "\"\\u0000botflix:not-a-number\\u0000\"";

/// The name, if the source is `{"file": "…"}` and nothing else.
fn file_name(source: &Value) -> Option<&str> {
    let fields = source.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("file")?.as_str()
}

fn look_up(dir: &Path, file: &NamedFile) -> Result<PathBuf, FieldProblem> {
    let name = Path::new(&file.name);
    let inside = name
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || file.name.is_empty() {
        return Err(FieldProblem::new(
            &file.pointer,
            "file_outside_clips",
            format!(
                "\"{}\" does not lie in the directory of the clips.",
                file.name
            ),
        )
        .fix("Name a file below the directory that --clips names, without \"..\"."));
    }
    let path = dir.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let problem = FieldProblem::new(
        &file.pointer,
        "missing_file",
        format!("There is no file \"{}\" in {}.", file.name, dir.display()),
    );
    let names = names_in(dir);
    Err(
        match closest(&file.name, names.iter().map(String::as_str)) {
            Some(near) => problem.did_you_mean(near),
            None => problem,
        },
    )
}

/// For guessing what was meant; a directory that cannot be read has no guesses.
fn names_in(dir: &Path) -> Vec<String> {
    /// More names than this are not searched for a likeness.
    const MOST: usize = 10_000;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .take(MOST)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// The SHA-256 of a file in constant memory.
pub fn hash(path: &Path) -> io::Result<Sha> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(Sha::from_digest(digest.finalize().into()));
        };
        digest.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(file: &str) -> Vec<u8> {
        format!(r#"{{"title": "T", "shots": [{{"id": "s1", "source": {{"file": "{file}"}}}}]}}"#)
            .into_bytes()
    }

    #[test]
    fn the_stand_in_is_spelled_as_serde_json_spells_it() {
        assert_eq!(
            Value::from(numbers::STAND_IN).to_string(),
            NOT_A_NUMBER_AS_WRITTEN
        );
    }

    #[test]
    fn a_file_becomes_the_clip_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s1.mp4"), b"bytes").unwrap();
        let resolved = resolve(&manifest("s1.mp4"), dir.path()).unwrap();
        let sha = Sha::of(b"bytes");
        assert_eq!(resolved.manifest.shots[0].source.clip, sha);
        assert_eq!(
            resolved.document["shots"][0]["source"]["clip"],
            sha.to_string()
        );
        assert_eq!(resolved.files[&sha], dir.path().join("s1.mp4"));
    }

    #[test]
    fn a_missing_file_is_pointed_at_with_the_name_that_was_meant() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("shot-01.mp4"), b"bytes").unwrap();
        let problems = resolve(&manifest("shot-1.mp4"), dir.path()).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/shots/0/source/file");
        assert_eq!(problems[0].code, "missing_file");
        assert_eq!(problems[0].did_you_mean.as_deref(), Some("shot-01.mp4"));
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let clips = dir.path().join("clips");
        std::fs::create_dir(&clips).unwrap();
        std::fs::write(dir.path().join("secret.mp4"), b"bytes").unwrap();
        let absolute = dir.path().join("secret.mp4");
        for name in [
            "../secret.mp4",
            "a/../../secret.mp4",
            absolute.to_str().unwrap(),
            "",
        ] {
            let problems = resolve(&manifest(name), &clips).unwrap_err();
            assert_eq!(problems[0].code, "file_outside_clips", "{name}");
        }
    }

    #[test]
    fn problems_of_files_and_of_the_document_are_told_together_and_a_nan_is_still_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"titel": "T", "shots": [{"id": "s1", "source": {"file": "no.mp4"}, "audio": {"gain": NaN}}]}"#;
        let problems = resolve(text.as_bytes(), dir.path()).unwrap_err();
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        for code in [
            "missing_file",
            "unknown_field",
            "missing_field",
            "not_a_number",
        ] {
            assert!(codes.contains(&code), "{code} in {codes:?}");
        }
        assert_eq!(codes.len(), 4, "each once: {codes:?}");
    }
}
