//! `botflix encoders`: what this host can encode with, found out by doing it, and why the rest is not used.

use botflix_common::task::EngineClass;
use botflix_media::Engine;

use super::inspect::engine_fault;
use crate::args::EncodersArgs;
use crate::exit::{Exit, Fault};
use crate::show::table::Table;
use crate::show::{say, say_json};

pub async fn run(args: EncodersArgs) -> Result<Exit, Fault> {
    let engine = Engine::discover(args.engine.config_of_all_encoders())
        .await
        .map_err(engine_fault)?;
    if args.json {
        let classes: Vec<serde_json::Value> = EngineClass::ALL
            .into_iter()
            .map(|class| {
                let why_not = engine.why_not(class);
                serde_json::json!({ "class": class, "proven": why_not.is_none(), "why_not": why_not })
            })
            .collect();
        say_json(&classes)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["encoder", "codec", "here"]);
    for class in EngineClass::ALL {
        table.row([
            class.name().to_owned(),
            format!("{:?}", class.codec()).to_lowercase(),
            match engine.why_not(class) {
                None => "proven: a picture was encoded and decoded again".to_owned(),
                Some(why) => format!("no: {why}"),
            },
        ]);
    }
    eprintln!("{}", engine.version());
    say(&table.to_string())?;
    Ok(Exit::Done)
}
