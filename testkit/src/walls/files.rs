//! The text files of the repository, and what none of them may say.

use std::path::Path;

use anyhow::Result;

use super::Violation;

pub(super) struct TextFile {
    /// Below the root, with `/`.
    pub path: String,
    pub text: String,
}

/// Made by tools and never committed.
const SKIPPED: &[&str] = &["target", "node_modules", ".venv", ".venv-bench", ".git"];
/// Longer ones are data.
const MAX_BYTES: u64 = 1024 * 1024;

/// Folders that exist on one machine only. In pieces, so that this file may be read by its own rule.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "team"),
];

pub(super) fn texts(root: &Path) -> Result<Vec<TextFile>> {
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<TextFile>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map_or_else(Default::default, |name| name.to_string_lossy());
        if SKIPPED.contains(&name.as_ref()) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if path.metadata()?.len() <= MAX_BYTES
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push(TextFile {
                path: path.strip_prefix(root)?.display().to_string(),
                text,
            });
        }
    }
    Ok(())
}

pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            let found = MACHINE_PATHS.iter().find(|folder| names(line, folder))?;
            let why = "nothing that is committed names a folder of one machine";
            Some(Violation {
                file: path.to_owned(),
                line: at + 1,
                rule: "machine-path",
                found: format!("`{found}`"),
                why,
            })
        })
        .collect()
}

/// Whether the line names the folder itself, and not one of that name further down (`docs/work/`).
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | ')' | '*'))
    })
}
