//! `botflix status`: how far a render is, and why it waits.

use crate::args::StatusArgs;
use crate::client::{Api, renders};
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::{render, say, say_json};

pub async fn run(args: StatusArgs, settings: Settings) -> Result<Exit, Fault> {
    let api = Api::of_render(&args.which, settings)?;
    let Some(found) = renders::find(&api, args.which.render).await? else {
        return Err(Fault::permanent(format!(
            "there is no render {}, or it is another director's",
            args.which.render
        )));
    };
    if args.json {
        say_json(&found)?;
    } else {
        say(&render::text(&found))?;
    }
    Ok(Exit::Done)
}
