//! The mix at a gain, under a ceiling: streamed to whoever listens, in two halves side by side where it is long. Blocking.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use botflix_common::units::SAMPLE_RATE_HZ;

use super::Frame;
use super::bed::Bed;
use super::limiter::{LATENCY_FRAMES, Limiter};
use super::loudness::{Meter, STEP_FRAMES, Stretch, WARM_UP_FRAMES, amplitude};
use super::pcm::{self, Writer};
use super::touched;
use super::trouble::Trouble;
use crate::MediaError;
use crate::aac::PACKET_FRAMES;

/// Sound of at least this length is worked on in two halves. Decided by the film alone, never by the host: its bytes must not depend on it.
const HALVED_FRAMES: u64 = SAMPLE_RATE_HZ as u64 * 30;

/// Halves meet where both a step of the meter and a packet of the encoder begin: every 1.6 s.
const SEAM_FRAMES: u64 = lowest_common_multiple(STEP_FRAMES as u64, PACKET_FRAMES);

/// What the limiter hears before a stretch, so that its gain is the one it would have had: twelve times the constant of its release.
const LIMITER_WARM_UP_FRAMES: u64 = SAMPLE_RATE_HZ as u64;

const fn lowest_common_multiple(a: u64, b: u64) -> u64 {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a / divisor * b
}

/// The stretches that are worked on side by side.
pub(super) fn halves(total: u64) -> Vec<Range<u64>> {
    let seam = total / 2 / SEAM_FRAMES * SEAM_FRAMES;
    if total < HALVED_FRAMES {
        std::iter::once(0..total).collect()
    } else {
        vec![0..seam, seam..total]
    }
}

/// Works on stretches side by side; results in their order.
pub(super) fn side_by_side<T: Send, E: Send>(
    stretches: &[Range<u64>],
    work: impl Fn(Range<u64>) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let Some((last, others)) = stretches.split_last() else {
        return Ok(Vec::new());
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|range| scope.spawn(|| work(range.clone())))
            .collect();
        let last = work(last.clone());
        let mut done = Vec::new();
        for other in others {
            match other.join() {
                Ok(result) => done.push(result?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done.push(last?);
        Ok(done)
    })
}

/// How loud the mix is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) gain_db: f64,
    /// dBTP. `None`: known not to be reached.
    pub(super) ceiling: Option<f64>,
}

/// Where the unlevelled mix comes from.
pub(super) struct Stage {
    pub(super) bed: Bed,
    pub(super) total: u64,
    /// A file with all of the mix, once it was recorded.
    recording: OnceLock<PathBuf>,
}

impl Stage {
    pub(super) fn new(bed: Bed, total: u64) -> Self {
        Self {
            bed,
            total,
            recording: OnceLock::new(),
        }
    }

    /// Renders the mix into a file, from which it is played from then on, and measures it.
    pub(super) fn record(&self, path: PathBuf) -> Result<Stretch, Trouble> {
        let stretches = if self.bed.remembers() {
            std::iter::once(0..self.total).collect()
        } else {
            halves(self.total)
        };
        Writer::create(&path)?;
        let parts = side_by_side(&stretches, |range| {
            let mut writer = Writer::at(&path, range.start)?;
            measured(
                Meter::new(),
                range,
                |range, on_block| self.bed.render(range, on_block),
                |block| Ok(writer.write(block)?),
            )
        })?;
        // Recorded twice, it would be the same.
        self.recording.get_or_init(|| path);
        Ok(Stretch::join(parts))
    }

    /// LUFS of the mix at a level, where `before` is what it measures without any. Only what the limiter touches is played; the rest is known.
    pub(super) fn integrated(
        &self,
        level: Level,
        before: &Stretch,
    ) -> Result<Option<f64>, Trouble> {
        let touched = touched::runs(before, level);
        let lengths = touched.iter().map(|run| run.len() as u64);
        let half = lengths.clone().sum::<u64>() / 2;
        let first = lengths
            .scan(0, |sum, length| {
                *sum += length;
                Some(*sum)
            })
            .take_while(|sum| *sum <= half)
            .count() as u64;
        let parts = side_by_side(&[0..first, first..touched.len() as u64], |part| {
            let mut energies = Vec::new();
            let runs = touched.iter().skip(part.start as usize);
            for (run, _) in runs.zip(part) {
                let frames =
                    run.start as u64 * STEP_FRAMES as u64..run.end as u64 * STEP_FRAMES as u64;
                let play = |range, on_block: &mut dyn FnMut(&[Frame]) -> _| {
                    self.play(level, range, on_block)
                };
                let stretch = measured(Meter::of_loudness(), frames, play, |_| Ok(()))?;
                energies.extend(run.clone().zip(stretch.energies()));
            }
            Ok::<_, Trouble>(energies)
        })?;
        Ok(before.integrated_with(level.gain_db, parts.into_iter().flatten()))
    }

    /// Hands on the levelled mix of `range`, block by block.
    pub(super) fn play(
        &self,
        level: Level,
        range: Range<u64>,
        on_block: &mut dyn FnMut(&[Frame]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let gain = amplitude(level.gain_db) as f32;
        let mut scaled = Vec::new();
        let scale = |block: &[Frame], scaled: &mut Vec<Frame>| {
            scaled.clear();
            scaled.extend(
                block
                    .iter()
                    .map(|[left, right]| [left * gain, right * gain]),
            );
        };
        let Some(ceiling) = level.ceiling else {
            return self.unlevelled(range, &mut |block| {
                scale(block, &mut scaled);
                on_block(&scaled)
            });
        };
        let start = range.start.saturating_sub(LIMITER_WARM_UP_FRAMES);
        // What follows the stretch already turns its end down.
        let end = self.total.min(range.end + LATENCY_FRAMES as u64);
        let mut tail = Tail {
            to_skip: usize::try_from(range.start - start).unwrap_or(0),
            to_hear: range.end - range.start,
        };
        let mut limiter = Limiter::new(amplitude(ceiling) as f32);
        let mut finished = Vec::new();
        self.unlevelled(start..end, &mut |block| {
            scale(block, &mut scaled);
            finished.clear();
            limiter.push(&scaled, &mut finished);
            on_block(tail.of(&finished))
        })?;
        finished.clear();
        limiter.finish(&mut finished);
        on_block(tail.of(&finished))
    }

    fn unlevelled(
        &self,
        range: Range<u64>,
        on_block: &mut dyn FnMut(&[Frame]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let Some(recording) = self.recording.get() else {
            return self.bed.render(range, on_block);
        };
        let mut reader = pcm::Reader::open(recording, range.start)?;
        let mut left = range.end - range.start;
        let mut block = Vec::new();
        while left > 0 {
            self.bed.work.go_on()?;
            block.clear();
            let read = reader.read(left, &mut block)?;
            if read == 0 {
                let gone = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(MediaError::io("reading sound")(gone).into());
            }
            left -= read as u64;
            on_block(&block)?;
        }
        Ok(())
    }
}

/// Measures a stretch, warmed up with what `play` gives before it, which `keep` does not get.
fn measured(
    mut meter: Meter,
    range: Range<u64>,
    play: impl Fn(Range<u64>, &mut dyn FnMut(&[Frame]) -> Result<(), Trouble>) -> Result<(), Trouble>,
    mut keep: impl FnMut(&[Frame]) -> Result<(), Trouble>,
) -> Result<Stretch, Trouble> {
    let start = range.start.saturating_sub(WARM_UP_FRAMES);
    let mut before = usize::try_from(range.start - start).unwrap_or(0);
    play(start..range.end, &mut |block| {
        let (warm, block) = block.split_at(before.min(block.len()));
        before -= warm.len();
        meter.warm(warm);
        meter.add(block);
        keep(block)
    })?;
    Ok(meter.finish())
}

/// Lets a stretch of a stream through.
struct Tail {
    to_skip: usize,
    to_hear: u64,
}

impl Tail {
    fn of<'a>(&mut self, frames: &'a [Frame]) -> &'a [Frame] {
        let skipped = self.to_skip.min(frames.len());
        self.to_skip -= skipped;
        let heard = frames.get(skipped..).unwrap_or_default();
        let room = usize::try_from(self.to_hear).unwrap_or(usize::MAX);
        let heard = heard.get(..room).unwrap_or(heard);
        self.to_hear -= heard.len() as u64;
        heard
    }
}
