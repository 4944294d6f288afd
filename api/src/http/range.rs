//! Which bytes of a representation a request asks for (RFC 9110 §13.2.2 and §14). Pure: headers and a size in, an answer out.

use axum::http::{HeaderMap, header};

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// 200 with everything.
    Whole,
    /// 206 with `start ..= end`.
    Part { start: u64, end: u64 },
    /// 304: the client has it.
    NotModified,
    /// 416: no byte of it exists.
    Unsatisfiable,
}

/// Decides by `If-None-Match`, `If-Range` and `Range`, in the order that RFC 9110 §13.2.2 lays down. `etag` is strong and quoted.
///
/// Anything that is not one well-formed byte range is ignored, as §14.2 allows: the answer is then the whole representation.
pub fn select(headers: &HeaderMap, etag: &str, size: u64) -> Selection {
    if if_none_match_hits(headers, etag) {
        return Selection::NotModified;
    }
    if !if_range_holds(headers, etag) {
        return Selection::Whole;
    }
    let mut ranges = headers.get_all(header::RANGE).iter();
    match (
        ranges.next().and_then(|value| value.to_str().ok()),
        ranges.next(),
    ) {
        (Some(range), None) => select_range(range, size),
        _ => Selection::Whole,
    }
}

fn select_range(range: &str, size: u64) -> Selection {
    let Some((unit, spec)) = range.split_once('=') else {
        return Selection::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return Selection::Whole;
    }
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Selection::Whole;
    };
    match (position(first), position(last)) {
        (Position::Absent, Position::At(suffix)) => {
            if suffix == 0 || size == 0 {
                Selection::Unsatisfiable
            } else {
                Selection::Part {
                    start: size.saturating_sub(suffix),
                    end: size - 1,
                }
            }
        }
        (Position::At(start), Position::At(end)) if end < start => Selection::Whole,
        (Position::At(start), last @ (Position::Absent | Position::At(_))) => {
            if start >= size {
                return Selection::Unsatisfiable;
            }
            let end = match last {
                Position::At(end) => end.min(size - 1),
                Position::Absent | Position::Malformed => size - 1,
            };
            Selection::Part { start, end }
        }
        (Position::Malformed, _)
        | (_, Position::Malformed)
        | (Position::Absent, Position::Absent) => Selection::Whole,
    }
}

enum Position {
    Absent,
    At(u64),
    Malformed,
}

fn position(text: &str) -> Position {
    if text.is_empty() {
        Position::Absent
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits only, so what does not fit is merely far beyond any end.
        Position::At(text.parse().unwrap_or(u64::MAX))
    } else {
        Position::Malformed
    }
}

/// `If-None-Match` compares weakly (§13.1.2): `W/` is looked through.
fn if_none_match_hits(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|candidate| {
            candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == etag
        })
}

/// `If-Range` compares strongly (§13.1.5). We send no `Last-Modified`, so a date can never match.
fn if_range_holds(headers: &HeaderMap, etag: &str) -> bool {
    match headers.get(header::IF_RANGE) {
        None => true,
        Some(validator) => validator.as_bytes().trim_ascii() == etag.as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"abc\"";

    fn selected(pairs: &[(header::HeaderName, &str)], size: u64) -> Selection {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        select(&headers, ETAG, size)
    }

    #[test]
    fn each_form_of_range_selects_what_rfc_9110_says() {
        let part = |start, end| Selection::Part { start, end };
        let table = [
            ("bytes=0-99", part(0, 99)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=500-", part(500, 999)),
            ("bytes=-1", part(999, 999)),
            ("bytes=-5000", part(0, 999)),
            ("bytes=990-5000", part(990, 999)),
            ("bytes=0-99999999999999999999999", part(0, 999)),
            ("BYTES=1-2", part(1, 2)),
            ("bytes=1000-", Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=5-1", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=a-b", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=0-1,5-6", Selection::Whole),
            ("frames=0-1", Selection::Whole),
            ("0-1", Selection::Whole),
        ];
        for (range, expected) in table {
            assert_eq!(
                selected(&[(header::RANGE, range)], 1000),
                expected,
                "{range}"
            );
        }
        assert_eq!(
            selected(&[(header::RANGE, "bytes=0-")], 0),
            Selection::Unsatisfiable
        );
    }

    #[test]
    fn if_range_must_match_strongly_or_everything_is_sent() {
        let range = (header::RANGE, "bytes=0-1");
        let with = |validator| selected(&[range.clone(), (header::IF_RANGE, validator)], 10);
        assert_eq!(with("\"abc\""), Selection::Part { start: 0, end: 1 });
        assert_eq!(with("\"other\""), Selection::Whole);
        assert_eq!(with("W/\"abc\""), Selection::Whole);
        assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), Selection::Whole);
    }

    #[test]
    fn if_none_match_wins_over_range() {
        let range = (header::RANGE, "bytes=0-1");
        for validator in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            let got = selected(&[range.clone(), (header::IF_NONE_MATCH, validator)], 10);
            assert_eq!(got, Selection::NotModified, "{validator}");
        }
        let got = selected(&[range, (header::IF_NONE_MATCH, "\"x\"")], 10);
        assert_eq!(got, Selection::Part { start: 0, end: 1 });
    }
}
