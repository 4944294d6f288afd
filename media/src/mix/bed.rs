//! The unlevelled mix: every placed sound read, shaped and summed, in blocks, for any stretch of the film. Speech turns music down here. Blocking;
//! knows nothing of loudness targets or encoding.

use std::collections::HashMap;
use std::ops::Range;

use super::Frame;
use super::duck::Ducker;
use super::library::{self, Library};
use super::pcm::BLOCK_FRAMES;
use super::place::{Placed, Role};
use super::repeat::{self, Round};
use super::trouble::Trouble;
use crate::mp4::work::Work;

/// All sounds of a film, ready to be heard.
pub(super) struct Bed {
    /// In the order in which they begin.
    pub(super) placed: Vec<Placed>,
    pub(super) library: Library,
    /// By the track that repeats.
    pub(super) rounds: HashMap<usize, Round>,
    pub(super) work: Work,
}

impl Bed {
    /// Some sound's level depends on what was heard before: the film is then rendered from its beginning only.
    pub(super) fn remembers(&self) -> bool {
        self.placed
            .iter()
            .any(|sound| matches!(sound.role, Role::Ducked(_)))
    }

    /// Hands on the mix of `range`, block by block.
    pub(super) fn render(
        &self,
        range: Range<u64>,
        on_block: &mut dyn FnMut(&[Frame]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut desk = Desk::default();
        let mut waiting = self.placed.iter().peekable();
        let mut at = range.start;
        while at < range.end {
            self.work.go_on()?;
            let block = at..range.end.min(at + BLOCK_FRAMES as u64);
            while let Some(sound) = waiting.next_if(|sound| sound.heard.start < block.end) {
                if sound.heard.end > block.start {
                    desk.sounding.push(self.open(sound, block.start)?);
                }
            }
            on_block(desk.mix(&block)?)?;
            desk.sounding
                .retain(|sound| sound.placed.heard.end > block.end);
            at = block.end;
        }
        Ok(())
    }

    /// Hands on one sound alone.
    pub(super) fn solo(
        &self,
        placed: &Placed,
        on_block: &mut dyn FnMut(&[Frame]),
    ) -> Result<(), Trouble> {
        let mut sound = self.open(placed, placed.heard.start)?;
        let mut frames = Vec::new();
        while sound.at < placed.heard.end {
            self.work.go_on()?;
            sound.read(sound.at + BLOCK_FRAMES as u64, &mut frames)?;
            on_block(&frames);
        }
        Ok(())
    }

    fn open<'a>(&'a self, placed: &'a Placed, film_frame: u64) -> Result<Sounding<'a>, Trouble> {
        let at = film_frame.max(placed.heard.start);
        let into = at - placed.heard.start;
        let round = placed.repeats.and_then(|number| self.rounds.get(&number));
        let supply = match round {
            Some(round) => Supply::Round(round.reader(into)?),
            None => Supply::Clip(self.library.reader(placed.clip, placed.clip_frame + into)?),
        };
        Ok(Sounding {
            placed,
            at,
            supply,
            ready: Vec::new(),
            ducker: match placed.role {
                Role::Ducked(duck) => Some(Ducker::new(duck)),
                Role::Plain | Role::Speech => None,
            },
        })
    }
}

/// Where the sounds of a block come together; kept for its allocations.
#[derive(Default)]
struct Desk<'a> {
    sounding: Vec<Sounding<'a>>,
    sum: Vec<Frame>,
    speech: Vec<Frame>,
    one: Vec<Frame>,
}

impl Desk<'_> {
    fn mix(&mut self, block: &Range<u64>) -> Result<&[Frame], Trouble> {
        let frames = usize::try_from(block.end - block.start).unwrap_or(0);
        for bus in [&mut self.sum, &mut self.speech] {
            bus.clear();
            bus.resize(frames, [0.0; 2]);
        }
        // What ducks must know all speech of the block first.
        for ducked in [false, true] {
            let sounds = self.sounding.iter_mut();
            for sound in sounds.filter(|sound| sound.ducker.is_some() == ducked) {
                let from = usize::try_from(sound.at - block.start).unwrap_or(0);
                sound.read(block.end, &mut self.one)?;
                let speech = self.speech.get_mut(from..).unwrap_or_default();
                if let Some(ducker) = &mut sound.ducker {
                    ducker.apply(speech, &mut self.one);
                } else if sound.placed.role == Role::Speech {
                    add(&self.one, speech);
                }
                add(&self.one, self.sum.get_mut(from..).unwrap_or_default());
            }
        }
        Ok(&self.sum)
    }
}

fn add(frames: &[Frame], bus: &mut [Frame]) {
    for (sum, frame) in bus.as_flattened_mut().iter_mut().zip(frames.as_flattened()) {
        *sum += frame;
    }
}

/// A sound that is being heard.
struct Sounding<'a> {
    placed: &'a Placed,
    /// Frame of the film that is read next.
    at: u64,
    supply: Supply<'a>,
    /// Read, not heard yet.
    ready: Vec<Frame>,
    ducker: Option<Ducker>,
}

enum Supply<'a> {
    Clip(library::Reader<'a>),
    Round(repeat::Reader<'a>),
    /// The clip ended before its shot: silence.
    Ended,
}

impl Sounding<'_> {
    /// Replaces `frames` by the sound up to frame `until` of the film, shaped.
    fn read(&mut self, until: u64, frames: &mut Vec<Frame>) -> Result<(), Trouble> {
        let until = until.min(self.placed.heard.end);
        let wanted = usize::try_from(until.saturating_sub(self.at)).unwrap_or(0);
        while self.ready.len() < wanted {
            match &mut self.supply {
                Supply::Clip(reader) => {
                    if !reader.read(&mut self.ready)? {
                        self.supply = Supply::Ended;
                    }
                }
                Supply::Round(reader) => reader.read(&mut self.ready)?,
                Supply::Ended => self.ready.resize(wanted, [0.0; 2]),
            }
        }
        frames.clear();
        frames.extend(self.ready.drain(..wanted));
        let from = self.at - self.placed.starts;
        self.placed.shape.apply(from, frames);
        self.at = until;
        Ok(())
    }
}
