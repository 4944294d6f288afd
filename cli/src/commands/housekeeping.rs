//! `botflix housekeeping`: what the farm would put away now, and to have it put away.

use botflix_common::http::{HousekeepingBody, LeftoverBody, Page};
use reqwest::Method;

use crate::args::HousekeepingArgs;
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::table::Table;
use crate::show::{say, say_json};

const PATH: &str = "/api/v1/housekeeping";
/// Entries in a page.
const PAGE: u32 = 100;

pub async fn run(args: HousekeepingArgs, settings: Settings) -> Result<Exit, Fault> {
    let json = args.operator.json;
    let api = Api::of_operator(&args.operator, settings)?;
    if args.now {
        let done: HousekeepingBody = api.json(|| api.request(Method::POST, PATH)).await?;
        tell_removed(&done, json)?;
    } else {
        list(&api, args.age_seconds, json).await?;
    }
    Ok(Exit::Done)
}

/// Page by page: there may be more than fits into memory.
async fn list(api: &Api, age_seconds: Option<u64>, json: bool) -> Result<(), Fault> {
    let (mut count, mut bytes, mut cursor) = (0_u64, 0_u64, None);
    loop {
        let page: Page<LeftoverBody> = api.get(&path(age_seconds, cursor.as_deref())).await?;
        for item in &page.data {
            count += 1;
            bytes += item.bytes;
            if json {
                say_json(item)?;
            } else {
                say(&format!(
                    "{}  {}  {} bytes  since {}  {}",
                    item.what.name(),
                    item.name,
                    item.bytes,
                    item.since,
                    item.why
                ))?;
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            eprintln!("{count} things of {bytes} bytes would go");
            return Ok(());
        }
    }
}

fn path(age_seconds: Option<u64>, cursor: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &PAGE.to_string());
    if let Some(seconds) = age_seconds {
        query.append_pair("age_seconds", &seconds.to_string());
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    format!("{PATH}?{}", query.finish())
}

fn tell_removed(done: &HousekeepingBody, json: bool) -> Result<(), Fault> {
    if json {
        return say_json(done);
    }
    if done.removed.is_empty() {
        eprintln!("there was nothing to put away");
        return Ok(());
    }
    let mut table = Table::new(&["what", "removed", "bytes"]);
    for one in &done.removed {
        table.row([
            one.what.name().to_owned(),
            one.count.to_string(),
            one.bytes.to_string(),
        ]);
    }
    say(&table.to_string())?;
    if done.more {
        eprintln!("there is more: ask again");
    }
    Ok(())
}
