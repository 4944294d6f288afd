//! The words of the command line.

use std::path::PathBuf;

use clap::Parser;

/// Renders the same films with BotFlix and with what people use today, and says what each cost and which films were right.
///
/// stdout is the report in Markdown, stderr says what is going on.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench")]
pub(super) struct Options {
    /// The program that is measured
    #[arg(long, value_name = "PATH")]
    pub botflix: PathBuf,
    /// A Python with scripts/bench-requirements.txt installed
    #[arg(long, value_name = "PATH")]
    pub python: PathBuf,
    /// Where clips, caches and films are kept; clips are made once
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Fewer and shorter clips, one round
    #[arg(long)]
    pub quick: bool,
    /// A film of two hours instead: time, memory, and whether it is right to its end
    #[arg(long, conflicts_with = "quality")]
    pub long: bool,
    /// Encoder settings compared by VMAF, size and CPU instead
    #[arg(long)]
    pub quality: bool,
    /// With --quality: measure on these clips too
    #[arg(long, value_name = "FILE", requires = "quality")]
    pub clip: Vec<PathBuf>,
    /// Measure only these cases
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// How often each is run [default: 3, with --quick 1]
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Only those whose name contains this, as in `ours` or `floor`
    #[arg(long, value_name = "WORD")]
    pub who: Option<String>,
}

/// How much is made and measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub clips: u32,
    pub seconds: u32,
    pub rounds: usize,
    /// The large film has each clip so many times.
    pub repeats: usize,
    /// Shots of the long film.
    pub long_shots: usize,
}

impl Options {
    pub fn scale(&self) -> Scale {
        let rounds = self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1);
        if self.quick {
            return Scale {
                clips: 4,
                seconds: 2,
                rounds,
                repeats: 10,
                long_shots: 240,
            };
        }
        Scale {
            clips: 24,
            seconds: 5,
            rounds,
            repeats: 10,
            long_shots: 1440,
        }
    }
}
