//! `botflix render --local`, with a cache in the state that the case wants.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Edit, Stage};
use crate::bench::meter::{Cost, measure};

/// What the cache holds when the clock starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Cache {
    /// Nothing.
    Cold,
    /// The facts of all clips, and nothing of the film: the cache of that name, which [`warm`] made.
    Known { warmed: &'static str },
    /// A film of other shots was made before; the new ones are known: the cache of that name.
    Changed { warmed: &'static str },
}

impl Cache {
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Known { .. } => "known clips",
            Self::Changed { .. } => "one shot changed",
        }
    }
}

/// Makes the cache `name` by rendering each manifest in turn. Not measured.
pub(in crate::bench) fn warm(stage: &Stage, name: &str, manifests: &[Value]) -> Result<()> {
    let cache = warm_cache(stage, name)?;
    if cache.exists() {
        std::fs::remove_dir_all(&cache)?;
    }
    std::fs::create_dir_all(&stage.scratch)?;
    for manifest in manifests {
        write_manifest(stage, manifest)?;
        let film = stage.scratch.join("warm.mp4");
        run(stage, &cache, &[], &film).with_context(|| format!("warming {name}"))?;
    }
    Ok(())
}

pub(super) fn prepare(stage: &Stage, cache: &Cache, edit: &Edit) -> Result<()> {
    write_manifest(stage, &edit.manifest())?;
    let fresh = stage.scratch.join("cache");
    match cache {
        Cache::Cold => std::fs::create_dir_all(&fresh)?,
        Cache::Known { warmed } | Cache::Changed { warmed } => {
            copy(&warm_cache(stage, warmed)?, &fresh)?;
        }
    }
    Ok(())
}

pub(super) fn render(
    stage: &Stage,
    workers: Option<usize>,
    draft: bool,
    film: &Path,
) -> Result<Cost> {
    let workers = workers.map(|workers| workers.to_string());
    let mut args = Vec::new();
    if let Some(workers) = &workers {
        args.extend(["--workers", workers]);
    }
    if draft {
        args.push("--draft");
    }
    run(stage, &stage.scratch.join("cache"), &args, film)
}

fn run(stage: &Stage, cache: &Path, args: &[&str], film: &Path) -> Result<Cost> {
    let mut command = stage.botflix.command();
    command
        .arg("render")
        .arg(stage.scratch.join("manifest.json"));
    command.arg("--clips").arg(&stage.clips);
    command.arg("--local").arg("--out").arg(film);
    command.arg("--cache").arg(cache).args(args);
    measure(&mut command, &stage.log())
}

fn write_manifest(stage: &Stage, manifest: &Value) -> Result<()> {
    let file = stage.scratch.join("manifest.json");
    Ok(std::fs::write(file, manifest.to_string())?)
}

fn warm_cache(stage: &Stage, name: &str) -> Result<std::path::PathBuf> {
    let beside = stage.scratch.parent().context("scratch has no parent")?;
    Ok(beside.join(format!("warm-{name}")))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
