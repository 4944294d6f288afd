//! Files below the directory of the clips: found by name, told apart by their first bytes, hashed.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use botflix_common::hash::Sha;
use botflix_common::problem::FieldProblem;
use botflix_common::schema::closest;

use super::{Found, Named, NamedFile};
use crate::exit::Fault;

pub(super) fn look_up(dir: &Path, file: &NamedFile) -> Result<PathBuf, FieldProblem> {
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

/// Every file below a directory, in order of their paths. Links to directories are not followed.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    /// More are not a director's clips.
    const MOST: usize = 100_000;
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let unreadable =
            |error| Fault::permanent(format!("{} cannot be read", dir.display())).because(error);
        for entry in std::fs::read_dir(&dir).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if entry.path().is_file() {
                files.push(entry.path());
            }
        }
        if files.len() + dirs.len() > MOST {
            return Err(Fault::permanent(format!(
                "there are more than {MOST} files below {}",
                dir.display()
            )));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// A picture by its first bytes; whatever else it is, it is looked at as a clip.
pub(super) fn named(path: &Path, sha: Sha) -> io::Result<Named> {
    Ok(if is_picture(path)? {
        Named::Still(sha)
    } else {
        Named::Clip(sha)
    })
}

/// PNG, JPEG or WebP.
fn is_picture(path: &Path) -> io::Result<bool> {
    /// The longest signature is WebP's: `RIFF`, a length, `WEBP`.
    const HEAD_BYTES: u64 = 12;
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let webp = head.starts_with(b"RIFF") && head.ends_with(b"WEBP");
    Ok(webp || head.starts_with(b"\x89PNG\r\n\x1a\n") || head.starts_with(b"\xff\xd8\xff"))
}

/// The SHA-256 of a file in constant memory.
pub fn hash(path: &Path) -> io::Result<Sha> {
    Sha::of_reader(File::open(path)?).map(|(sha, _)| sha)
}

/// Puts the SHA-256 of its bytes in place of each file's stand-in, one thread for each processor.
pub(super) fn hash_all<'a>(files: impl Iterator<Item = &'a mut Found> + Send) {
    let waiting = Mutex::new(files);
    let next = || waiting.lock().ok()?.next();
    let hash_some = || {
        for file in std::iter::from_fn(next) {
            if let Ok(kind) = file.named {
                file.named = hash(&file.path).map(|sha| kind.of(sha));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(hash_some);
        }
    });
}
