//! What the film's index and packets say of its pictures: which there are, when each is shown, and the hash of them all.

use std::sync::Arc;

use botflix_common::task::{CheckSpec, Join};

use crate::assemble::digest::PictureDigest;
use crate::film::Film;
use crate::mp4::work::{self, Work};
use crate::mp4::{Media, Movie, Mp4Error, Order, TrackKind};
use crate::{Context, MediaError};

/// Packets between two reports of progress.
const REPORT_EVERY: usize = 256;

/// Of a `colr` box: BT.709 primaries, transfer and matrix, limited range.
const TAG: &[u8] = b"nclx\x00\x01\x00\x01\x00\x01\x00";

/// What the film's index and packets say.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) packets: u64,
    pub(super) starts_on_key_picture: bool,
    /// The first join of the plan at which the film has no key picture.
    pub(super) join_without_key: Option<u64>,
    /// See [`PictureDigest`], in hex.
    pub(super) digest: String,
    /// The first picture that is not on the frame grid, and the tick at which it is shown.
    pub(super) off_grid: Option<(u64, i64)>,
    /// The index precedes the media, so that playing can begin before all is fetched.
    pub(super) index_first: bool,
    /// The container says BT.709, limited.
    pub(super) tagged: bool,
}

pub(super) async fn list(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Arc<Film>,
) -> Result<Listed, MediaError> {
    let (film, joins) = (Arc::clone(film), spec.joins.clone());
    let (_, ticks) = spec.format.fps.timescale();
    work::run(ctx, "reading the film's pictures", move |work| {
        let Some(movie) = &film.movie else {
            return Ok(Listed::default());
        };
        listed(work, &film, movie, ticks, &joins)
    })
    .await
}

fn listed(
    work: &Work,
    film: &Film,
    movie: &Movie,
    ticks: u32,
    joins: &[Join],
) -> Result<Listed, MediaError> {
    let Some(track) = movie.track(TrackKind::Video) else {
        return Ok(Listed::default());
    };
    let samples = track.samples()?;
    let shown_at = track.shown_at()?;
    let Order { shown } = Order::of(&shown_at);
    let mut keys: Vec<u64> = samples
        .iter()
        .zip(&shown)
        .filter(|(sample, _)| sample.sync)
        .map(|(_, shown)| u64::from(*shown))
        .collect();
    keys.sort_unstable();
    let first_tick = track
        .edits
        .iter()
        .map(|edit| edit.media_time)
        .find(|media_time| *media_time >= 0)
        .unwrap_or(0);
    let media = Media::open(&film.path).map_err(Mp4Error::Io)?;
    let mut digest = PictureDigest::new(track.avc().as_ref());
    let mut buffer = Vec::new();
    for (number, sample) in samples.iter().enumerate() {
        if number % REPORT_EVERY == 0 {
            work.go_on()?;
            let share = number as f64 / samples.len() as f64;
            work.progress.report(share, None);
        }
        media.sample(sample, &mut buffer)?;
        digest.add(&buffer)?;
    }
    Ok(Listed {
        packets: samples.len() as u64,
        starts_on_key_picture: samples.first().is_some_and(|sample| sample.sync)
            && shown.first() == Some(&0),
        join_without_key: joins
            .iter()
            .map(|join| join.first_frame)
            .find(|frame| keys.binary_search(frame).is_err()),
        digest: digest.hex(),
        off_grid: off_grid(shown_at.iter().map(|at| at - first_tick).collect(), ticks),
        index_first: movie.index_first,
        tagged: track
            .entry()
            .is_some_and(|entry| entry.bytes.windows(TAG.len()).any(|bytes| bytes == TAG)),
    })
}

/// The first picture that is not shown at exactly `k × ticks`: its number, and when it is shown.
fn off_grid(mut shown_at: Vec<i64>, ticks: u32) -> Option<(u64, i64)> {
    shown_at.sort_unstable();
    (0u64..)
        .zip(shown_at)
        .find(|(frame, at)| u64::try_from(*at) != Ok(frame * u64::from(ticks)))
}

#[cfg(test)]
mod tests {
    use super::off_grid;

    #[test]
    fn a_missing_doubled_or_late_picture_is_off_the_grid() {
        assert_eq!(off_grid(vec![0, 1024, 512], 512), None);
        assert_eq!(off_grid(vec![0, 1024, 1536], 512), Some((1, 1024)));
        assert_eq!(off_grid(vec![0, 0, 512], 512), Some((1, 0)));
        assert_eq!(off_grid(vec![-512, 0], 512), Some((0, -512)));
    }
}
