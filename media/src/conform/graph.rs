//! One ffmpeg call put together: inputs, chains between them, a picture at the end. Labels are made here, so that none is used twice.

use std::path::Path;

use botflix_common::film::FilmFormat;

use crate::{Call, Program};

pub(super) struct Graph {
    call: Call,
    inputs: usize,
    labels: usize,
    chains: Vec<String>,
}

/// A stream of pictures inside the graph.
#[derive(Clone, Debug)]
pub(super) struct Stream(String);

impl Graph {
    pub(super) fn new() -> Self {
        Self {
            // Many segments are made side by side: one core each is the fastest whole.
            call: Call::new(Program::Ffmpeg).args([
                "-filter_threads",
                "1",
                "-filter_complex_threads",
                "1",
            ]),
            inputs: 0,
            labels: 0,
            chains: Vec::new(),
        }
    }

    /// Extends the call by an input, or by options before it.
    pub(super) fn with(&mut self, extend: impl FnOnce(Call) -> Call) {
        let call = std::mem::replace(&mut self.call, Call::new(Program::Ffmpeg));
        self.call = extend(call);
    }

    /// The picture of the input that was added last.
    pub(super) fn input(&mut self) -> Stream {
        let number = self.inputs;
        self.inputs += 1;
        Stream(format!("{number}:V:0"))
    }

    /// A file of ours with nothing but samples.
    pub(super) fn samples(
        &mut self,
        path: &Path,
        pixels: &str,
        (width, height): (u32, u32),
        format: FilmFormat,
    ) -> Stream {
        let size = format!("{width}x{height}");
        self.with(|call| raw(call, pixels, &size, format).own_input(path));
        self.input()
    }

    /// What this process feeds.
    pub(super) fn fed(&mut self, format: FilmFormat) -> Stream {
        let size = format!("{}x{}", format.width, format.height);
        self.with(|call| raw(call, "yuv420p", &size, format).args(["-i", "pipe:0"]));
        self.input()
    }

    pub(super) fn label(&mut self) -> String {
        self.labels += 1;
        format!("s{}", self.labels)
    }

    pub(super) fn chain(&mut self, from: &[&Stream], filters: &str) -> Stream {
        let label = self.label();
        let from: String = from
            .iter()
            .map(|Stream(name)| format!("[{name}]"))
            .collect();
        self.chains.push(format!("{from}{filters}[{label}]"));
        Stream(label)
    }

    /// The call up to the encoder's options.
    pub(super) fn finish(self, picture: &Stream) -> Call {
        let Stream(name) = picture;
        self.call
            .args(["-filter_complex", &self.chains.join(";")])
            .args(["-map", &format!("[{name}]")])
    }
}

fn raw(call: Call, pixels: &str, size: &str, format: FilmFormat) -> Call {
    call.args(["-f", "rawvideo", "-pixel_format", pixels])
        .args(["-video_size", size])
        .args(["-framerate", &format.fps.to_string()])
}
