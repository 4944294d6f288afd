//! One pass of ffmpeg over the whole file: every picture and every sample decoded, once. Out of a pipe come small pictures, now and then a
//! whole one, and the sound; on its log ffmpeg says when each frame is shown.
//!
//! Costs 1.1 times a plain decode (ffmpeg 5.1.9), the looking included.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::avi::{Format, Reader, Viewer};
use super::hearing::{Meter, Sound};
use super::pictures::{HEIGHT, WIDTH, Watch};
use super::proxy;
use super::words::Words;
use crate::{Call, Context, MediaError, Program};

/// Whole pictures that come along: those that are looked at (`pictures::is_looked_at`), and key pictures, which are remembered.
const WHOLE_PICTURES: &str = "select='key+not(mod(n\\,if(lt(n\\,120)\\,24\\,96)))'";
/// The pipe needs some rate; the true times are in the log. Of a picture that is left out it has an empty chunk, so that places are known.
const PIPE_FPS: &str = "30";
const PIPE_CLOCK: &str = "settb=1/30,setpts=N";
/// Pictures between two reports of progress.
const REPORT_PICTURES: u64 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Everything,
    Pictures,
    Sound,
    /// The one picture of a picture file.
    Still,
}

/// How many decode. One costs less in all, where several clips are measured side by side; a long clip would keep its director waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    One,
    Two,
}

/// One pass over a clip.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    pub clip: &'a Path,
    pub wanted: Wanted,
    pub threads: Threads,
    /// How many pictures there are, as far as is known yet.
    pub picture_packets: &'a AtomicU64,
    /// Where a proxy of the pictures goes.
    pub proxy: Option<&'a Path>,
}

/// What came of it. Parts that could not be decoded are absent.
pub struct Decoded {
    pub words: Words,
    pub watch: Watch,
    pub sound: Option<Sound>,
    pub failed: bool,
}

pub async fn decode(ctx: &Context, pass: Pass<'_>) -> Result<Decoded, MediaError> {
    let decoded = once(ctx, pass).await?;
    if decoded.failed && pass.proxy.is_some() {
        // A proxy must never change what is found: without one the facts are as they are.
        return once(
            ctx,
            Pass {
                proxy: None,
                ..pass
            },
        )
        .await;
    }
    if !decoded.failed && decoded.words.damages.heard && pass.threads == Threads::Two {
        // Only one thread says which pictures are damaged. The proxy stands.
        return once(
            ctx,
            Pass {
                threads: Threads::One,
                proxy: None,
                ..pass
            },
        )
        .await;
    }
    Ok(decoded)
}

async fn once(ctx: &Context, pass: Pass<'_>) -> Result<Decoded, MediaError> {
    let mut taker = Taker::default();
    let mut reader = Reader::default();
    let mut words = Words::default();
    let on_word = |line: &str| {
        let before = words.pictures;
        words.line(line);
        if words.pictures != before && words.pictures.is_multiple_of(REPORT_PICTURES) {
            let all = pass
                .picture_packets
                .load(Ordering::Relaxed)
                .max(words.pictures);
            let share = words.pictures as f64 / all as f64;
            ctx.progress.report(0.99 * share, None);
        }
    };
    let output = ctx
        .chunks_and_words(call(pass), |bytes| reader.push(bytes, &mut taker), on_word)
        .await?
        .unless_killed(Program::Ffmpeg)?;
    Ok(Decoded {
        words,
        watch: taker.watch,
        sound: taker.meter.and_then(Meter::finish),
        failed: output.exit_code != Some(0),
    })
}

fn call(pass: Pass<'_>) -> Call {
    let Pass {
        clip,
        wanted,
        threads,
        proxy,
        ..
    } = pass;
    // Frame by frame as stored: nothing turned, dropped, repeated or moved in time.
    let call = Call::new(Program::Ffmpeg).args([
        "-v",
        "level+info",
        "-copyts",
        "-threads",
        match threads {
            Threads::One => "1",
            Threads::Two => "2",
        },
        "-filter_threads",
        "1",
        "-noautorotate",
    ]);
    let call = match wanted {
        Wanted::Still => call.untrusted_still(clip),
        _ => call.untrusted_input(clip),
    };
    let call = match proxy {
        Some(path) => proxy::output(call, path),
        None => call,
    };
    let small = format!(
        "showinfo=checksum=0,scale={WIDTH}:{HEIGHT}:flags=fast_bilinear:out_range=tv,format=yuv420p,{PIPE_CLOCK}"
    );
    let whole = format!("{PIPE_CLOCK},{WHOLE_PICTURES},format=yuv420p,extractplanes=y");
    let call = match wanted {
        Wanted::Sound => call,
        Wanted::Still => call.args(["-map", "0:v:0", "-frames:v", "1", "-filter:v:0", &small]),
        Wanted::Everything | Wanted::Pictures => call
            .args(["-map", "0:V:0?", "-map", "0:V:0?"])
            .args(["-filter:v:0", &small, "-filter:v:1", &whole]),
    };
    let call = match wanted {
        Wanted::Pictures | Wanted::Still => call,
        Wanted::Everything | Wanted::Sound => call
            .args(["-map", "0:a:0?", "-c:a", "pcm_f32le"])
            .args(["-filter:a:0", "ashowinfo,asetpts=N/SR/TB"]),
    };
    call.args([
        "-r",
        PIPE_FPS,
        "-fps_mode",
        "passthrough",
        "-c:v",
        "rawvideo",
    ])
    .args(["-map_metadata", "-1", "-fflags", "+bitexact"])
    // Microseconds that one stream may run ahead before it is written all the same.
    .args(["-max_interleave_delta", "1000000", "-f", "avi", "pipe:1"])
}

#[derive(Default)]
struct Taker {
    formats: Vec<Format>,
    watch: Watch,
    meter: Option<Meter>,
}

impl Viewer for Taker {
    type Error = MediaError;

    fn formats(&mut self, formats: &[Format]) -> Result<(), MediaError> {
        self.formats = formats.to_vec();
        for format in formats {
            if let Format::Sound {
                channels,
                sample_rate_hz,
            } = *format
            {
                self.meter = Meter::new(channels, sample_rate_hz);
            }
        }
        Ok(())
    }

    fn chunk(&mut self, stream: usize, bytes: &[u8]) -> Result<(), MediaError> {
        match self.formats.get(stream) {
            // The small ones are always the first stream.
            Some(Format::Picture { .. }) if stream == 0 => self.watch.small(bytes),
            Some(Format::Picture { width, height }) => {
                // Nothing of a picture that was left out; and a clip whose size changes has whole pictures that do not fit.
                let fits = bytes.len() == width * height;
                self.watch.whole(if fits { bytes } else { &[] }, *width);
            }
            Some(Format::Sound { .. }) => {
                if let Some(meter) = &mut self.meter {
                    meter.push(bytes);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
