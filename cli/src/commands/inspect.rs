//! `botflix inspect`: what a file is and what it is good for, with the same engine and the same judgement as the farm.

use botflix_common::facts::ClipFacts;
use botflix_common::verdict::{Judgement, Role, Verdict, judge};
use botflix_media::{Context, Engine, Progress};
use tokio_util::sync::CancellationToken;

use crate::args::{InspectArgs, Use};
use crate::exit::{Exit, Fault};
use crate::show::{facts, say};

pub async fn run(args: InspectArgs) -> Result<Exit, Fault> {
    let unreadable =
        |error| Fault::permanent(format!("{} cannot be read", args.file.display())).because(error);
    let file = args.file.canonicalize().map_err(unreadable)?;
    if !file.is_file() {
        return Err(Fault::permanent(format!(
            "{} is not a file",
            args.file.display()
        )));
    }
    let role = match args.use_as {
        Use::Shot => Role::Shot,
        Use::Track => Role::Track,
    };
    let engine = Engine::discover(args.engine.config())
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
    let facts = botflix_media::inspect(&ctx, &file)
        .await
        .map_err(engine_fault)?;
    let judgement = judge(&facts, role);
    if args.json {
        say(&as_json(&judgement, &facts).to_string())?;
    } else {
        say(&facts::table(&args.file, &judgement, &facts))?;
    }
    Ok(match judgement.verdict {
        Verdict::Accept | Verdict::Convert => Exit::Done,
        Verdict::Refuse => Exit::Failed,
    })
}

fn as_json(judgement: &Judgement, facts: &ClipFacts) -> serde_json::Value {
    serde_json::json!({
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
        "facts": facts,
    })
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
