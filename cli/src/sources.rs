//! Manifests as people write them: `"source": {"file": "s01.mp4"}` becomes `{"clip": "sha256:…"}`, and a picture `{"still": "sha256:…"}`.
//!
//! Files are looked up in one directory and nowhere else. All problems of a manifest are found before anything is sent.

mod files;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use botflix_common::film::Quality;
use botflix_common::hash::Sha;
use botflix_common::manifest::ShotManifest;
use botflix_common::manifest::numbers;
use botflix_common::manifest::read::read_manifest;
use botflix_common::problem::FieldProblem;
use serde_json::Value;

use crate::exit::Fault;
pub use files::{files_below, hash};
use files::{hash_all, look_up, named};

/// Largest manifest or brief that is read.
const DOCUMENT_LIMIT_BYTES: u64 = 16 << 20;

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

/// What the command line says against the manifest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    pub preset: Option<Quality>,
}

/// A file by what its first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Clip(Sha),
    Still(Sha),
}

impl Named {
    /// The same kind of file with these bytes.
    fn of(self, sha: Sha) -> Self {
        match self {
            Self::Clip(_) => Self::Clip(sha),
            Self::Still(_) => Self::Still(sha),
        }
    }
}

/// Every problem that can be found without the files' bytes.
pub fn offline_problems(bytes: &[u8]) -> Vec<FieldProblem> {
    offline(bytes).err().unwrap_or_default()
}

/// The manifest without the files that it names: hashes of names stand for them, and what a file is is guessed from its name.
pub fn offline(bytes: &[u8]) -> Result<ShotManifest, Vec<FieldProblem>> {
    let stand_in = |file: &NamedFile| {
        let sha = Sha::of(file.name.as_bytes());
        let ending = Path::new(&file.name).extension().unwrap_or_default();
        let is_picture = ["png", "jpg", "jpeg", "webp"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known));
        Ok(if is_picture {
            Named::Still(sha)
        } else {
            Named::Clip(sha)
        })
    };
    with_clips(bytes, Overrides::default(), stand_in).map(|(manifest, _)| manifest)
}

/// Finds the files in `dir` and hashes them. Reads every byte of every clip once, and none when something is wrong with the document.
pub fn resolve(
    bytes: &[u8],
    dir: &Path,
    overrides: Overrides,
) -> Result<Resolved, Vec<FieldProblem>> {
    // First everything that can be wrong without reading the clips, then all clips at once.
    let mut files: BTreeMap<String, Found> = BTreeMap::new();
    with_clips(bytes, overrides, |file| find(&mut files, dir, file))?;
    hash_all(files.values_mut());
    let (manifest, document) = with_clips(bytes, overrides, |file| find(&mut files, dir, file))?;
    let clip = |found: Found| {
        let (Named::Clip(sha) | Named::Still(sha)) = found.named.ok()?;
        Some((sha, found.path))
    };
    Ok(Resolved {
        manifest,
        document,
        files: files.into_values().filter_map(clip).collect(),
    })
}

/// A file that a manifest names, looked up once.
struct Found {
    path: PathBuf,
    /// By the hash of its name until its bytes are hashed.
    named: io::Result<Named>,
}

fn find(
    files: &mut BTreeMap<String, Found>,
    dir: &Path,
    file: &NamedFile,
) -> Result<Named, FieldProblem> {
    let found = match files.entry(file.name.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            let path = look_up(dir, file)?;
            let named = named(&path, Sha::of(file.name.as_bytes()));
            new.insert(Found { path, named })
        }
    };
    let named = found.named.as_ref();
    named.copied().map_err(|error| unreadable(file, error))
}

fn unreadable(file: &NamedFile, error: &io::Error) -> FieldProblem {
    FieldProblem::new(
        &file.pointer,
        "unreadable_file",
        format!("The file \"{}\" cannot be read: {error}.", file.name),
    )
}

/// The manifest with each file replaced by what `clip_of` says, or all that is wrong with files and document.
fn with_clips(
    bytes: &[u8],
    overrides: Overrides,
    mut clip_of: impl FnMut(&NamedFile) -> Result<Named, FieldProblem>,
) -> Result<(ShotManifest, Value), Vec<FieldProblem>> {
    let text = String::from_utf8_lossy(bytes);
    let readable = numbers::set_aside(&text).unwrap_or_else(|| text.into_owned());
    let Ok(mut document) = serde_json::from_str::<Value>(&readable) else {
        // Says why.
        return read_manifest(bytes).map(|manifest| (manifest, Value::Null));
    };
    if let Some(preset) = overrides.preset {
        set_preset(&mut document, preset);
    }
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
            let named = clip_of(&file).unwrap_or_else(|problem| {
                problems.push(problem);
                // Keeps the rest of the document readable.
                Named::Clip(Sha::of(b""))
            });
            *source = match named {
                Named::Still(still) if list == "shots" => serde_json::json!({ "still": still }),
                Named::Still(clip) | Named::Clip(clip) => serde_json::json!({ "clip": clip }),
            };
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

/// Where `delivery` is something else than an object, reading the manifest says so.
fn set_preset(document: &mut Value, preset: Quality) {
    let Some(fields) = document.as_object_mut() else {
        return;
    };
    let delivery = fields
        .entry("delivery")
        .or_insert_with(|| serde_json::json!({}));
    if let Some(delivery) = delivery.as_object_mut() {
        delivery.insert("preset".to_owned(), serde_json::json!(preset));
    }
}

/// [`numbers::STAND_IN`] as JSON spells it.
const NOT_A_NUMBER_AS_WRITTEN: &str = "\"\\u0000botflix:not-a-number\\u0000\"";

/// The name, if the source is `{"file": "…"}` and nothing else.
fn file_name(source: &Value) -> Option<&str> {
    let fields = source.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("file")?.as_str()
}

#[cfg(test)]
mod tests;
