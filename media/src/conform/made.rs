//! Pictures that are made here and not decoded by the call that encodes them: stills, still or moving, and colours; blended where both sides of
//! a transition are such. They are drawn on a thread of their own, a few ahead of what ffmpeg has taken.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use botflix_common::film::FilmFormat;
use botflix_common::task::{Blend, MotionSpan};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::blend;
use super::motion::{self, Sizes};
use super::still::Still;

/// Frames drawn ahead: enough that neither side waits, 6 MB of 1080p.
const AHEAD: usize = 2;

pub(super) enum Made {
    Fixed(Vec<u8>),
    Moving { still: Still, span: MotionSpan },
}

/// A side of a transition that lies under the other.
pub(super) struct Under {
    pub(super) made: Made,
    pub(super) blend: Blend,
}

impl Made {
    pub(super) fn of_still(still: Still, span: Option<MotionSpan>, format: FilmFormat) -> Self {
        match span {
            Some(span) if motion::moves(&span) => Self::Moving { still, span },
            span => {
                let view = span.map(|span| span.from).unwrap_or_default();
                let window = motion::placed(view, sizes(&still));
                Self::Fixed(still.canvas.draw(window, format.width, format.height))
            }
        }
    }

    fn picture(&self, frame: u64, format: FilmFormat) -> Cow<'_, [u8]> {
        match self {
            Self::Fixed(picture) => Cow::Borrowed(picture),
            Self::Moving { still, span } => {
                let window = motion::window(span, frame, sizes(still));
                Cow::Owned(still.canvas.draw(window, format.width, format.height))
            }
        }
    }
}

fn sizes(still: &Still) -> Sizes {
    Sizes {
        frame: still.frame,
        picture: still.canvas.size(),
    }
}

/// Starts drawing; what is read are `frames` pictures in 4:2:0.
pub(super) fn draw(
    over: Made,
    under: Option<Under>,
    frames: u64,
    format: FilmFormat,
) -> (Frames, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let drawing = tokio::task::spawn_blocking(move || {
        for frame in 0..frames {
            let picture = over.picture(frame, format);
            let picture = match &under {
                Some(Under { made, blend }) => {
                    blend::blended(&picture, &made.picture(frame, format), blend, frame)
                }
                None => picture.into_owned(),
            };
            // ffmpeg has ended, or the task was canceled.
            if sender.blocking_send(picture).is_err() {
                return;
            }
        }
    });
    let frames = Frames {
        receiver,
        picture: Vec::new(),
        taken: 0,
    };
    (frames, drawing)
}

/// The drawn pictures as a stream of bytes.
pub(super) struct Frames {
    receiver: mpsc::Receiver<Vec<u8>>,
    picture: Vec<u8>,
    taken: usize,
}

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken >= self.picture.len() {
            match self.receiver.poll_recv(cx) {
                Poll::Ready(Some(picture)) => {
                    self.picture = picture;
                    self.taken = 0;
                }
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        let rest = self.picture.get(self.taken..).unwrap_or_default();
        let now = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..now).unwrap_or_default());
        self.taken += now;
        Poll::Ready(Ok(()))
    }
}
