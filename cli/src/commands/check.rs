//! `botflix check`: a finished film, by itself or against its manifest.

use std::sync::Arc;

use botflix_common::manifest::ShotManifest;
use botflix_common::task::Verify;
use botflix_worker::local::{self, LocalRender};
use tokio_util::sync::CancellationToken;

use super::inspect::{engine_fault, work_on};
use super::render_local::{listener, render_fault};
use crate::args::CheckArgs;
use crate::cache::Place;
use crate::embedded::cores;
use crate::exit::{Exit, Fault};
use crate::finished;
use crate::finished::points::{Wanted, points};
use crate::settings::Settings;
use crate::show;
use crate::show::stages::Stages;
use crate::sources::{self, Overrides};

pub async fn run(args: CheckArgs, settings: Settings) -> Result<Exit, Fault> {
    let wanted = wanted(&args, &settings).await?;
    let (ctx, _scratch, file) = work_on(&args.file, &args.engine).await?;
    let film = finished::measure(&ctx, &file, wanted.loudness.unwrap_or_default())
        .await
        .map_err(engine_fault)?;
    let points = points(&film, &wanted);
    let found = &film.seen.findings;
    let passed = points.iter().all(|point| point.holds);
    if args.json {
        show::say_json(&serde_json::json!({
            "passed": passed,
            "points": points,
            "film": film.seen.facts,
            "findings": found,
        }))?;
    } else {
        show::say(&show::film::table(&points))?;
        if !found.is_empty() {
            show::say(&format!("\n{}", show::findings::table(found)))?;
        }
    }
    Ok(if passed { Exit::Done } else { Exit::Failed })
}

/// With the clips everything is known; without them what the manifest says by itself.
async fn wanted(args: &CheckArgs, settings: &Settings) -> Result<Wanted, Fault> {
    let Some(path) = &args.manifest else {
        return Ok(Wanted::default());
    };
    let bytes = sources::read_document(path)?;
    let wrong =
        |problems: Vec<_>| Fault::problems(&format!("{} is wrong:", path.display()), &problems);
    let Some(clips) = &args.clips else {
        let manifest: ShotManifest = sources::offline(&bytes).map_err(wrong)?;
        return Ok(Wanted::by_manifest(&manifest));
    };
    let resolved = sources::resolve(&bytes, clips, Overrides::default()).map_err(wrong)?;
    let place = Place::of(&args.cache, settings)?;
    let runner = place.runner(args.engine.config()).await?;
    let job = LocalRender {
        manifest: resolved.manifest,
        files: resolved.files.into_iter().collect(),
        concurrency: cores(),
        verify: Verify::default(),
        gpu: false,
    };
    let stages = Arc::new(Stages::new());
    let foreseen = local::foresee(&runner, &job, listener(&stages), CancellationToken::new()).await;
    stages.finish();
    let (plan, _) = foreseen.map_err(render_fault)?;
    Ok(Wanted::by_manifest(&job.manifest).planned(&plan))
}
