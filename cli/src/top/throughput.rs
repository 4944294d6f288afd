//! How much the farm makes: per hour since its server started, and per second since an earlier look.

use serde::Serialize;

use super::Look;
use super::pages::Page;

const HOUR_SECONDS: f64 = 3600.0;
/// A server that has just started has made nothing per hour yet.
const LEAST_UPTIME_SECONDS: f64 = 60.0;

#[derive(Debug, Serialize)]
pub struct Throughput {
    /// Since the server's start.
    pub films_per_hour: f64,
    pub film_minutes_per_hour: f64,
    /// Share of the films' pictures that are the clips' own packets; absent before the first film.
    pub copied: Option<f64>,
    /// Share of planned tasks that had been done before.
    pub reused: Option<f64>,
    /// Seconds of media for each second of a task, one slot alone.
    pub real_time_factor: Option<f64>,
    /// Since an earlier look; absent in the first one.
    pub now: Option<Rates>,
}

#[derive(Debug, Serialize)]
pub struct Rates {
    pub over_seconds: f64,
    pub tasks_per_minute: f64,
    /// Seconds of media that tasks were run on, per second, all workers together.
    pub media_per_second: f64,
}

pub(super) fn of(now: &Look, before: Option<&Look>) -> Throughput {
    let hours = now.uptime_seconds().max(LEAST_UPTIME_SECONDS) / HOUR_SECONDS;
    let published = [("state", "published")];
    let films = now.farm.sum("botflix_renders_finished_total", &published);
    let seconds = now.farm.sum("botflix_film_seconds_published_total", &[]);
    Throughput {
        films_per_hour: films / hours,
        film_minutes_per_hour: seconds / 60.0 / hours,
        copied: share(
            &now.workers,
            "botflix_worker_film_seconds_total",
            ("picture", "copied"),
        ),
        reused: share(&now.farm, "botflix_planned_tasks_total", ("work", "reused")),
        real_time_factor: ratio(
            now.workers.sum("botflix_worker_media_seconds_total", &[]),
            now.workers.sum("botflix_worker_phase_seconds_total", &[]),
        ),
        now: before.and_then(|before| rates(now, before)),
    }
}

fn share(page: &Page, name: &str, part: (&str, &str)) -> Option<f64> {
    ratio(page.sum(name, &[part]), page.sum(name, &[]))
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn rates(now: &Look, before: &Look) -> Option<Rates> {
    let over_seconds = now.at.duration_since(before.at).as_secs_f64();
    // A counter that fell was started anew.
    let grown = |name| (now.workers.sum(name, &[]) - before.workers.sum(name, &[])).max(0.0);
    (over_seconds > 0.0).then(|| Rates {
        over_seconds,
        tasks_per_minute: grown("botflix_worker_tasks_total") * 60.0 / over_seconds,
        media_per_second: grown("botflix_worker_media_seconds_total") / over_seconds,
    })
}
