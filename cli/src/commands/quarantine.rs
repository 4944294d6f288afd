//! `botflix quarantine`: clips of which nothing is made because they killed their tasks, and letting one go.

use botflix_common::http::{Page, QuarantineBody};
use reqwest::Method;

use crate::args::{QuarantineAction, QuarantineArgs};
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::table::Table;
use crate::show::{say, say_json};

const PATH: &str = "/api/v1/quarantine";
const COLUMNS: [&str; 4] = ["clip", "task", "crashes", "since"];

pub async fn run(args: QuarantineArgs, settings: Settings) -> Result<Exit, Fault> {
    let json = args.operator.json;
    let api = Api::of_operator(&args.operator, settings)?;
    match args.action {
        QuarantineAction::List => {
            let page: Page<QuarantineBody> = api.get(PATH).await?;
            if json {
                say_json(&serde_json::json!({ "quarantine": page.data }))?;
            } else if page.data.is_empty() {
                eprintln!("no clip is in quarantine");
            } else {
                say(&text(&page.data))?;
            }
        }
        QuarantineAction::Release { clip } => {
            let path = format!("{PATH}/{clip}");
            api.done(|| api.request(Method::DELETE, &path)).await?;
            eprintln!("{clip} is released");
        }
    }
    Ok(Exit::Done)
}

fn text(clips: &[QuarantineBody]) -> String {
    let mut table = Table::new(&COLUMNS);
    for clip in clips {
        table.row([
            clip.clip.to_string(),
            clip.kind.name().to_owned(),
            clip.crashes.to_string(),
            clip.since.clone(),
        ]);
    }
    table.to_string()
}
