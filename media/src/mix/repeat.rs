//! A part of a sound that begins again whenever it ends, for as long as wanted, without a click where it begins again. Blocking.

use std::path::PathBuf;

use botflix_common::failure::WhoCanFix;
use botflix_common::units::SAMPLE_RATE_HZ;

use super::Frame;
use super::pcm::{self, BLOCK_FRAMES, Writer};
use crate::MediaError;

/// Repeating less than this (100 ms) is a buzz that nobody asked for.
const LEAST_FRAMES: u64 = SAMPLE_RATE_HZ as u64 / 10;

/// Over this long (10 ms) the end goes over into the beginning.
const JOINT_FRAMES: usize = SAMPLE_RATE_HZ as usize / 100;

/// The waveform around the ends within which its usual steps are looked for: 1 ms.
const NEIGHBOURHOOD_FRAMES: usize = SAMPLE_RATE_HZ as usize / 1000;

/// A step at the joint of up to this many times the usual ones, and a least one, is none that is heard.
const USUAL: f32 = 1.5;
const INAUDIBLE: f32 = 1e-4;

/// One round of the sound in a scratch file.
pub(super) struct Round {
    path: PathBuf,
    frames: u64,
    /// What is heard instead of its first frames from the second round on; empty where end and beginning fit.
    joint: Vec<Frame>,
}

impl Round {
    /// Takes the frames that `read` appends (`false`: no more) into a file. `name` is what an error calls it.
    pub(super) fn record<E: From<MediaError>>(
        path: PathBuf,
        name: &str,
        mut read: impl FnMut(&mut Vec<Frame>) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut writer = Writer::create(&path)?;
        let mut block = Vec::new();
        loop {
            block.clear();
            let more = read(&mut block)?;
            writer.write(&block)?;
            if !more {
                break;
            }
        }
        let frames = writer.frames;
        if frames < LEAST_FRAMES {
            return Err(too_short(name, frames).into());
        }
        let reach = JOINT_FRAMES.max(NEIGHBOURHOOD_FRAMES) as u64;
        let head = stretch(&path, 0, reach)?;
        let tail = stretch(&path, frames - reach, reach)?;
        Ok(Self {
            path,
            frames,
            joint: joint(&head, &tail),
        })
    }

    pub(super) fn reader(&self, first: u64) -> Result<Reader<'_>, MediaError> {
        let at = first % self.frames;
        Ok(Reader {
            round: self,
            file: pcm::Reader::open(&self.path, at)?,
            at,
            again: first >= self.frames,
        })
    }
}

pub(super) struct Reader<'a> {
    round: &'a Round,
    file: pcm::Reader,
    /// Frame of the round that is read next.
    at: u64,
    /// Not the first round.
    again: bool,
}

impl Reader<'_> {
    /// Appends the next frames, a block at most; there are always more.
    pub(super) fn read(&mut self, frames: &mut Vec<Frame>) -> Result<(), MediaError> {
        if self.at == self.round.frames {
            self.file = pcm::Reader::open(&self.round.path, 0)?;
            (self.at, self.again) = (0, true);
        }
        let before = frames.len();
        let wanted = (self.round.frames - self.at).min(BLOCK_FRAMES as u64);
        let read = self.file.read(wanted, frames)?;
        if read == 0 {
            let gone = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(MediaError::io("reading sound")(gone));
        }
        if self.again {
            let at = usize::try_from(self.at).unwrap_or(usize::MAX);
            let joint = self.round.joint.get(at..).unwrap_or_default();
            let heard = frames.get_mut(before..).unwrap_or_default();
            heard
                .iter_mut()
                .zip(joint)
                .for_each(|(frame, joint)| *frame = *joint);
        }
        self.at += read as u64;
        Ok(())
    }
}

fn stretch(path: &std::path::Path, first: u64, wanted: u64) -> Result<Vec<Frame>, MediaError> {
    let mut frames = Vec::new();
    pcm::Reader::open(path, first)?.read(wanted, &mut frames)?;
    Ok(frames)
}

/// The end, mirrored, goes over into the beginning: the waveform stays whole and the rhythm keeps its length, which it would not if end and
/// beginning overlapped. Nothing where they fit as they are: a loop that was cut with care is not touched.
fn joint(head: &[Frame], tail: &[Frame]) -> Vec<Frame> {
    let (Some(first), Some(last)) = (head.first(), tail.last()) else {
        return Vec::new();
    };
    let near_head = head.get(..NEIGHBOURHOOD_FRAMES).unwrap_or(head);
    let near_tail = tail
        .get(tail.len().saturating_sub(NEIGHBOURHOOD_FRAMES)..)
        .unwrap_or(tail);
    let usual = largest_step(near_head).max(largest_step(near_tail));
    if step(last, first) <= usual * USUAL + INAUDIBLE {
        return Vec::new();
    }
    let length = JOINT_FRAMES as f32;
    head.iter()
        .zip(tail.iter().rev())
        .take(JOINT_FRAMES)
        .zip(0u16..)
        .map(|(([left, right], [old_left, old_right]), at)| {
            let share = (f32::from(at) + 0.5) / length;
            // Level where it starts and where it ends, so that no new corner appears.
            let new = 0.5 - 0.5 * (share * std::f32::consts::PI).cos();
            [
                left * new + old_left * (1.0 - new),
                right * new + old_right * (1.0 - new),
            ]
        })
        .collect()
}

fn largest_step(frames: &[Frame]) -> f32 {
    frames
        .array_windows()
        .map(|[a, b]| step(a, b))
        .fold(0.0, f32::max)
}

fn step(a: &Frame, b: &Frame) -> f32 {
    let [a_left, a_right] = a;
    let [b_left, b_right] = b;
    (a_left - b_left).abs().max((a_right - b_right).abs())
}

fn too_short(name: &str, frames: u64) -> MediaError {
    let milliseconds = frames * 1000 / u64::from(SAMPLE_RATE_HZ);
    MediaError::Permanent {
        code: "track_too_short_to_repeat",
        message: format!(
            "{name} is to be repeated, but only {milliseconds} ms of sound are there to repeat; it takes 100 ms"
        ),
        who_can_fix: WhoCanFix::Director,
        internal: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three seconds of a sine that is repeated after `frames`.
    fn repeated(frames: u64, hertz: f64) -> Vec<f32> {
        let dir = tempfile::tempdir().unwrap();
        let mut at = 0u64;
        let round = Round::record::<MediaError>(dir.path().join("round"), "track 1", |block| {
            let angle = std::f64::consts::TAU * hertz * at as f64 / 48_000.0;
            block.push([angle.sin() as f32 * 0.5, 0.0]);
            at += 1;
            Ok(at < frames)
        })
        .unwrap();
        let mut reader = round.reader(0).unwrap();
        let mut heard = Vec::new();
        while heard.len() < 3 * frames as usize {
            reader.read(&mut heard).unwrap();
        }
        heard.iter().map(|[left, _]| *left).collect()
    }

    fn largest_step_of(sound: &[f32]) -> f32 {
        sound
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_round_that_ends_in_the_middle_of_a_wave_begins_again_without_a_click_and_in_time() {
        // 100 Hz, cut a quarter of a period after a crossing: from 0.5 down to 0 in one step.
        let frames = 4800 * 2 + 120;
        let heard = repeated(frames, 100.0);
        let usual = 0.5 * std::f32::consts::TAU * 100.0 / 48_000.0;
        assert!(
            largest_step_of(&heard) < 2.0 * usual,
            "{}",
            largest_step_of(&heard)
        );
        // The second and third round are the first, but for the joint.
        let frames = frames as usize;
        let joint = JOINT_FRAMES;
        assert_eq!(heard[joint..frames], heard[frames + joint..2 * frames]);
        assert_eq!(heard[frames..2 * frames], heard[2 * frames..3 * frames]);
    }

    #[test]
    fn a_loop_cut_with_care_is_not_touched() {
        let heard = repeated(4800 * 3, 100.0);
        assert_eq!(heard[..4800 * 3], heard[4800 * 3..2 * 4800 * 3]);
    }

    #[test]
    fn reading_may_begin_in_any_round() {
        let dir = tempfile::tempdir().unwrap();
        let mut rounds = vec![
            (0..6000u16)
                .map(|n| [f32::from(n), 0.0])
                .collect::<Vec<_>>(),
        ];
        let round = Round::record::<MediaError>(dir.path().join("round"), "track 1", |block| {
            block.extend(rounds.pop().unwrap_or_default());
            Ok(!rounds.is_empty())
        })
        .unwrap();
        let mut heard = Vec::new();
        round
            .reader(3 * 6000 + 5000)
            .unwrap()
            .read(&mut heard)
            .unwrap();
        assert_eq!((heard.len(), heard[0]), (1000, [5000.0, 0.0]));
    }

    #[test]
    fn a_loop_of_nothing_is_an_error_that_names_the_track() {
        let dir = tempfile::tempdir().unwrap();
        for frames in [0u64, 1, 4799] {
            let mut left = frames;
            let error = Round::record::<MediaError>(dir.path().join("round"), "track 2", |block| {
                block.extend((left > 0).then_some([0.1, 0.1]));
                left = left.saturating_sub(1);
                Ok(left > 0)
            })
            .err()
            .unwrap();
            let failure = error.failure();
            assert_eq!(failure.code, "track_too_short_to_repeat");
            assert!(failure.message.starts_with("track 2"), "{failure:?}");
        }
    }
}
