//! How far a render is, stage by stage: bars on a terminal, a line now and then elsewhere. Everything here goes to stderr.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use botflix_common::http::{Eta, Stage, WaitReason, Waiting};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::outlook;

/// A bar is drawn in this many steps.
const STEPS: u64 = 1000;
/// Without a terminal, a stage is mentioned no more often than this, and when it is complete.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shorter waits are not worth a word.
const WAIT_IS_SAID_AFTER: Duration = Duration::from_secs(4);

/// The line of the whole film.
const FILM: &str = "film";

const STYLE: &str = "{prefix:>9} {bar:32.cyan/blue} {percent:>3} %  {msg}";

/// Shared by whoever reports; every method may be called from anywhere.
pub struct Stages {
    display: Mutex<Display>,
    wait: Mutex<Option<Wait>>,
}

/// That nothing happens, and why.
#[derive(Clone, Copy)]
struct Wait {
    reason: WaitReason,
    since: Instant,
    said: bool,
}

enum Display {
    Bars {
        all: MultiProgress,
        bars: BTreeMap<&'static str, ProgressBar>,
    },
    Lines(BTreeMap<&'static str, Line>),
}

struct Line {
    said_at: Instant,
    said: String,
}

impl Stages {
    /// Bars when stderr is a terminal, lines otherwise.
    pub fn new() -> Self {
        let display = if std::io::stderr().is_terminal() {
            Display::Bars {
                all: MultiProgress::new(),
                bars: BTreeMap::new(),
            }
        } else {
            Display::Lines(BTreeMap::new())
        };
        Self {
            display: Mutex::new(display),
            wait: Mutex::default(),
        }
    }

    /// Stages as a render's body or the local board has them.
    pub fn show(&self, stages: &[Stage]) {
        for stage in stages {
            let message = format!("{}/{}", stage.done, stage.total);
            self.step(stage.kind.name(), stage.progress, &message);
        }
    }

    /// The whole film: how far, 0 to 1, and between when and when it will be ready.
    pub fn film(&self, progress: f64, eta: Option<Eta>) {
        let eta = eta.filter(|_| progress < 1.0);
        self.step(FILM, progress, &outlook::rest(eta));
    }

    /// Why nothing happens, once it has not for a while: between two tasks every render waits for a moment.
    pub fn waits(&self, waiting: Option<&Waiting>) {
        let mut wait = self.wait.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = waiting.filter(|waiting| waiting.reason != WaitReason::Starting) else {
            *wait = None;
            return;
        };
        let known = wait.filter(|known| known.reason == waiting.reason);
        let mut now = known.unwrap_or(Wait {
            reason: waiting.reason,
            since: Instant::now(),
            said: false,
        });
        if !now.said && now.since.elapsed() >= WAIT_IS_SAID_AFTER {
            now.said = true;
            self.note(&format!("it waits: {}", outlook::wait(waiting)));
        }
        *wait = Some(now);
    }

    /// One stage: how far, 0 to 1, and a few words.
    pub fn step(&self, name: &'static str, fraction: f64, message: &str) {
        match &mut *self.display() {
            Display::Bars { all, bars } => {
                let last = bars.get(FILM).cloned();
                let bar = bars
                    .entry(name)
                    .or_insert_with(|| new_bar(all, name, last.as_ref()));
                bar.set_position((fraction.clamp(0.0, 1.0) * STEPS as f64) as u64);
                bar.set_message(message.to_owned());
            }
            Display::Lines(lines) => line(lines, name, fraction, message),
        }
    }

    /// Says something above the bars.
    pub fn note(&self, text: &str) {
        match &*self.display() {
            Display::Bars { all, .. } => {
                if all.println(text).is_err() {
                    eprintln!("{text}");
                }
            }
            Display::Lines(_) => eprintln!("{text}"),
        }
    }

    /// Leaves the bars as they are and stops drawing.
    pub fn finish(&self) {
        if let Display::Bars { bars, .. } = &*self.display() {
            for bar in bars.values() {
                bar.abandon();
            }
        }
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line of the film stays below the others.
fn new_bar(all: &MultiProgress, name: &'static str, film: Option<&ProgressBar>) -> ProgressBar {
    let new = ProgressBar::new(STEPS);
    let bar = match film {
        Some(film) => all.insert_before(film, new),
        None => all.add(new),
    };
    // The template is a constant; were it wrong, the default style would do.
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    bar.set_prefix(name);
    bar
}

fn line(
    lines: &mut BTreeMap<&'static str, Line>,
    name: &'static str,
    fraction: f64,
    message: &str,
) {
    let text = format!("{name:>9} {:>3.0} %  {message}", fraction * 100.0);
    let complete = fraction >= 1.0;
    let due = match lines.get(name) {
        None => fraction > 0.0,
        Some(line) => line.said != text && (complete || line.said_at.elapsed() >= LINE_EVERY),
    };
    if due {
        eprintln!("{}", text.trim_end());
        let said_at = Instant::now();
        lines.insert(
            name,
            Line {
                said_at,
                said: text,
            },
        );
    }
}
