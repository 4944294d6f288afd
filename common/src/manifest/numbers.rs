//! Numbers that JSON does not have: `NaN`, `Infinity`, `1e999`. Language models write them. A strict parser would stop at the first and
//! hide every other problem, so they are set aside first and reported with the rest.

/// Stands in for a number that is none; no manifest contains it by accident.
pub const STAND_IN: &str = "\u{0}botflix:not-a-number\u{0}";

/// The text with each bare `NaN`, `Infinity`, `-Infinity` and overflowing number outside strings replaced by a string stand-in.
/// `None` when there was nothing to replace.
pub fn set_aside(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut found = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let token_len = match first {
            '"' => string_len(rest),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '+' => word_len(rest),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(token_len);
        if is_no_number(token) {
            found = true;
            out.push_str("\"\\u0000botflix:not-a-number\\u0000\"");
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    found.then_some(out)
}

fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, ch) in text.char_indices().skip(1) {
        match ch {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn word_len(text: &str) -> usize {
    text.find(|ch: char| !(ch.is_ascii_alphanumeric() || matches!(ch, '-' | '+' | '.')))
        .unwrap_or(text.len())
}

fn is_no_number(token: &str) -> bool {
    let bare = token.trim_start_matches(['-', '+']);
    if bare.eq_ignore_ascii_case("nan")
        || bare.eq_ignore_ascii_case("infinity")
        || bare.eq_ignore_ascii_case("inf")
    {
        return true;
    }
    let numeric = bare.starts_with(|ch: char| ch.is_ascii_digit());
    numeric && token.parse::<f64>().is_ok_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_words_outside_strings_are_set_aside() {
        let text = r#"{"a": NaN, "b": "NaN \" Infinity", "c": -Infinity, "d": 1e999, "e": 1.5, "f": null}"#;
        let out = set_aside(text).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["a"], STAND_IN);
        assert_eq!(value["b"], "NaN \" Infinity");
        assert_eq!(value["c"], STAND_IN);
        assert_eq!(value["d"], STAND_IN);
        assert_eq!(value["e"], 1.5);
        assert_eq!(set_aside(r#"{"a": 1}"#), None);
    }
}
