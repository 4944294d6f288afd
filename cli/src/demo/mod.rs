//! The demo: a story made on the spot and sent to an embedded farm through the public HTTP API, like any agent would.

mod made;
mod manifest;
mod material;
mod music;
mod paint;
mod proof;
mod state;
mod story;

use std::path::Path;
use std::time::Instant;

use botflix_common::hash::Sha;
use botflix_common::http::{EpisodeBody, RegisterRequest, RenderBody, RenderState};
use botflix_media::{Engine, EngineConfig};

use crate::client::{Api, renders};
use crate::commands::inspect::engine_fault;
use crate::commands::render;
use crate::exit::Fault;
use crate::settings::Secret;
use crate::show::stages::Stages;
use crate::sources::{self, Overrides, Resolved};
use state::State;

/// Everything of the demo that is not the farm's lies in this directory below the data directory.
const DIR: &str = "demo";

/// What came of it.
pub struct Shown {
    pub episode: EpisodeBody,
    /// Lines about what was done.
    pub report: Vec<String>,
}

/// Makes the material, registers, uploads, renders and checks; all of it only as far as an earlier run did not.
pub async fn run(
    server: &str,
    data: &Path,
    engine: EngineConfig,
    stages: &Stages,
) -> Result<Shown, Fault> {
    let dir = data.join(DIR);
    let begun = Instant::now();
    let material = dir.join(format!("material-{}", story::VERSION));
    let engine = Engine::discover(engine).await.map_err(engine_fault)?;
    let voices = material::make(&engine, &material, stages).await?;
    let resolved = resolve(&material, &voices)?;
    let material_seconds = begun.elapsed().as_secs_f64();

    let mut state = State::read(&dir)?;
    let api = director(server, &mut state, &dir).await?;
    let begun = Instant::now();
    let (render, before) = render(&api, &resolved, &mut state, &dir, stages).await?;
    let render_seconds = (!before).then(|| begun.elapsed().as_secs_f64());
    let Some(episode) = render.episode.clone() else {
        return Err(render.problem.as_ref().map_or_else(
            || {
                Fault::permanent(format!(
                    "the demo's render ended as {}",
                    render.state.name()
                ))
            },
            Fault::refused,
        ));
    };
    let mut report = proof::of_material(&resolved, material_seconds)?;
    let found = renders::report(&api, render.id).await?.findings;
    report.extend(proof::of_film(
        &render,
        &found,
        &episode,
        &resolved.manifest,
        render_seconds,
    )?);
    report.extend(proof::of_delivery(&api, &episode).await?);
    Ok(Shown { episode, report })
}

fn resolve(material: &Path, voices: &[material::Voice]) -> Result<Resolved, Fault> {
    let manifest = manifest::write(voices);
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| {
        Fault::permanent("the demo's manifest cannot be written").because(error)
    })?;
    let path = material.join("manifest.json");
    std::fs::write(&path, &text).map_err(|error| {
        Fault::permanent(format!("{} cannot be written", path.display())).because(error)
    })?;
    sources::resolve(&text, material, Overrides::default())
        .map_err(|problems| Fault::problems("the demo's manifest is wrong:", &problems))
}

/// The director of an earlier run, or a new one.
async fn director(server: &str, state: &mut State, dir: &Path) -> Result<Api, Fault> {
    if let Some(key) = &state.api_key {
        let api = Api::new(server, Some(Secret(key.clone())))?;
        if api.knows_me().await? {
            return Ok(api);
        }
    }
    let registered = Api::new(server, None)?
        .register(&RegisterRequest {
            name: "Demo Director".to_owned(),
            description: "Makes a short story on the spot.".to_owned(),
            owner_email: None,
        })
        .await?;
    *state = State {
        api_key: Some(registered.api_key.clone()),
        ..State::default()
    };
    state.write(dir)?;
    Api::new(server, Some(Secret(registered.api_key)))
}

/// The finished render, and whether it was there before.
async fn render(
    api: &Api,
    resolved: &Resolved,
    state: &mut State,
    dir: &Path,
    stages: &Stages,
) -> Result<(RenderBody, bool), Fault> {
    let manifest = Sha::of(resolved.document.to_string().as_bytes());
    if state.manifest == Some(manifest)
        && let Some(id) = state.render
        && let Some(render) = renders::find(api, id).await?
        && render.state == RenderState::Published
    {
        return Ok((render, true));
    }
    let submitted = render::send(api, resolved, None, None, stages).await?;
    state.manifest = Some(manifest);
    state.render = Some(submitted.id);
    state.write(dir)?;
    Ok((renders::follow(api, submitted.id, stages).await?, false))
}
