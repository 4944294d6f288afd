//! What ffmpeg logs of every frame it decoded (`showinfo`, `ashowinfo`): when it is shown, how large it is, whether it is interlaced. And its
//! complaints, counted.
//!
//! Lines of a filter begin with its name in brackets. Texts out of the file (titles) are printed behind an indent and cannot imitate them.

use super::damage::Damages;

/// Four hours at 120 frames per second; the list of times stays under 14 MB.
const MAX_PICTURES: usize = 4 * 3600 * 120;

/// Everything heard of one call.
#[derive(Debug, Default)]
pub struct Words {
    pub pictures: u64,
    /// Presented times in ticks of the stream, in the order of the decoder; as many as [`MAX_PICTURES`].
    pub times: Vec<i64>,
    pub too_many: bool,
    pub interlaced: bool,
    pub size: Option<(u32, u32)>,
    pub size_changes: bool,
    /// Of the first picture, e.g. `yuv420p`.
    pub pixel_format: Option<String>,
    /// When the first decoded sound is heard, in seconds on the container's timeline.
    pub sound_start_seconds: Option<f64>,
    /// Complaints of demuxer and decoders.
    pub error_lines: u32,
    pub said: Said,
    pub damages: Damages,
}

/// What ffmpeg says of the input before it decodes.
#[derive(Debug, Default)]
pub struct Said {
    /// From the number of the stream on: `#0:0[0x1](und): Video: h264 …`.
    pub streams: Vec<String>,
    /// There is more than streams and their tags: a display matrix, chapters, programs.
    pub more: bool,
    over: bool,
}

impl Said {
    /// Streams of one file that are kept; a file with more is not described by them.
    const MOST: usize = 8;

    fn line(&mut self, line: &str) {
        let Some(text) = line.strip_prefix("[info] ") else {
            return;
        };
        if let Some(stream) = text.strip_prefix("  Stream #0:") {
            if self.streams.len() < Self::MOST {
                self.streams.push(format!("#0:{stream}"));
            }
        } else {
            self.over = text.starts_with("Stream mapping:") || text.starts_with("Output #");
            let text = text.trim_start();
            self.more |= ["Side data:", "Chapter", "Program "]
                .iter()
                .any(|word| text.starts_with(word));
        }
    }
}

impl Words {
    pub fn line(&mut self, line: &str) {
        if !self.said.over {
            self.said.line(line);
        }
        if let Some(rest) = of_filter(line, "[Parsed_showinfo_") {
            self.picture(rest);
        } else if let Some(rest) = of_filter(line, "[Parsed_ashowinfo_") {
            self.sound(rest);
        } else if is_complaint(line) {
            self.error_lines = self.error_lines.saturating_add(1);
        } else {
            self.damages.line(line);
        }
    }

    fn picture(&mut self, rest: &str) {
        let (mut time, mut is_key) = (None, false);
        for (name, value) in fields(rest) {
            match name {
                "pts" => time = value.parse().ok(),
                "fmt" if self.pixel_format.is_none() => self.pixel_format = Some(value.to_owned()),
                "s" => {
                    let size = value
                        .split_once('x')
                        .and_then(|(width, height)| width.parse().ok().zip(height.parse().ok()));
                    if let Some(size) = size {
                        self.size_changes |= *self.size.get_or_insert(size) != size;
                    }
                }
                // P: progressive; T and B: the top or bottom field first.
                "i" => self.interlaced |= matches!(value, "T" | "B"),
                "iskey" => is_key = value == "1",
                _ => {}
            }
        }
        self.damages.picture(self.pictures, is_key);
        self.pictures += 1;
        if self.times.len() >= MAX_PICTURES {
            self.too_many = true;
        } else {
            // Without a time it is shown with its predecessor; that is found as a variable rate.
            let last = self.times.last().copied().unwrap_or(0);
            self.times.push(time.unwrap_or(last));
        }
    }

    fn sound(&mut self, rest: &str) {
        self.damages.sound();
        if self.sound_start_seconds.is_none() {
            self.sound_start_seconds = fields(rest)
                .find(|(name, _)| *name == "pts_time")
                .and_then(|(_, value)| value.parse().ok())
                .filter(|seconds: &f64| seconds.is_finite());
        }
    }
}

/// What follows `n:` in a line that describes a frame.
fn of_filter<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    let (_, rest) = rest.split_once("] [info] ")?;
    rest.strip_prefix("n:")
}

/// `name:value` or `name:   value`, between blanks.
fn fields(rest: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut words = rest.split_whitespace();
    std::iter::from_fn(move || {
        loop {
            let word = words.next()?;
            if let Some((name, value)) = word.split_once(':') {
                return Some(if value.is_empty() {
                    (name, words.next()?)
                } else {
                    (name, value)
                });
            }
        }
    })
}

/// Of reading and decoding: what becomes of the frames afterwards is our own affair.
fn is_complaint(line: &str) -> bool {
    let (context, rest) = match line.split_once("] ") {
        Some((context, rest)) if line.starts_with('[') && context.contains(" @ ") => {
            (context, rest)
        }
        _ => ("", line),
    };
    let loud = ["[error]", "[fatal]", "[panic]"]
        .iter()
        .any(|level| rest.starts_with(level));
    loud && !context.starts_with("[avi ") && !context.starts_with("[Parsed_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_the_rest_of_the_log() {
        let mut words = Words::default();
        for line in [
            "[info]     title           : [Parsed_showinfo_0 @ 0x1] [info] n:   9 pts:  9 s:9x9 i:T",
            "[Parsed_showinfo_0 @ 0x55b] [info] config in time_base: 1/12288, frame_rate: 24/1",
            "[Parsed_showinfo_0 @ 0x55b] [info] n:   0 pts:   -512 pts_time:-0.04  pos:       48 fmt:yuv420p sar:1/1 s:1280x720 i:P iskey:1 type:I ",
            "[Parsed_showinfo_0 @ 0x55b] [info]   side data - User Data Unregistered:",
            "[h264 @ 0x56] [error] error while decoding MB 12 3, bytestream -7",
            "[error] Error while decoding stream #0:0: Invalid data found when processing input",
            "[avi @ 0x56] [error] yuv444p rawvideo cannot be written to avi",
            "[Parsed_showinfo_0 @ 0x55b] [info] n:   1 pts:NOPTS pts_time:NOPTS pos: 5 fmt:yuv420p sar:1/1 s:640x360 i:B iskey:0 type:P ",
            "[Parsed_ashowinfo_0 @ 0x55d] [info] n:0 pts:48 pts_time:1.5 pos:628692 fmt:fltp channels:2",
            "[Parsed_ashowinfo_0 @ 0x55d] [info] n:1 pts:48 pts_time:2.5 pos:628692 fmt:fltp channels:2",
        ] {
            words.line(line);
        }
        assert_eq!((words.pictures, words.times), (2, vec![-512, -512]));
        assert_eq!(words.pixel_format.as_deref(), Some("yuv420p"));
        assert_eq!(words.size, Some((1280, 720)));
        assert!(words.size_changes && words.interlaced);
        assert_eq!(
            (words.sound_start_seconds, words.error_lines),
            (Some(1.5), 2)
        );
    }
}
