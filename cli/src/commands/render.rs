//! `botflix render`: a manifest and a directory of clips become an episode on a farm (or, with `--local`, a file on this machine).

use std::path::Path;

use botflix_common::film::Quality;
use botflix_common::http::{DryRunBody, RenderBody, RenderState};
use botflix_common::id::RenderId;
use botflix_common::problem::{FieldProblem, Problem};

use super::render_local;
use crate::args::RenderArgs;
use crate::cache::write_json;
use crate::client::{Api, clips, download, renders};
use crate::exit::{Exit, Fault, lines};
use crate::settings::Settings;
use crate::show::stages::Stages;
use crate::show::{findings, plan, say, say_json};
use crate::sources::{self, Overrides, Resolved};

pub async fn run(args: RenderArgs, settings: Settings) -> Result<Exit, Fault> {
    let resolved = resolve(&args)?;
    match &args.server {
        Some(server) => on_farm(&args, server, settings, resolved).await,
        None => render_local::run(&args, settings, resolved).await,
    }
}

/// Hashing every clip blocks; nothing else runs yet.
fn resolve(args: &RenderArgs) -> Result<Resolved, Fault> {
    let bytes = sources::read_document(&args.manifest)?;
    if !args.clips.is_dir() {
        return Err(Fault::permanent(format!(
            "{} is not a directory",
            args.clips.display()
        )));
    }
    let overrides = Overrides {
        preset: args.draft.then_some(Quality::Draft),
    };
    match sources::resolve(&bytes, &args.clips, overrides) {
        Ok(resolved) => Ok(resolved),
        Err(problems) => {
            tell_json(args, &problems)?;
            Err(manifest_fault(args, &problems))
        }
    }
}

pub fn manifest_fault(args: &RenderArgs, problems: &[FieldProblem]) -> Fault {
    let what = format!("{} cannot be rendered:", args.manifest.display());
    Fault::problems(&what, problems)
}

/// With `--json` a refusal is data, too: the problem document that the server would send.
pub fn tell_json(args: &RenderArgs, problems: &[FieldProblem]) -> Result<(), Fault> {
    if !args.json {
        return Ok(());
    }
    let mut problem = Problem::new(
        422,
        "invalid_manifest",
        "The manifest cannot be rendered",
        "See errors: each names its place in the manifest.",
    );
    problem.errors = problems.to_vec();
    say(&serde_json::json!({ "problem": problem }).to_string())
}

async fn on_farm(
    args: &RenderArgs,
    server: &str,
    settings: Settings,
    resolved: Resolved,
) -> Result<Exit, Fault> {
    let api = Api::of_director(server, settings)?.patient_for(args.patience);
    if args.plan {
        let body = renders::dry_run(&api, &resolved.document).await?;
        return foreseen(args, &resolved.manifest.title, &body);
    }
    let stages = Stages::new();
    let watched = watch(args, &api, &resolved, &stages).await;
    stages.finish();
    let render = watched?;
    if render.state.is_final() {
        let report = renders::report(&api, render.id).await?;
        if let Some(to) = &args.report {
            write_json(&report, to)?;
        }
        findings::tell(&report.findings);
    }
    if args.json {
        say_json(&render)?;
    }
    if let (Some(out), Some(_)) = (&args.out, &render.episode) {
        eprintln!("film: {}", shown(out));
    }
    conclude(&render, args.json)
}

async fn watch(
    args: &RenderArgs,
    api: &Api,
    resolved: &Resolved,
    stages: &Stages,
) -> Result<RenderBody, Fault> {
    let render = send(api, resolved, args.revises, args.key.as_deref(), stages).await?;
    if !args.watch && args.out.is_none() && args.report.is_none() {
        return Ok(render);
    }
    stages.note(&format!("render {} of \"{}\"", render.id, render.title));
    let render = renders::follow(api, render.id, stages).await?;
    if let (Some(out), Some(episode)) = (&args.out, &render.episode) {
        download::film(api, &episode.video_url, episode.film.bytes, out, stages).await?;
    }
    Ok(render)
}

/// Sends what is missing and submits.
pub async fn send(
    api: &Api,
    resolved: &Resolved,
    revises: Option<RenderId>,
    key: Option<&str>,
    stages: &Stages,
) -> Result<RenderBody, Fault> {
    clips::send_missing(api, &resolved.files, stages).await?;
    let named = resolved.manifest.distinct_clips();
    clips::await_verdicts(api, &named, stages).await?;
    renders::submit(api, &resolved.document, revises, key).await
}

/// A manifest that would be refused is exit 1, as it would be without `--plan`; clips that are still to be sent are no refusal.
fn foreseen(args: &RenderArgs, title: &str, body: &DryRunBody) -> Result<Exit, Fault> {
    if args.json {
        say_json(body)?;
    } else if let Some(there) = &body.plan {
        say(&plan::table(there))?;
    }
    findings::tell(&body.findings);
    if let (Some(to), Some(there)) = (&args.report, &body.plan) {
        let found = body.findings.clone();
        write_json(&render_local::before_the_film(title, there, found), to)?;
    }
    for clip in &body.missing_clips {
        eprintln!("to be sent: {clip}");
    }
    for clip in &body.inspecting_clips {
        eprintln!("being inspected: {clip}");
    }
    let unknown = |problem: &&FieldProblem| problem.code == botflix_common::plan::UNKNOWN_CLIP;
    let (_, refused): (Vec<FieldProblem>, Vec<FieldProblem>) = body
        .errors
        .iter()
        .cloned()
        .partition(|problem| unknown(&problem));
    if refused.is_empty() {
        return Ok(Exit::Done);
    }
    eprintln!("{}", lines(&refused));
    Ok(Exit::Failed)
}

/// What is said of a render at the end, unless it was said as JSON.
pub fn conclude(render: &RenderBody, as_json: bool) -> Result<Exit, Fault> {
    match (render.state, &render.episode) {
        (RenderState::Published, Some(episode)) => {
            if !as_json {
                say(&episode.watch_url)?;
            }
            Ok(Exit::Done)
        }
        (RenderState::Failed, _) => Err(render.problem.as_ref().map_or_else(
            || Fault::permanent(format!("render {} failed", render.id)),
            Fault::refused,
        )),
        (RenderState::Canceled, _) => Err(Fault::permanent(format!(
            "render {} was canceled",
            render.id
        ))),
        _ => {
            if !as_json {
                say(&render.id.to_string())?;
            }
            Ok(Exit::Done)
        }
    }
}

pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
