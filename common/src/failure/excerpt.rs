//! What of ffmpeg's stderr a director may read: its words, without the machine on which they were said. Pure.
//!
//! A line with a slash of either kind may name a place on the host and is dropped, all but the reason at its end when that is one of
//! ffmpeg's own. Addresses in memory are taken out, and characters that steer a terminal. What a hostile clip had ffmpeg repeat (a title,
//! say) is left in: it is data, and bounded like everything else.

/// Lines kept: the last ones.
pub const MAX_LINES: usize = 20;
/// Characters of a line; what is longer ends with an ellipsis.
pub const MAX_LINE_CHARS: usize = 200;

/// A hexadecimal number with more digits is an address (a codec's tag has eight).
const MAX_HEX_DIGITS: usize = 8;

/// How ffmpeg and the C library end a line that begins with a file's name (ffmpeg 5.1: `libavutil/error.c`, `strerror`).
const REASONS: [&str; 18] = [
    "Invalid data found when processing input",
    "Input/output error",
    "End of file",
    "Conversion failed!",
    "No such file or directory",
    "Permission denied",
    "Operation not permitted",
    "Cannot allocate memory",
    "No space left on device",
    "Invalid argument",
    "Function not implemented",
    "Decoder not found",
    "Encoder not found",
    "Stream not found",
    "Broken pipe",
    "Too many open files",
    "Numerical result out of range",
    "Generic error in an external library",
];

/// The lines that may be repeated, oldest first. Cleaning them again changes nothing.
pub fn excerpt(stderr: &str) -> Vec<String> {
    let mut lines: Vec<String> = stderr.split(['\n', '\r']).filter_map(cleaned).collect();
    lines.dedup();
    lines.split_off(lines.len().saturating_sub(MAX_LINES))
}

fn cleaned(line: &str) -> Option<String> {
    // First, so that no slash and no address hides behind them.
    let visible: String = line.chars().filter(|found| !is_unseen(*found)).collect();
    let line = visible.trim();
    if line.contains(['/', '\\']) {
        return reason(line).map(str::to_owned);
    }
    let line = without_addresses(line);
    let line = line.trim();
    (!line.is_empty()).then(|| cut(line))
}

fn reason(line: &str) -> Option<&'static str> {
    let line = line.trim_end_matches('.');
    REASONS.into_iter().find(|reason| line.ends_with(reason))
}

/// Controls, and what changes the order of the letters around it or takes no room.
fn is_unseen(found: char) -> bool {
    found.is_control()
        || matches!(found, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `[h264 @ 0x55d0c8a5b2c0]` becomes `[h264]`.
fn without_addresses(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("0x") {
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        let digits = after.strip_suffix(rest).unwrap_or_default();
        match before.strip_suffix("@ ") {
            Some(named) => clean.push_str(named.trim_end()),
            None if digits.len() > MAX_HEX_DIGITS => {
                clean.push_str(before);
                clean.push('…');
            }
            None => {
                clean.push_str(before);
                clean.push_str("0x");
                clean.push_str(digits);
            }
        }
    }
    clean.push_str(rest);
    clean
}

fn cut(line: &str) -> String {
    if line.chars().count() <= MAX_LINE_CHARS {
        return line.to_owned();
    }
    line.chars().take(MAX_LINE_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stay_and_the_machine_goes() {
        let stderr = "[h264 @ 0x55d0c8a5b2c0] error while decoding MB 12 3, bytestream -5\n\
            [mov,mp4,m4a,3gp,3g2,mj2 @ 0x7f00] moov atom not found\r\n\
            file:/var/lib/botflix/scratch/x y/in/0: Invalid data found when processing input\n\
            Error opening input file file:/srv/secret.mp4.\n\
            Could not find tag 0x31637661 for codec, context 0x7fffc8a5b2c0 gone\n\n   \n";
        assert_eq!(
            excerpt(stderr),
            [
                "[h264] error while decoding MB 12 3, bytestream -5",
                "[mov,mp4,m4a,3gp,3g2,mj2] moov atom not found",
                "Invalid data found when processing input",
                "Could not find tag 0x31637661 for codec, context … gone",
            ]
        );
    }

    #[test]
    fn no_place_and_no_url_comes_through_however_it_is_written() {
        let hostile = [
            "/home/ada/.ssh/id_ed25519",
            "Opening 'https://user:hunter2@internal.example' for reading",
            "file:in: see /etc: hunter2",
            "s3:\\\\bucket\\hunter2",
            "C:\\Users\\hunter2\\clip.mp4: No such file or directory",
            "a\u{0}/\u{1b}]8;;file:hunter2",
            "\u{202e}/hunter2",
            "/hunter2/Input/output error of hunter2",
        ];
        let kept = excerpt(&hostile.join("\n"));
        assert_eq!(kept, ["No such file or directory"]);
    }

    #[test]
    fn what_a_hostile_clip_says_is_data_without_escapes_and_without_an_address() {
        let title = "title: \u{1b}[2J\u{1b}]0;pwned\u{7}<script>\"alert\"\u{202e}gpj.exe\u{2028}0x\u{1b}7fffc8a5b2c0 @ 0";
        let kept = excerpt(title);
        assert_eq!(kept, ["title: [2J]0;pwned<script>\"alert\"gpj.exe… @ 0"]);
        assert_eq!(excerpt("[a @ 0x1][b @ 0x] 0x"), ["[a][b] 0x"]);
    }

    #[test]
    fn lines_and_their_lengths_are_bounded_and_the_last_ones_stay() {
        let long = "é".repeat(5000);
        let many: String = (0..1000).map(|at| format!("line {at} {long}\n")).collect();
        let kept = excerpt(&many);
        assert_eq!(kept.len(), MAX_LINES);
        assert!(kept[0].starts_with("line 980 ") && kept[19].starts_with("line 999 "));
        for line in &kept {
            assert_eq!(line.chars().count(), MAX_LINE_CHARS);
            assert!(line.ends_with('…'));
        }
        assert_eq!(excerpt(&kept.join("\n")), kept);
        assert_eq!(excerpt(&"the same\n".repeat(50)), ["the same"]);
    }
}
