//! `botflix worker-token`: what a host shows to join the farm; made, listed and revoked by operators.

use botflix_common::http::{Page, WorkerTokenBody, WorkerTokenCreated, WorkerTokenRequest};
use reqwest::Method;

use crate::args::{WorkerTokenAction, WorkerTokenArgs};
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::table::Table;
use crate::show::{say, say_json};

const PATH: &str = "/api/v1/worker-tokens";
const COLUMNS: [&str; 6] = ["id", "name", "expires", "joins", "last worker", "revoked"];

pub async fn run(args: WorkerTokenArgs, settings: Settings) -> Result<Exit, Fault> {
    let (server, json) = (args.operator.server.clone(), args.operator.json);
    let api = Api::of_operator(&args.operator, settings)?;
    match args.action {
        WorkerTokenAction::Create { name, days } => {
            let request = WorkerTokenRequest {
                name,
                expires_in_days: days,
            };
            let created: WorkerTokenCreated = api
                .json(|| api.request(Method::POST, PATH).json(&request))
                .await?;
            if json {
                say_json(&created)?;
            } else {
                eprintln!(
                    "the token is not shown again. On the new host, with it in BOTFLIX_JOIN_TOKEN:"
                );
                eprintln!("  botflix worker --join {server}");
                say(&created.token)?;
            }
        }
        WorkerTokenAction::List => {
            let page: Page<WorkerTokenBody> = api.get(PATH).await?;
            if json {
                say_json(&serde_json::json!({ "worker_tokens": page.data }))?;
            } else {
                say(&text(&page.data))?;
            }
        }
        WorkerTokenAction::Revoke { id } => {
            let path = format!("{PATH}/{id}");
            api.done(|| api.request(Method::DELETE, &path)).await?;
            eprintln!(
                "nobody joins with {id} any more; workers that have joined keep what they were given"
            );
        }
    }
    Ok(Exit::Done)
}

fn text(tokens: &[WorkerTokenBody]) -> String {
    let mut table = Table::new(&COLUMNS);
    let or_never = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
    for token in tokens {
        table.row([
            token.id.clone(),
            token.name.clone(),
            or_never(&token.expires_at),
            token.joins.to_string(),
            or_never(&token.last_worker),
            or_never(&token.revoked_at),
        ]);
    }
    table.to_string()
}
