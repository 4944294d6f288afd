//! `botflix inspect`: what a file is and what it is good for, with the same engine and the same judgement as the farm.

use std::path::{Path, PathBuf};

use botflix_common::findings;
use botflix_common::verdict::{Role, Verdict, judge};
use botflix_media::{Context, Engine, Progress};
use tokio_util::sync::CancellationToken;

use crate::args::{EngineArgs, InspectArgs};
use crate::exit::{Exit, Fault};
use crate::show;

pub async fn run(args: InspectArgs) -> Result<Exit, Fault> {
    let (ctx, _scratch, file) = work_on(&args.file, &args.engine).await?;
    let facts = botflix_media::inspect(&ctx, &file)
        .await
        .map_err(engine_fault)?;
    let role = match args.use_as {
        Some(use_as) => use_as.into(),
        None if facts.still => Role::Still,
        None => Role::Shot,
    };
    let judgement = judge(&facts, role);
    let found = findings::of_clip(&facts);
    if args.json {
        show::say_json(&serde_json::json!({
            "verdict": judgement.verdict,
            "reasons": judgement.reasons,
            "facts": facts,
            "findings": found,
        }))?;
    } else {
        show::say(&show::facts::table(&args.file, &judgement, &facts))?;
        if !found.is_empty() {
            show::say(&format!("\n{}", show::findings::table(&found)))?;
        }
    }
    Ok(match judgement.verdict {
        Verdict::Accept | Verdict::Convert => Exit::Done,
        Verdict::Refuse => Exit::Failed,
    })
}

/// What it takes to look at one file: the engine, and a place that is gone with the value beside it.
pub async fn work_on(
    file: &Path,
    engine: &EngineArgs,
) -> Result<(Context, tempfile::TempDir, PathBuf), Fault> {
    let found = file.canonicalize().map_err(|error| {
        Fault::permanent(format!("{} cannot be read", file.display())).because(error)
    })?;
    if !found.is_file() {
        return Err(Fault::permanent(format!(
            "{} is not a file",
            file.display()
        )));
    }
    let engine = Engine::discover(engine.config())
        .await
        .map_err(engine_fault)?;
    let scratch = tempfile::tempdir()
        .map_err(|error| Fault::retryable("no temporary directory").because(error))?;
    let ctx = Context {
        engine,
        scratch: scratch.path().to_owned(),
        progress: Progress::none(),
        cancel: CancellationToken::new(),
    };
    Ok((ctx, scratch, found))
}

/// Trouble of the engine, with the hint that belongs to it.
pub fn engine_fault(error: botflix_media::MediaError) -> Fault {
    use botflix_media::MediaError;
    let exit = match error.failure().class {
        botflix_common::failure::FailureClass::Permanent => Exit::Failed,
        _ => Exit::TryAgain,
    };
    match &error {
        MediaError::EngineMissing { .. } => Fault::permanent(error.to_string())
            .hint("install ffmpeg (on Debian: apt-get install ffmpeg), or name it with --ffmpeg and --ffprobe"),
        MediaError::SandboxUnavailable { missing } => {
            Fault::permanent(format!("ffmpeg cannot be confined on this host: {missing}"))
                .hint("--sandbox off opens media unconfined; do that only with media you trust")
        }
        MediaError::EngineUnfit { stderr_tail, .. } => {
            Fault::permanent(format!("{error}\n{stderr_tail}"))
        }
        _ => Fault::of(exit, "ffmpeg had trouble").because(error),
    }
}
