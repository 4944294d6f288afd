//! The film's pictures: listed as packets and decoded one by one.

use std::path::Path;

use botflix_common::task::CheckSpec;
use sha2::{Digest, Sha256};

use crate::assemble::packets::{self, Origin};
use crate::{Call, Context, MediaError, Program};

#[derive(Debug)]
pub(super) struct Pictures {
    pub(super) packets: u64,
    pub(super) starts_on_key_frame: bool,
    /// SHA-256 over the packets, in hex.
    pub(super) digest: String,
    /// The first picture that is not on the frame grid, and the tick at which it is shown.
    pub(super) off_grid: Option<(u64, i64)>,
    pub(super) decoded: u64,
    /// Complaints of the decoder.
    pub(super) decoder_errors: u32,
}

pub(super) async fn read(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
) -> Result<Pictures, MediaError> {
    let mut digest = Sha256::new();
    let packets = packets::list(ctx, film, Origin::Ours, &mut digest).await?;
    ctx.progress.report(0.2, None);
    let (_, ticks) = spec.format.fps.timescale();
    let (decoded, decoder_errors) =
        decode(&ctx.part(0.2, 1.0), spec, film, packets.frames()).await?;
    Ok(Pictures {
        packets: packets.frames(),
        starts_on_key_frame: packets.first_is_key,
        digest: hex::encode(digest.finalize()),
        off_grid: packets.off_grid(ticks),
        decoded,
        decoder_errors,
    })
}

/// One line of `framecrc` for each picture; shrunk first, so that counting costs nothing beside decoding.
async fn decode(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
    frames: u64,
) -> Result<(u64, u32), MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .own_input(film)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn"])
        .args(["-vf", "scale=w=2:h=2:flags=neighbor,format=gray"])
        .args(["-fps_mode", "passthrough", "-f", "framecrc"])
        .media_seconds(spec.format.fps.seconds_at(frames))
        .arg("pipe:1");
    let mut decoded = 0;
    let output = ctx
        .lines(call, |line| {
            decoded += u64::from(line.starts_with(|c: char| c.is_ascii_digit()));
        })
        .await?
        .success(Program::Ffmpeg, false)?;
    Ok((decoded, output.error_lines))
}
