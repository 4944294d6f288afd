//! The glance as lines for a terminal of 80 columns.

use std::collections::BTreeMap;

use botflix_common::http::RenderState;

use super::{Glance, Lane, Worker};
use crate::show::{size, table::Table};

/// No line is longer.
const COLUMNS: usize = 79;
/// Characters of a worker's name.
const NAME_CHARS: usize = 20;

/// `workers_shown`: most of them; how many there are beside is said.
pub fn of(glance: &Glance, server: &str, workers_shown: usize) -> String {
    let mut lines = vec![
        format!("{server}   up {}", span(glance.uptime_seconds)),
        glance.verdict.clone(),
        String::new(),
        format!(
            "renders  {}, the oldest {}",
            states(&glance.renders),
            span(glance.oldest_render_seconds)
        ),
        format!("ended    {}", states(&glance.finished)),
        throughput(glance),
    ];
    if let Some(now) = &glance.throughput.now {
        lines.push(format!(
            "now      {:.1} tasks/min, {:.1} s of media per s",
            now.tasks_per_minute, now.media_per_second
        ));
    }
    lines.push(String::new());
    lines.extend(lanes(&glance.lanes).to_string().lines().map(str::to_owned));
    lines.push(String::new());
    let shown = workers(&glance.workers, workers_shown).to_string();
    lines.extend(shown.lines().map(str::to_owned));
    let hidden = glance.workers.len().saturating_sub(workers_shown);
    if hidden > 0 {
        lines.push(format!("… and {hidden} more: `--once` shows them all"));
    }
    let fitted: Vec<String> = lines.iter().map(|line| fitted(line, COLUMNS)).collect();
    fitted.join("\n")
}

fn throughput(glance: &Glance) -> String {
    let made = &glance.throughput;
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
    };
    format!(
        "films    {:.1}/h, {:.1} min/h; copied {}, reused {}, real time ×{}",
        made.films_per_hour,
        made.film_minutes_per_hour,
        percent(made.copied),
        percent(made.reused),
        made.real_time_factor
            .map_or_else(|| "–".to_owned(), |factor| format!("{factor:.1}"))
    )
}

fn lanes(lanes: &[Lane]) -> Table {
    let mut table = Table::new(&[
        "LANE", "WAITING", "READY", "QUEUED", "RUNNING", "SLOTS", "OLDEST",
    ]);
    for lane in lanes {
        table.row([
            lane.lane.clone(),
            lane.waiting.to_string(),
            lane.ready.to_string(),
            lane.queued.to_string(),
            lane.running.to_string(),
            lane.slots.to_string(),
            span(lane.oldest_seconds),
        ]);
    }
    table
}

fn workers(workers: &[Worker], shown: usize) -> Table {
    let mut table = Table::new(&["WORKER", "BUSY", "DONE", "FAILED", "DISK", "DOES"]);
    for worker in workers.iter().take(shown) {
        let does = match (worker.disk_full, worker.draining) {
            (true, _) => "disk full".to_owned(),
            (false, true) => format!("draining {}", words(worker.running.iter())),
            (false, false) if worker.running.is_empty() => "idle".to_owned(),
            (false, false) => words(worker.running.iter()),
        };
        table.row([
            short(&worker.worker),
            format!("{}/{}", worker.busy, worker.slots),
            worker.done.to_string(),
            worker.failed.to_string(),
            size(worker.scratch_free_bytes),
            does,
        ]);
    }
    table
}

/// In the order in which a render goes through them.
fn states(counts: &BTreeMap<String, u64>) -> String {
    let all = RenderState::ALL.into_iter();
    words(all.filter_map(|state| counts.get_key_value(state.name())))
}

/// `2 conform, 1 mix`
fn words<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> String {
    let words: Vec<String> = counts
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    words.join(", ")
}

/// `45 s`, `2 min 5 s`, `3 h 20 min`
pub(super) fn span(seconds: f64) -> String {
    // Casts of floats saturate.
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Names of hosts differ at their end as well as at their beginning: the middle is left out.
fn short(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let half = NAME_CHARS / 2;
    match (chars.get(..half - 1), chars.len().checked_sub(half)) {
        (Some(start), Some(end)) if chars.len() > NAME_CHARS => {
            let end = chars.get(end..).unwrap_or_default();
            start.iter().chain(&['…']).chain(end).collect()
        }
        _ => name.to_owned(),
    }
}

/// At most so many characters, and none that moves the cursor: names come from elsewhere.
fn fitted(line: &str, most: usize) -> String {
    let plain: Vec<char> = line.chars().filter(|char| !char.is_control()).collect();
    match plain.get(..most.saturating_sub(1)) {
        Some(start) if plain.len() > most => start.iter().chain(&['…']).collect(),
        _ => plain.into_iter().collect(),
    }
}
