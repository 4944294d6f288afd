//! `corpus --botflix PATH FILE…`: renders every file that is not refused, and compares film and clip. Exit code 1 when any film is not right.

use std::path::PathBuf;

use anyhow::Result;
use botflix_testkit::corpus;
use clap::Parser;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    botflix: PathBuf,
    files: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut wrong = 0;
    for file in &args.files {
        let line = match corpus::run(&args.botflix, file) {
            Err(error) => {
                wrong += 1;
                format!("FAILED  {}: {error:#}", file.display())
            }
            Ok(outcome) => match &outcome.film {
                None => format!("refuse  {}", outcome.file),
                Some(film) => {
                    let faults = film.faults();
                    wrong += usize::from(!faults.is_empty());
                    let lag = film.likeness.sound_lag_seconds;
                    format!(
                        "{:7} {}: {} frames of {}, pictures {:.3}, sound {}{}",
                        outcome.verdict,
                        outcome.file,
                        film.frames,
                        film.expected_frames,
                        film.likeness.picture,
                        lag.map_or("none".to_owned(), |lag| format!("{lag:+.3} s")),
                        if faults.is_empty() {
                            String::new()
                        } else {
                            format!("  WRONG: {}", faults.join("; "))
                        },
                    )
                }
            },
        };
        println!("{line}");
    }
    println!("{wrong} of {} not right", args.files.len());
    std::process::exit(i32::from(wrong > 0));
}
