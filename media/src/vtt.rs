//! Captions and chapters as text: cues on the film's clock in milliseconds, and WebVTT files of them. What a director wrote is data: nothing in
//! it may become markup, end its cue or start another.

use std::fmt::Write;

use botflix_common::film::{Caption, Chapter};

/// A caption or chapter with a place in the film: `start_ms < end_ms`, both within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cue {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) speaker: Option<String>,
    /// Plain text: lines of it, none empty, no control characters.
    pub(crate) text: String,
}

/// The captions that have something to show while the film runs, in order of their start.
pub(crate) fn caption_cues(captions: &[Caption], total_seconds: f64) -> Vec<Cue> {
    let mut cues: Vec<Cue> = captions
        .iter()
        .filter_map(|caption| {
            cue(
                caption.start_seconds,
                caption.end_seconds.min(total_seconds),
                caption.speaker.as_deref(),
                &caption.text,
            )
        })
        .collect();
    cues.sort_by_key(|cue| (cue.start_ms, cue.end_ms));
    cues
}

/// Each chapter up to the next one or the film's end.
pub(crate) fn chapter_cues(chapters: &[Chapter], total_seconds: f64) -> Vec<Cue> {
    let ends = chapters
        .iter()
        .skip(1)
        .map(|chapter| chapter.start_seconds)
        .chain([total_seconds]);
    chapters
        .iter()
        .zip(ends)
        .filter_map(|(chapter, end)| {
            cue(
                chapter.start_seconds,
                end.min(total_seconds),
                None,
                &chapter.title,
            )
        })
        .collect()
}

fn cue(start_seconds: f64, end_seconds: f64, speaker: Option<&str>, text: &str) -> Option<Cue> {
    let (start_ms, end_ms) = (milliseconds(start_seconds), milliseconds(end_seconds));
    let lines: Vec<String> = text
        .lines()
        .map(plain)
        .filter(|line| !line.is_empty())
        .collect();
    (start_ms < end_ms && !lines.is_empty()).then(|| Cue {
        start_ms,
        end_ms,
        speaker: speaker.map(plain).filter(|name| !name.is_empty()),
        text: lines.join("\n"),
    })
}

/// Saturating: never negative.
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

/// One line without control characters (a NUL, a carriage return in mid line, a line separator of Unicode).
fn plain(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .collect();
    line.trim().to_owned()
}

/// A WebVTT file. Speakers become voice spans.
pub(crate) fn file(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for cue in cues {
        text.push('\n');
        push_span(&mut text, cue.start_ms, cue.end_ms);
        if let Some(speaker) = &cue.speaker {
            text.push_str("<v ");
            push_escaped(&mut text, speaker);
            text.push('>');
        }
        push_escaped(&mut text, &cue.text);
        text.push('\n');
    }
    text
}

/// The line in front of what is shown.
pub(crate) fn push_span(text: &mut String, start_ms: u64, end_ms: u64) {
    push_time(text, start_ms);
    text.push_str(" --> ");
    push_time(text, end_ms);
    text.push('\n');
}

fn push_time(text: &mut String, ms: u64) {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, ms) = (ms / 1000 % 60, ms % 1000);
    // Writing to a String cannot fail.
    let written = write!(text, "{hours:02}:{minutes:02}:{seconds:02}.{ms:03}");
    debug_assert!(written.is_ok());
}

/// `>` too: a cue text must not contain `-->`.
fn push_escaped(text: &mut String, plain: &str) {
    for c in plain.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(start_seconds: f64, end_seconds: f64, speaker: Option<&str>, text: &str) -> Caption {
        Caption {
            start_seconds,
            end_seconds,
            speaker: speaker.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    #[test]
    fn markup_arrows_and_blank_lines_in_a_caption_stay_text() {
        let captions = [caption(
            3661.5,
            3663.0,
            Some("Ann > Bob\n"),
            "a <b>bold</b> & --> \r\n\r\n00:00:09.000 --> 00:00:10.000\nnext\u{0}",
        )];
        assert_eq!(
            file(&caption_cues(&captions, 7200.0)),
            "WEBVTT\n\n01:01:01.500 --> 01:01:03.000\n<v Ann &gt; Bob>a &lt;b&gt;bold&lt;/b&gt; &amp; --&gt;\n\
             00:00:09.000 --&gt; 00:00:10.000\nnext\n"
        );
    }

    #[test]
    fn captions_end_with_the_film_and_those_with_nothing_to_show_are_left_out() {
        let captions = [
            caption(8.0, 20.0, None, "cut"),
            caption(1.0, 2.0, None, "first"),
            caption(3.0, 4.0, None, " \n "),
            caption(12.0, 13.0, None, "too late"),
        ];
        let cues = caption_cues(&captions, 10.0);
        let times: Vec<_> = cues.iter().map(|cue| (cue.start_ms, cue.end_ms)).collect();
        assert_eq!(times, [(1000, 2000), (8000, 10_000)]);
    }

    #[test]
    fn a_chapter_lasts_until_the_next_one() {
        let chapters = [
            Chapter {
                start_seconds: 0.0,
                title: "One".to_owned(),
            },
            Chapter {
                start_seconds: 4.5,
                title: "Two".to_owned(),
            },
        ];
        let times: Vec<_> = chapter_cues(&chapters, 9.0)
            .iter()
            .map(|cue| (cue.start_ms, cue.end_ms))
            .collect();
        assert_eq!(times, [(0, 4500), (4500, 9000)]);
    }
}
