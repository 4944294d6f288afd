//! The little of WebVTT that a page needs: when each cue of our own chapters file starts, and what it says.

/// A cue's start in seconds, and its text on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub start_seconds: f64,
    pub text: String,
}

/// The cues in order. What is not a cue is passed over.
pub fn cues(vtt: &str) -> Vec<Cue> {
    let text = vtt.replace("\r\n", "\n");
    text.split("\n\n").filter_map(cue).collect()
}

fn cue(block: &str) -> Option<Cue> {
    let mut lines = block.lines().skip_while(|line| !line.contains("-->"));
    let (start, _) = lines.next()?.split_once("-->")?;
    let start_seconds = seconds(start.trim())?;
    let text = lines.collect::<Vec<_>>().join(" ");
    let text = unescape(text.trim());
    (!text.is_empty()).then_some(Cue {
        start_seconds,
        text,
    })
}

/// `[hh:]mm:ss.ttt`
fn seconds(stamp: &str) -> Option<f64> {
    stamp
        .split(':')
        .try_fold(0.0, |total, part| {
            Some(total * 60.0 + part.parse::<f64>().ok()?)
        })
        .filter(|seconds| seconds.is_finite())
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_read_with_and_without_hours_and_ids() {
        let vtt = "WEBVTT\n\n1\n00:00:00.000 --> 00:00:12.500\nThe storm &amp; the sea\n\n01:02.250 --> 02:00.000\nLanding\n\nNOTE x\n";
        let found = cues(vtt);
        assert_eq!(
            found,
            [
                Cue {
                    start_seconds: 0.0,
                    text: "The storm & the sea".into()
                },
                Cue {
                    start_seconds: 62.25,
                    text: "Landing".into()
                },
            ]
        );
    }
}
