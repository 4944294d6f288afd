//! `botflix render --local`: the farm's plan and engine in this process. Facts and artifacts are remembered in a cache directory.

use std::path::Path;
use std::sync::Arc;

use botflix_common::finding::Finding;
use botflix_common::http::{PlanBody, ReportBody};
use botflix_common::problem::Problem;
use botflix_common::storage::Storage;
use botflix_common::task::Artifact;
use botflix_worker::local::{self, LocalError, LocalFilm, LocalRender};
use tokio_util::sync::CancellationToken;

use super::render::{manifest_fault, shown, tell_json};
use crate::args::RenderArgs;
use crate::cache::{Place, copy_out, write_json};
use crate::embedded::cores;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::outlook::Outlook;
use crate::show::stages::Stages;
use crate::show::{duration, findings, plan, say, say_json, size};
use crate::sources::Resolved;

pub async fn run(args: &RenderArgs, settings: Settings, resolved: Resolved) -> Result<Exit, Fault> {
    let place = Place::of(&args.cache, &settings)?;
    let engine = if args.cpu_only {
        args.engine.config()
    } else {
        args.engine.config_of_all_encoders()
    };
    let runner = place.runner(engine).await?;
    let job = LocalRender {
        manifest: resolved.manifest,
        files: resolved.files.into_iter().collect(),
        concurrency: args.workers.unwrap_or_else(cores),
        verify: args.verify.into(),
        gpu: !args.cpu_only,
    };
    let title = job.manifest.title.clone();
    let stages = Arc::new(Stages::new());
    let cancel = CancellationToken::new();
    if args.plan {
        let foreseen = local::foresee(&runner, &job, listener(&stages), cancel).await;
        stages.finish();
        let (body, found) = foreseen.map_err(|error| fault(args, error))?;
        findings::tell(&found);
        if let Some(to) = &args.report {
            write_json(&before_the_film(&title, &body, found), to)?;
        }
        if args.json {
            say_json(&body)?;
        } else {
            say(&plan::table(&body))?;
        }
        return Ok(Exit::Done);
    }
    let out = args
        .out
        .as_deref()
        .ok_or_else(|| Fault::permanent("--local needs --out, or --plan"))?;
    let rendered = local::render(&runner, job, listener(&stages), cancel).await;
    stages.finish();
    let film = rendered.map_err(|error| fault(args, error))?;
    copy_out(runner.storage(), &film.film, out).await?;
    write_beside(args, runner.storage(), &film).await?;
    tell(args, out, &film)
}

/// The report of a film that is not made yet: what the material says.
pub fn before_the_film(title: &str, plan: &PlanBody, findings: Vec<Finding>) -> ReportBody {
    ReportBody::foreseen(title, plan.copied_frames, findings)
}

/// Shows how far a local render is.
pub fn listener(stages: &Arc<Stages>) -> local::Listener {
    let board = Arc::clone(stages);
    let outlook = Outlook::new();
    Arc::new(move |stages, progress| {
        board.show(stages);
        if let Some((progress, eta)) = outlook.heard(stages, progress) {
            board.film(progress, eta);
        }
    })
}

fn fault(args: &RenderArgs, error: LocalError) -> Fault {
    match error {
        LocalError::Manifest(problems) => match tell_json(args, &problems) {
            Ok(()) => manifest_fault(args, &problems),
            Err(unwritable) => unwritable,
        },
        other => match tell_task(args, &other) {
            Ok(()) => render_fault(other),
            Err(unwritable) => unwritable,
        },
    }
}

/// With `--json` a task that failed is data, as a farm's failed render would tell it.
fn tell_task(args: &RenderArgs, error: &LocalError) -> Result<(), Fault> {
    let LocalError::Task { failure, .. } = error else {
        return Ok(());
    };
    if !args.json {
        return Ok(());
    }
    let mut problem = Problem::new(
        422,
        &failure.code,
        "The film could not be made",
        error.to_string(),
    );
    problem.retryable = error.is_retryable();
    problem.who_can_fix = failure.who_can_fix;
    say_json(&serde_json::json!({ "problem": problem }))
}

/// A render that did not come to a film, for reasons other than its manifest.
pub fn render_fault(error: LocalError) -> Fault {
    let exit = if error.is_retryable() {
        Exit::TryAgain
    } else {
        Exit::Failed
    };
    match error {
        LocalError::Manifest(problems) => {
            Fault::problems("the manifest cannot be rendered:", &problems)
        }
        other => Fault::of(exit, "the film could not be made").because(other),
    }
}

/// What was asked for beside the film.
async fn write_beside(args: &RenderArgs, storage: &Storage, film: &LocalFilm) -> Result<(), Fault> {
    if let Some(to) = &args.report {
        write_json(&film.report, to)?;
    }
    if let Some(to) = &args.record {
        write_json(&film.record, to)?;
    }
    if let Some(dir) = &args.extras {
        std::fs::create_dir_all(dir).map_err(|error| {
            Fault::permanent(format!("{} cannot be made", dir.display())).because(error)
        })?;
        for (role, artifact) in &film.extras {
            copy_out(storage, artifact, &dir.join(file_name(role, artifact))).await?;
        }
    }
    Ok(())
}

/// `poster.jpg`, `storyboard.vtt`; the storyboard's own file names it so.
fn file_name(role: &str, artifact: &Artifact) -> String {
    let kind = artifact.media_type.split(';').next().unwrap_or_default();
    let ending = match kind {
        "image/jpeg" => "jpg",
        "text/vtt" => "vtt",
        _ => "bin",
    };
    let name = role.strip_suffix("_vtt").unwrap_or(role);
    format!("{name}.{ending}")
}

fn tell(args: &RenderArgs, out: &Path, film: &LocalFilm) -> Result<Exit, Fault> {
    let facts = &film.facts;
    eprintln!(
        "{}x{}, {:.3} fps, {} frames ({} copied), {}, {}{}; {} of {} tasks were remembered",
        facts.width,
        facts.height,
        facts.fps.fps(),
        facts.frames,
        film.report.copied_frames,
        duration(facts.video_seconds),
        size(facts.bytes),
        if facts.draft { ", a draft" } else { "" },
        film.memoized,
        film.tasks,
    );
    findings::tell(&film.report.findings);
    if args.json {
        say_json(&serde_json::json!({
            "out": shown(out),
            "film": facts,
            "sha256": film.film.sha256,
            "findings": film.report.findings,
            "ledger": film.plan.ledger,
            "copied_frames": film.report.copied_frames,
            "engine": film.plan.engine,
            "tasks": film.tasks,
            "memoized": film.memoized,
        }))?;
    } else {
        say(&shown(out))?;
    }
    Ok(Exit::Done)
}
