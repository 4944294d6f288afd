//! The pictures at joins decoded by themselves, for when something was wrong with one of those that are looked at.

use std::sync::Arc;

use super::excerpt::Excerpt;
use crate::film::Film;
use crate::mp4::{TrackKind, work};
use crate::{Call, Context, MediaError, Program};

/// How often the decoder complains of these pictures alone.
pub(crate) async fn errors_at(
    ctx: &Context,
    film: &Arc<Film>,
    joins: Vec<u64>,
) -> Result<u32, MediaError> {
    let file = ctx.scratch.join("look-joins.mp4");
    let (film, out) = (Arc::clone(film), file.clone());
    let taken = work::run(ctx, "taking pictures out of the film", move |work| {
        let Some(track) = film.track(TrackKind::Video) else {
            return Ok(0);
        };
        let (samples, order) = (track.samples()?, track.order()?);
        let mut excerpt = Excerpt::of(track, samples, &order);
        for join in joins {
            excerpt.add(join, join);
        }
        if excerpt.pictures() > 0 {
            excerpt.write(work, &film.path, &out)?;
        }
        Ok(excerpt.pictures())
    })
    .await?;
    if taken == 0 {
        return Ok(0);
    }
    let call = Call::new(Program::Ffmpeg)
        .args(["-threads", "1"])
        .own_input(&file)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn"])
        .args(["-fps_mode", "passthrough", "-f", "null", "pipe:1"]);
    let output = ctx.chunks(call, |_| Ok(())).await?;
    Ok(output.success(Program::Ffmpeg, false)?.error_lines)
}
