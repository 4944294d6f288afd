//! Frames and samples that are made when ffmpeg asks for them: nothing is held but the piece that is on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::music;
use super::paint::canvas::Canvas;
use super::story::{self, Shot};

/// Samples reckoned at a time.
const MUSIC_PIECE: usize = 4096;

/// Bytes that are made when they are asked for.
pub trait Source {
    /// The next piece; empty at the end.
    fn refill(&mut self, piece: &mut Vec<u8>);
}

pub struct Made<S> {
    source: S,
    piece: Vec<u8>,
    given: usize,
}

impl<S: Source + Unpin> AsyncRead for Made<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let made = self.get_mut();
        if made.given >= made.piece.len() {
            made.piece.clear();
            made.given = 0;
            made.source.refill(&mut made.piece);
        }
        let left = made.piece.get(made.given..).unwrap_or_default();
        let now = left
            .get(..left.len().min(buffer.remaining()))
            .unwrap_or_default();
        buffer.put_slice(now);
        made.given += now.len();
        Poll::Ready(Ok(()))
    }
}

/// The painted frames of a shot.
pub struct Frames {
    shot: &'static Shot,
    canvas: Canvas,
    next: u64,
}

impl Frames {
    pub fn new(shot: &'static Shot) -> Made<Self> {
        let (width, height) = shot.dots;
        made(Self {
            shot,
            canvas: Canvas::new(width, height),
            next: 0,
        })
    }
}

impl Source for Frames {
    fn refill(&mut self, piece: &mut Vec<u8>) {
        if self.next == self.shot.frames() {
            return;
        }
        let (num, den) = self.shot.rate;
        let seconds = self.next as f32 * den as f32 / num as f32;
        (self.shot.paint)(&mut self.canvas, seconds);
        self.canvas.write_rgb(piece);
        self.next += 1;
    }
}

/// The music bed as 32-bit floats, left and right in turn.
pub struct Music {
    next: u64,
    total: u64,
}

impl Music {
    pub fn new() -> Made<Self> {
        let total = (story::total_seconds() * f64::from(music::RATE_HZ)) as u64;
        made(Self { next: 0, total })
    }
}

impl Source for Music {
    fn refill(&mut self, piece: &mut Vec<u8>) {
        let rate = music::RATE_HZ as f32;
        let end = self.total.min(self.next + MUSIC_PIECE as u64);
        for at in self.next..end {
            let (left, right) = music::sample(at as f32 / rate, self.total as f32 / rate);
            piece.extend(left.to_le_bytes());
            piece.extend(right.to_le_bytes());
        }
        self.next = end;
    }
}

fn made<S>(source: S) -> Made<S> {
    Made {
        source,
        piece: Vec::new(),
        given: 0,
    }
}
