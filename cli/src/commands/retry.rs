//! `botflix retry`: a render that ended badly goes on where it was.

use super::render::conclude;
use crate::args::RetryArgs;
use crate::client::{Api, renders};
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::say_json;
use crate::show::stages::Stages;

pub async fn run(args: RetryArgs, settings: Settings) -> Result<Exit, Fault> {
    let api = Api::of_render(&args.which, settings)?;
    let mut render = renders::retry(&api, args.which.render, args.shot.as_deref()).await?;
    if args.watch {
        let stages = Stages::new();
        let followed = renders::follow(&api, render.id, &stages).await;
        stages.finish();
        render = followed?;
    }
    if args.json {
        say_json(&render)?;
    }
    conclude(&render, args.json)
}
