//! A finished film as a stranger measures it: every picture and sample decoded, captions counted.
//!
//! [`points`] holds what was measured against what should be. This room knows no plan's tasks and starts no process of its own.

pub mod points;

use std::io;
use std::path::Path;

use botflix_common::film::Loudness;
use botflix_media::check::{Examined, examine};
use botflix_media::{Call, Context, MediaError, Program};
use serde::Deserialize;

/// A sample of timed text begins with the length of its text; one without text is a pause between captions.
const EMPTY_TEXT_BYTES: u64 = 2;

pub struct Finished {
    pub seen: Examined,
    /// Texts in the caption track.
    pub captions: usize,
}

/// `wanted` is what the sound is held against in findings.
pub async fn measure(ctx: &Context, film: &Path, wanted: Loudness) -> Result<Finished, MediaError> {
    let seen = examine(ctx, film, wanted).await?;
    let captions = if seen.captions == 0 {
        0
    } else {
        captions(ctx, film).await?
    };
    Ok(Finished { seen, captions })
}

#[derive(Deserialize)]
struct Captions {
    #[serde(default)]
    packets: Vec<Packet>,
}

#[derive(Deserialize)]
struct Packet {
    size: String,
}

async fn captions(ctx: &Context, film: &Path) -> Result<usize, MediaError> {
    let call = Call::new(Program::Ffprobe).untrusted_input(film).args([
        "-select_streams",
        "s",
        "-show_entries",
        "packet=size",
        "-of",
        "json",
    ]);
    let answer = ctx.run(call).await?;
    let captions: Captions = serde_json::from_slice(&answer.stdout)
        .map_err(io::Error::other)
        .map_err(MediaError::io("reading what ffprobe says of the captions"))?;
    let has_text = |packet: &&Packet| {
        packet
            .size
            .parse()
            .is_ok_and(|bytes: u64| bytes > EMPTY_TEXT_BYTES)
    };
    Ok(captions.packets.iter().filter(has_text).count())
}
