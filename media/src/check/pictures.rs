//! The film's pictures decoded: those at its joins, held against what their clips show, or all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::task::CheckSpec;

use super::film::Film;
use crate::excerpt::Excerpt;
use crate::mp4::{TrackKind, work};
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
pub(super) async fn decode_joins(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Arc<Film>,
) -> Result<Decoded, MediaError> {
    let file = ctx.scratch.join("check-joins.mp4");
    let taken = take(ctx, spec, film, file.clone()).await?;
    let wanted = spec.joins.len() as u64;
    if taken == 0 {
        return Ok(Decoded {
            wanted,
            ..Decoded::default()
        });
    }
    let call = Call::new(Program::Ffmpeg)
        // A picture at a time: the next task has a use for the other cores.
        .args(["-threads", "1"])
        .own_input(&file)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn"])
        .args(["-vf", "extractplanes=y", "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "pipe:1"]);
    let size = spec.format.width as usize * spec.format.height as usize;
    let mut hashed = Hashed::of_pictures_of(size);
    let output = ctx
        .chunks(call, |bytes| {
            hashed.push(bytes);
            Ok(())
        })
        .await?
        .success(Program::Ffmpeg, false)?;
    let shown = spec.joins.iter().zip(&hashed.pictures);
    let other = |(join, found): (&botflix_common::task::Join, &u32)| {
        let differs = join.luma_crc.is_some_and(|crc| crc != *found);
        differs.then_some(join.first_frame)
    };
    Ok(Decoded {
        wanted,
        pictures: hashed.pictures.len() as u64,
        errors: output.error_lines,
        other_picture: shown.filter_map(other).next(),
    })
}

/// Writes the pictures at joins to `file`; how many there are. A film whose index has no such pictures fails for that.
async fn take(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Arc<Film>,
    file: PathBuf,
) -> Result<u64, MediaError> {
    let (film, joins) = (Arc::clone(film), spec.joins.clone());
    work::run(ctx, "taking pictures out of the film", move |_| {
        let Some(track) = film.track(TrackKind::Video) else {
            return Ok(0);
        };
        let (samples, order) = (track.samples()?, track.order()?);
        let mut excerpt = Excerpt::of(track, samples, &order);
        for join in &joins {
            excerpt.add(join.first_frame, join.first_frame);
        }
        if excerpt.pictures() > 0 {
            excerpt.write(&film.path, &file)?;
        }
        Ok(excerpt.pictures())
    })
    .await
}

/// CRC-32 of each picture in a stream of pictures of one size.
struct Hashed {
    bytes: usize,
    crc: crc32fast::Hasher,
    taken: usize,
    pictures: Vec<u32>,
}

impl Hashed {
    fn of_pictures_of(bytes: usize) -> Self {
        Self {
            bytes: bytes.max(1),
            crc: crc32fast::Hasher::new(),
            taken: 0,
            pictures: Vec::new(),
        }
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.bytes - self.taken));
            self.crc.update(now);
            self.taken += now.len();
            if self.taken == self.bytes {
                let whole = std::mem::take(&mut self.crc);
                self.pictures.push(whole.finalize());
                self.taken = 0;
            }
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hashed;

    #[test]
    fn pictures_are_told_apart_wherever_the_pipe_ends_a_chunk() {
        let stream: Vec<u8> = (0..30u8).collect();
        let of = |chunk: usize| {
            let mut hashed = Hashed::of_pictures_of(10);
            stream.chunks(chunk).for_each(|bytes| hashed.push(bytes));
            hashed.pictures
        };
        let expected: Vec<u32> = stream.chunks(10).map(crc32fast::hash).collect();
        assert_eq!(of(30), expected);
        assert_eq!(of(7), expected);
    }
}
