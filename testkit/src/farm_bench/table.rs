//! The report as Markdown: a column for each round, a line for each figure.

use std::fmt::Write as _;

use super::round::Figures;
use super::usage::Usage;

type Line = (&'static str, fn(&Figures) -> String);

const LINES: [Line; 22] = [
    ("renders sent before the workers come", |f| {
        f.renders.to_string()
    }),
    ("renders taken per second", |f| {
        format!("{:.0}", f.renders as f64 / f.submit_s)
    }),
    ("`POST /renders` meanwhile, p50 / p99 ms", |f| {
        f.submit.told()
    }),
    ("tasks done in the window", |f| f.load.tasks.to_string()),
    ("tasks left", |f| f.left.to_string()),
    ("attempts that did not end well", |f| f.bad.to_string()),
    ("**tasks per second**", |f| format!("**{:.0}**", f.rate())),
    ("queued → started, p50 / p99 ms", |f| {
        f.load.queued_to_start.clone()
    }),
    ("`GET /renders/{id}` under load, p50 / p99 ms", |f| {
        f.felt.render.told()
    }),
    ("`GET /episodes` under load, p50 / p99 ms", |f| {
        f.felt.catalog.told()
    }),
    ("`POST /renders` under load, p50 / p99 ms", |f| {
        f.felt.submit.told()
    }),
    ("CPU ms per task: API", |f| f.cpu_ms(f.parts.api)),
    ("CPU ms per task: Postgres", |f| f.cpu_ms(f.parts.postgres)),
    ("CPU ms per task: Redis", |f| f.cpu_ms(f.parts.redis)),
    ("CPU ms per task: simulated workers", |f| {
        f.cpu_ms(f.parts.workers)
    }),
    ("MiB: API / Postgres / Redis / workers", |f| {
        let all = [
            f.parts.api,
            f.parts.postgres,
            f.parts.redis,
            f.parts.workers,
        ];
        all.map(|one| format!("{:.0}", mib(one.bytes as f64)))
            .join(" / ")
    }),
    ("Redis connections; largest data, MiB", |f| {
        format!(
            "{:.0}; {:.1}",
            f.counts.redis_clients,
            mib(f.counts.redis_peak_bytes)
        )
    }),
    ("Redis commands per task", |f| {
        f.each(f.counts.redis_commands)
    }),
    ("Postgres transactions per task", |f| {
        f.each(f.counts.transactions)
    }),
    ("Postgres statements per task", |f| {
        f.each(f.counts.statements)
    }),
    ("idle farm: ready → started, p50 / p99 ms", |f| {
        f.idle.ready_to_start.clone()
    }),
    ("idle farm: `POST` → published, p50 / p99 ms", |f| {
        f.film.told()
    }),
];

impl Figures {
    pub fn rate(&self) -> f64 {
        self.load.tasks as f64 / self.load.seconds.max(0.001)
    }

    fn each(&self, sum: f64) -> String {
        format!("{:.1}", sum / (self.load.tasks as f64).max(1.0))
    }

    fn cpu_ms(&self, part: Usage) -> String {
        format!(
            "{:.2}",
            part.cpu_s * 1e3 / (self.load.tasks as f64).max(1.0)
        )
    }
}

pub(super) fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

pub(super) fn rounds(rounds: &[Figures]) -> String {
    let mut text = String::from("| tasks queued |");
    for figures in rounds {
        write!(text, " {} |", figures.tasks).ok();
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|".repeat(rounds.len()));
    text.push('\n');
    for (name, value) in LINES {
        write!(text, "| {name} |").ok();
        for figures in rounds {
            write!(text, " {} |", value(figures)).ok();
        }
        text.push('\n');
    }
    for figures in rounds {
        if let Some(slowest) = &figures.slowest {
            let tasks = figures.tasks;
            write!(
                text,
                "\n{tasks} tasks, ms in all, calls, ms each:\n\n```text\n{slowest}\n```\n"
            )
            .ok();
        }
    }
    text
}
