//! `botflix top`: the farm at a glance, again and again until Ctrl-C.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::args::TopArgs;
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::show::{say, say_json};
use crate::signals;
use crate::top::{Glance, Look, text};

const EVERY: Duration = Duration::from_secs(2);
/// What happens per second is said over this long.
const WINDOW: Duration = Duration::from_secs(60);
/// Workers on a screen of 24 lines.
const WORKERS_ON_SCREEN: usize = 9;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// To the top left corner, and nothing left of what was there.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub async fn run(args: TopArgs) -> Result<Exit, Fault> {
    if args.once {
        let api = Api::new(&args.server, None)?.patient_for(args.patience);
        let glance = Glance::of(&look(&api).await?, None);
        show(&args, &glance, usize::MAX, "")?;
        return Ok(Exit::Done);
    }
    let on_screen = !args.json && std::io::stdout().is_terminal();
    if on_screen {
        put(HIDE_CURSOR)?;
    }
    let ended = tokio::select! {
        stopped = signals::interrupted() => stopped,
        fault = follow(&args, on_screen) => fault,
    };
    if on_screen {
        put(&format!("{SHOW_CURSOR}\n"))?;
    }
    ended.map(|()| Exit::Done)
}

/// Until somebody stops it, or stdout is gone. A server that is away is said and asked again.
async fn follow(args: &TopArgs, on_screen: bool) -> Result<(), Fault> {
    // The next round is soon: no patience within one.
    let api = Api::new(&args.server, None)?.patient_for(0);
    let clear = if on_screen { CLEAR } else { "" };
    let workers = if on_screen {
        WORKERS_ON_SCREEN
    } else {
        usize::MAX
    };
    let mut looks: std::collections::VecDeque<Look> = std::collections::VecDeque::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match look(&api).await {
            Ok(now) => {
                looks.retain(|before| now.at.duration_since(before.at) <= WINDOW);
                show(args, &Glance::of(&now, looks.front()), workers, clear)?;
                looks.push_back(now);
            }
            Err(fault) if on_screen => put(&format!("{clear}{}\n", fault.text()))?,
            Err(fault) => {
                fault.tell();
            }
        }
    }
}

async fn look(api: &Api) -> Result<Look, Fault> {
    let (farm, workers) = api.metrics().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Look::read(now.unwrap_or_default(), &farm, &workers).map_err(|error| {
        Fault::permanent("the server does not count as BotFlix does").because(error)
    })
}

fn show(args: &TopArgs, glance: &Glance, workers: usize, clear: &str) -> Result<(), Fault> {
    if args.json {
        return say_json(glance);
    }
    say(&format!(
        "{clear}{}",
        text::of(glance, &args.server, workers)
    ))
}

fn put(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    write!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Fault::permanent("stdout cannot be written").because(error))
}
