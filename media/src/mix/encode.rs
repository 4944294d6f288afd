//! The levelled mix to AAC, once: in two halves side by side where it is long, whose packets join without a seam. Every half is led in by
//! packets that are dropped again, so that the encoder is where it would have been.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::Quality;
use botflix_common::units::SAMPLE_RATE_HZ;
use tokio::task::JoinSet;

use super::feed::{self, Feed};
use super::loudness::CHANNELS;
use super::pcm;
use super::stage::{Level, Stage, halves};
use super::trouble::Trouble;
use crate::aac::adts::{self, Packet};
use crate::aac::{self, AacError, PACKET_FRAMES, Piece};
use crate::{Call, Context, MediaError, Program};

/// Packets that the encoder is led in with, and of these the last in which one half may go over into the other. Eight suffice to be led in.
const LEAD_IN_PACKETS: u64 = 12;
const SEAM_PACKETS: u64 = 4;

/// Packets by which the first half is encoded too far: the encoder looks ahead.
const LEAD_OUT_PACKETS: u64 = 2;

/// One of the encoder's passes over a stretch of the film.
struct Half {
    /// Frames of the film that it is fed.
    fed: Range<u64>,
    file: PathBuf,
    packets: Vec<Packet>,
}

impl Half {
    /// By the film's count.
    fn packet(&self, number: u64) -> Option<&Packet> {
        let at = number.checked_sub(self.first_packet())?;
        self.packets.get(usize::try_from(at).ok()?)
    }

    fn first_packet(&self) -> u64 {
        self.fed.start / PACKET_FRAMES
    }
}

/// Encodes the mix at `level` to an MP4 sound file.
pub(super) async fn encode(
    ctx: &Context,
    stage: &Arc<Stage>,
    level: Level,
    quality: Quality,
    out: &Path,
) -> Result<(), Trouble> {
    let mut running = JoinSet::new();
    let parts = halves(stage.total);
    for (number, part) in parts.iter().enumerate() {
        let fed = part.start.saturating_sub(LEAD_IN_PACKETS * PACKET_FRAMES)
            ..stage.total.min(part.end + LEAD_OUT_PACKETS * PACKET_FRAMES);
        // The last half is led in and out like no other, and stands for all.
        let ctx = if number + 1 == parts.len() {
            ctx.clone()
        } else {
            ctx.quiet()
        };
        let stage = Arc::clone(stage);
        running.spawn(async move {
            let file = ctx.scratch.join(format!("mix-half-{number}.aac"));
            let packets = half(&ctx, stage, level, quality, fed.clone(), &file).await?;
            Ok::<_, Trouble>(Half { fed, file, packets })
        });
    }
    let mut encoded = Vec::new();
    while let Some(half) = running.join_next().await {
        encoded.push(half.map_err(|gone| lost(std::io::Error::other(gone)))??);
    }
    encoded.sort_by_key(|half: &Half| half.fed.start);
    let (total, out) = (stage.total, out.to_owned());
    let joined = tokio::task::spawn_blocking(move || join(&encoded, &parts, total, &out)).await;
    Ok(joined.map_err(|gone| lost(std::io::Error::other(gone)))??)
}

fn lost(source: std::io::Error) -> Trouble {
    MediaError::io("encoding the sound")(source).into()
}

/// One stretch, played into the encoder.
async fn half(
    ctx: &Context,
    stage: Arc<Stage>,
    level: Level,
    quality: Quality,
    fed: Range<u64>,
    file: &Path,
) -> Result<Vec<Packet>, Trouble> {
    let seconds = (fed.end - fed.start) as f64 / f64::from(SAMPLE_RATE_HZ);
    let (sender, source) = Feed::channel();
    let player = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        stage.play(level, fed, &mut |block| {
            pcm::to_bytes(block, &mut bytes);
            feed::give(&sender, &bytes)
        })
    });
    let encoder = ctx.feed(call(quality, file).media_seconds(seconds), source);
    let (played, encoded) = tokio::join!(player, encoder);
    let played = played.map_err(|gone| lost(std::io::Error::other(gone)))?;
    match (played, encoded) {
        // An encoder that ended early is why nobody took the sound.
        (Err(trouble), Err(_) | Ok(_)) if !feed::refused(&trouble) => return Err(trouble),
        (_, Err(error)) => return Err(error.into()),
        (Err(trouble), Ok(_)) => return Err(trouble),
        (Ok(()), Ok(_)) => {}
    }
    let file = file.to_owned();
    let packets = tokio::task::spawn_blocking(move || adts::packets(&file)).await;
    let packets = packets.map_err(|gone| lost(std::io::Error::other(gone)))?;
    Ok(packets.map_err(unlike_ours)?)
}

/// Noise substitution is left out, so that every decoder gives the same samples and what was measured is what is heard.
fn call(quality: Quality, out: &Path) -> Call {
    Call::new(Program::Ffmpeg)
        .input_option("-f", "f32le")
        .input_option("-ar", SAMPLE_RATE_HZ.to_string())
        .input_option("-ac", CHANNELS.to_string())
        .args(["-protocol_whitelist", "file,pipe", "-i", "pipe:0"])
        .args(["-map", "0:a:0", "-map_metadata", "-1"])
        .args(["-c:a", "aac", "-aac_pns", "0"])
        .args(settings(quality))
        .args(["-threads", "1"])
        .args(["-fflags", "+bitexact", "-flags:a", "+bitexact"])
        .args(["-f", "adts"])
        .output(out)
}

/// At a constant quality each packet is encoded once; a bit rate that the sound does not need is searched for again and again (docs/quality.md).
fn settings(quality: Quality) -> [&'static str; 4] {
    match quality {
        Quality::Draft => ["-aac_coder", "fast", "-q:a", "2"],
        Quality::Standard => ["-aac_coder", "fast", "-q:a", "4"],
        Quality::High => ["-aac_coder", "twoloop", "-b:a", "256k"],
    }
}

/// Writes the packets of all halves as one sound of `total` frames.
fn join(halves: &[Half], parts: &[Range<u64>], total: u64, out: &Path) -> Result<(), MediaError> {
    // One packet of priming; the last may be padded.
    let wanted = total.div_ceil(PACKET_FRAMES) + 1;
    let mut seams = vec![0];
    for (pair, part) in halves.array_windows().zip(parts) {
        seams.push(seam(pair, part.end / PACKET_FRAMES));
    }
    let ends = seams.iter().skip(1).copied().chain([wanted]);
    let mut pieces = Vec::new();
    for (half, (first, end)) in halves.iter().zip(seams.iter().copied().zip(ends)) {
        let at = |number: u64| usize::try_from(number - half.first_packet()).unwrap_or(usize::MAX);
        let packets = half.packets.get(at(first)..at(end)).ok_or_else(|| {
            unlike_ours(AacError::Stumbled(format!(
                "packets {first}..{end} of {} from {}",
                half.packets.len(),
                half.first_packet()
            )))
        })?;
        pieces.push(Piece {
            path: &half.file,
            packets,
        });
    }
    aac::write(&pieces, total, out).map_err(|error| error.media(WhoCanFix::Platform))
}

/// The first packet that is taken from the second half: one before which both halves chose the same long window, so that what overlaps fits.
fn seam([first, second]: &[Half; 2], latest: u64) -> u64 {
    let fits = |number: &u64| {
        let before = number.saturating_sub(1);
        let windows =
            [first, second].map(|half| half.packet(before).and_then(|packet| packet.window));
        matches!(windows, [Some(a), Some(b)] if a == b && a.is_long())
    };
    let earliest = latest.saturating_sub(SEAM_PACKETS);
    (earliest..=latest).rev().find(fits).unwrap_or(latest)
}

fn unlike_ours(error: AacError) -> MediaError {
    MediaError::Permanent {
        code: "sound_not_encoded",
        message: "the encoder did not give the sound that it was asked for".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(error.to_string()),
    }
}
