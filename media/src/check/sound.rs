//! The film's sound: that it is the one which was measured when it was encoded, or else what it measures.

use std::sync::Arc;

use botflix_common::task::{CheckSpec, SoundFacts, Verify};

use crate::assemble::digest;
use crate::film::Film;
use crate::mix::{self, loudness::Measured};
use crate::mp4::{Mp4Error, TrackKind, work};
use crate::{Context, MediaError};

/// What is known of the sound's packets and samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Its packets are those of the mix.
    pub(super) is_the_mix: bool,
    /// `None`: there is no sound track.
    pub(super) measured: Option<Measured>,
    pub(super) samples: u64,
}

/// Sound that is not the mix's is decoded and measured, so that it can be said what is wrong with it.
pub(super) async fn hear(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Arc<Film>,
    mix: SoundFacts,
) -> Result<Heard, MediaError> {
    let file = Arc::clone(film);
    let packets = work::run(ctx, "reading the film's sound", move |work| {
        let Some(track) = file.track(TrackKind::Sound) else {
            return Ok(None);
        };
        match digest::of_sound(&file.path, track, &work.progress) {
            Ok(packets) => Ok(Some(packets)),
            // What cannot be read is not the mix's.
            Err(Mp4Error::Damaged(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    let Some(packets) = packets else {
        return Ok(Heard {
            is_the_mix: false,
            measured: None,
            samples: 0,
        });
    };
    let is_the_mix = packets == mix.packets;
    if is_the_mix && spec.verify == Verify::Joins {
        return Ok(Heard {
            is_the_mix,
            measured: Some(Measured {
                integrated: mix.integrated_lufs,
                true_peak: mix.true_peak_dbtp,
            }),
            samples: mix.samples,
        });
    }
    let (measured, samples) = mix::measure(ctx, &film.path, spec.total_samples).await?;
    Ok(Heard {
        is_the_mix,
        measured: Some(measured),
        samples,
    })
}
