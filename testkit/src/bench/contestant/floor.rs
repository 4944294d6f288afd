//! The least work that ends in a film of these clips whose sound is levelled and measured: nothing is planned, compared or proven.
//!
//! One ffmpeg reads every byte, decodes the sound, limits and encodes it, and writes the film; a second decodes that sound and measures it. With cold
//! clips a third decodes all pictures meanwhile. The gain is given: finding it costs nothing when facts are known.

use std::path::Path;

use anyhow::Result;

use super::{Stage, concat, ffmpeg};
use crate::bench::meter::{Cost, measure};

/// Decibels; about what the bench's clips need to come from their loudness to the target.
const GAIN_DB: f64 = 7.0;

pub(super) fn make(stage: &Stage, pictures: bool, film: &Path) -> Result<Cost> {
    let mut write = ffmpeg()?;
    concat::from_list(&mut write, stage);
    let chain = format!("volume={GAIN_DB}dB,alimiter=limit=-1.2dB:level=false");
    write.args(["-map", "0:v", "-c:v", "copy", "-map", "0:a", "-af", &chain]);
    // The quickest settings, which ours uses too at standard quality (media/src/mix/encode.rs).
    write.args(["-c:a", "aac", "-aac_coder", "fast", "-q:a", "4"]);
    write.arg(film);
    let mut decode = ffmpeg()?;
    concat::from_list(&mut decode, stage);
    decode.args(["-map", "0:v", "-f", "null", "-"]);
    let mut listen = ffmpeg()?;
    listen.arg("-i").arg(film);
    listen.args(["-map", "0:a", "-af", "ebur128=peak=true:framelog=verbose"]);
    listen.args(["-f", "null", "-"]);
    let mut sound = || -> Result<Cost> {
        Ok(measure(&mut write, &stage.log())? + measure(&mut listen, &stage.log())?)
    };
    if !pictures {
        return sound();
    }
    let beside = stage.scratch.join("pictures-log");
    std::thread::scope(|scope| {
        let pictures = scope.spawn(|| measure(&mut decode, &beside));
        let sound = sound()?;
        let pictures = pictures
            .join()
            .map_err(|_| anyhow::anyhow!("the decoding thread panicked"))??;
        Ok(sound.beside(pictures))
    })
}
