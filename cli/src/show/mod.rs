//! What people and programs see: bars on a terminal, plain lines elsewhere, data on stdout.

pub mod attempts;
pub mod facts;
pub mod film;
pub mod findings;
pub mod outlook;
pub mod plan;
pub mod render;
pub mod stages;
pub mod table;
pub mod workers;

use std::io::Write as _;

use crate::exit::Fault;

/// One line of data on stdout.
pub fn say(line: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Fault::permanent("stdout cannot be written").because(error))
}

/// One line of JSON on stdout.
pub fn say_json(value: &impl serde::Serialize) -> Result<(), Fault> {
    let line = serde_json::to_string(value)
        .map_err(|error| Fault::permanent("the answer cannot be written").because(error))?;
    say(&line)
}

/// `1:23.4`, or `12.3 s` below a minute.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}:{:04.1}", seconds - minutes * 60.0)
}

/// A place in a film or clip: `1:23.456`, with hours only where there are some.
pub fn timecode(seconds: f64) -> String {
    let sign = if seconds < -0.0005 { "-" } else { "" };
    // Casts of floats saturate: what is no time is shown as zero or as very late.
    let thousandths = (seconds.abs() * 1000.0).round() as u64;
    let (minutes, rest) = (thousandths / 60_000, thousandths % 60_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let (whole, part) = (rest / 1000, rest % 1000);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{whole:02}.{part:03}")
    } else {
        format!("{sign}{minutes}:{whole:02}.{part:03}")
    }
}

/// `12.3 MB`.
pub fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes >= 1000.0 {
        format!("{:.2} GB", megabytes / 1000.0)
    } else {
        format!("{megabytes:.1} MB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timecode_rounds_to_thousandths_and_carries() {
        assert_eq!(timecode(0.0), "0:00.000");
        assert_eq!(timecode(59.9996), "1:00.000");
        assert_eq!(timecode(3723.25), "1:02:03.250");
        assert_eq!(timecode(-0.5), "-0:00.500");
        assert_eq!(timecode(f64::NAN), "0:00.000");
    }
}
