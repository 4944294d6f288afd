//! What people and programs see: bars on a terminal, plain lines elsewhere, data on stdout.

pub mod facts;
pub mod stages;

use std::io::Write as _;

use crate::exit::Fault;

/// One line of data on stdout.
pub fn say(line: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Fault::permanent("stdout cannot be written").because(error))
}

/// `1:23.4`, or `12.3 s` below a minute.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}:{:04.1}", seconds - minutes * 60.0)
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
