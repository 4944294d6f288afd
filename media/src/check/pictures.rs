//! The film's pictures decoded: those at its joins, held against what their clips show, or all of them.

use std::path::Path;

use botflix_common::task::{CheckSpec, Join};

use crate::look::Looked;
use crate::{Call, Context, MediaError, Program};

/// What a decoder makes of the film.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// How many were to be decoded.
    pub(super) wanted: u64,
    pub(super) pictures: u64,
    /// Complaints of the decoder.
    pub(super) errors: u32,
    /// The first frame at a join that is not what its clip shows there.
    pub(super) other_picture: Option<u64>,
}

/// Every picture of the film: one line of `framecrc` for each, shrunk first, so that counting costs nothing beside decoding.
pub(super) async fn decode_all(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
) -> Result<Decoded, MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .own_input(film)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn"])
        .args(["-vf", "scale=w=2:h=2:flags=neighbor,format=gray"])
        .args(["-fps_mode", "passthrough", "-f", "framecrc"])
        .media_seconds(spec.format.fps.seconds_at(spec.total_frames))
        .arg("pipe:1");
    let mut pictures = 0;
    let output = ctx
        .lines(call, |line| {
            pictures += u64::from(line.starts_with(|c: char| c.is_ascii_digit()));
        })
        .await?
        .success(Program::Ffmpeg, false)?;
    Ok(Decoded {
        wanted: spec.total_frames,
        pictures,
        errors: output.error_lines,
        other_picture: None,
    })
}

/// The picture with which each segment begins, decoded as the film's own description says, in full size.
pub(super) fn at_joins(spec: &CheckSpec, looked: Option<&Looked>) -> Decoded {
    let wanted = spec.joins.len() as u64;
    let Some(looked) = looked else {
        return Decoded {
            wanted,
            ..Decoded::default()
        };
    };
    let shown = spec.joins.iter().zip(&looked.luma_crcs);
    let other = |(join, found): (&Join, &u32)| {
        let differs = join.luma_crc.is_some_and(|crc| crc != *found);
        differs.then_some(join.first_frame)
    };
    Decoded {
        wanted,
        pictures: looked.luma_crcs.len() as u64,
        errors: looked.errors,
        other_picture: shown.filter_map(other).next(),
    }
}
