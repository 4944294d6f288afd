//! `botflix workers`: how the farm's workers stand, and what an operator wants of them.

use botflix_common::http::{
    Page, ReinstateRequest, StopRequest, StopWhen, WorkerBody, WorkerPatch,
};
use botflix_common::worker::Priority;
use reqwest::Method;
use serde::Serialize;

use crate::args::{WorkerSetArgs, WorkersAction, WorkersArgs};
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::{say, say_json, workers};

const PATH: &str = "/api/v1/workers";

pub async fn run(args: WorkersArgs, settings: Settings) -> Result<Exit, Fault> {
    let json = args.operator.json;
    let api = Api::of_operator(&args.operator, settings)?;
    let Some(action) = args.action else {
        let page: Page<WorkerBody> = api.get(PATH).await?;
        return tell(&page.data, json);
    };
    let changed = match action {
        WorkersAction::Pause { name } => order(&api, &name, "pause", &()).await?,
        WorkersAction::Resume { name } => order(&api, &name, "resume", &()).await?,
        WorkersAction::Drain { name } => order(&api, &name, "drain", &()).await?,
        WorkersAction::Reinstate { name, kind } => {
            order(&api, &name, "reinstate", &ReinstateRequest { kind }).await?
        }
        WorkersAction::Stop { name, now } => {
            let when = if now {
                StopWhen::Now
            } else {
                StopWhen::AfterCurrent
            };
            order(&api, &name, "stop", &StopRequest { when }).await?
        }
        WorkersAction::Set(set) => {
            let path = path(&set.name);
            let patch = patch(set);
            api.json(|| api.request(Method::PATCH, &path).json(&patch))
                .await?
        }
        WorkersAction::Forget { name } => {
            let path = path(&name);
            api.done(|| api.request(Method::DELETE, &path)).await?;
            eprintln!("{name} is forgotten");
            return Ok(Exit::Done);
        }
    };
    tell(std::slice::from_ref(&changed), json)
}

fn tell(found: &[WorkerBody], json: bool) -> Result<Exit, Fault> {
    if json {
        say_json(&serde_json::json!({ "workers": found }))?;
    } else if found.is_empty() {
        eprintln!("no worker was ever seen");
    } else {
        say(&workers::text(found))?;
    }
    Ok(Exit::Done)
}

async fn order(
    api: &Api,
    name: &str,
    verb: &str,
    body: &impl Serialize,
) -> Result<WorkerBody, Fault> {
    let path = format!("{}/{verb}", path(name));
    api.json(|| api.request(Method::POST, &path).json(body))
        .await
}

/// Names are letters, digits and `- _ . @`; letters may be of any script.
fn path(name: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("{PATH}/{name}")
}

fn patch(set: WorkerSetArgs) -> WorkerPatch {
    let tags = set.tags.map(|tags| {
        let mut tags = tags;
        tags.retain(|tag| !tag.trim().is_empty());
        tags
    });
    WorkerPatch {
        lanes: set.lanes.map(|lanes| lanes.0),
        slots: set.slots.map(|slots| (slots > 0).then_some(slots)),
        priority: set.priority.map(|word| match word.as_str() {
            "low" => Priority::Low,
            _ => Priority::Normal,
        }),
        tags,
        sleep: set.sleep.map(|sleep| sleep.0),
    }
}
