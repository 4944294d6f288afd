//! `botflix render --local`: the farm's plan and engine in this process. Facts and artifacts are remembered in a cache directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::storage::Storage;
use botflix_common::storage_key;
use botflix_common::task::Artifact;
use botflix_worker::local::{self, LocalError, LocalFilm, LocalRender};
use botflix_worker::{RunnerConfig, TaskRunner, selftest};
use futures::TryStreamExt as _;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

use super::render::{manifest_fault, shown, tell_json};
use super::worker::start_fault;
use crate::args::RenderArgs;
use crate::embedded::{cores, file_url};
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::stages::Stages;
use crate::show::{duration, say, size};
use crate::sources::Resolved;

pub async fn run(args: &RenderArgs, settings: Settings, resolved: Resolved) -> Result<Exit, Fault> {
    let out = args
        .out
        .as_deref()
        .ok_or_else(|| Fault::permanent("--local needs --out"))?;
    let place = place(args, settings)?;
    let runner = runner(args, place.path()).await?;
    let job = LocalRender {
        manifest: resolved.manifest,
        files: resolved.files.into_iter().collect(),
        concurrency: args.workers.unwrap_or_else(cores),
    };
    let stages = Arc::new(Stages::new());
    let board = Arc::clone(&stages);
    let listener: local::Listener = Arc::new(move |stages, _| board.show(stages));
    let rendered = local::render(&runner, job, listener, CancellationToken::new()).await;
    stages.finish();
    match rendered {
        Ok(film) => {
            copy_out(runner.storage(), &film.film, out).await?;
            tell(args, out, &film)
        }
        Err(LocalError::Manifest(problems)) => {
            tell_json(args, &problems)?;
            Err(manifest_fault(args, &problems))
        }
        Err(error) => {
            let exit = if error.is_retryable() {
                Exit::TryAgain
            } else {
                Exit::Failed
            };
            Err(Fault::of(exit, "the film could not be made").because(error))
        }
    }
}

/// Where results are remembered; a temporary place is gone when this value is.
enum Place {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

fn place(args: &RenderArgs, settings: Settings) -> Result<Place, Fault> {
    if args.no_cache {
        let dir = tempfile::Builder::new().prefix("botflix-render-").tempdir();
        return dir
            .map(Place::Temporary)
            .map_err(|error| Fault::retryable("no temporary directory").because(error));
    }
    let dir = args.cache.clone().or(settings.cache_dir).ok_or_else(|| {
        Fault::permanent("there is no home directory to remember results in")
            .hint("name one with --cache, or remember nothing with --no-cache")
    })?;
    std::fs::create_dir_all(&dir)
        .and_then(|()| dir.canonicalize())
        .map(Place::Kept)
        .map_err(|error| {
            Fault::permanent(format!("{} cannot be used as cache", dir.display())).because(error)
        })
}

async fn runner(args: &RenderArgs, place: &Path) -> Result<TaskRunner, Fault> {
    let storage = Storage::open(&file_url(&place.join("storage"))?)
        .map_err(|error| Fault::permanent("the cache cannot be used").because(error))?;
    let mut config = RunnerConfig::new(place.join("scratch"), "local");
    // The storage is a directory beside it: tasks get hard links.
    config.clip_cache_bytes = 0;
    selftest::runner(storage, args.engine.config(), config)
        .await
        .map_err(start_fault)
}

/// A copy: the cached bytes must not change when somebody edits the film.
async fn copy_out(storage: &Storage, film: &Artifact, out: &Path) -> Result<(), Fault> {
    let failed = |error: &dyn std::error::Error| {
        Fault::permanent(format!("{} cannot be written: {error}", out.display()))
    };
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let mut file = tokio::fs::File::create(&part)
        .await
        .map_err(|error| failed(&error))?;
    let key = storage_key::blob(&film.sha256);
    let mut pieces = storage
        .stream_range(&key, 0..film.bytes)
        .await
        .map_err(|error| failed(&error))?;
    while let Some(piece) = pieces.try_next().await.map_err(|error| failed(&error))? {
        file.write_all(&piece)
            .await
            .map_err(|error| failed(&error))?;
    }
    file.sync_all().await.map_err(|error| failed(&error))?;
    tokio::fs::rename(&part, out)
        .await
        .map_err(|error| failed(&error))
}

fn tell(args: &RenderArgs, out: &Path, film: &LocalFilm) -> Result<Exit, Fault> {
    let facts = &film.facts;
    eprintln!(
        "{}x{}, {:.3} fps, {} frames, {}, {}; {} of {} tasks were remembered",
        facts.width,
        facts.height,
        facts.fps.fps(),
        facts.frames,
        duration(facts.video_seconds),
        size(facts.bytes),
        film.memoized,
        film.tasks,
    );
    for finding in &film.findings {
        eprintln!(
            "{:?}: {} [{}]",
            finding.severity, finding.message, finding.rule
        );
    }
    if args.json {
        let line = serde_json::json!({
            "out": shown(out),
            "film": facts,
            "sha256": film.film.sha256,
            "findings": film.findings,
            "ledger": film.plan.ledger,
            "tasks": film.tasks,
            "memoized": film.memoized,
        });
        say(&line.to_string())?;
    } else {
        say(&shown(out))?;
    }
    Ok(Exit::Done)
}
