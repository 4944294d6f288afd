//! Times, lengths and places as people read them.

use time::OffsetDateTime;
use time::macros::format_description;

/// `1:58`, or `1:02:03` from an hour on.
pub fn length(seconds: f64) -> String {
    // Lengths come from a measured film, so they are finite, positive and below a day.
    let seconds = seconds.round().max(0.0) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// `The Lighthouse S01E03`, as far as it is known.
pub fn place(show: Option<&str>, season: Option<u32>, episode: Option<u32>) -> Option<String> {
    let number = match (season, episode) {
        (Some(season), Some(episode)) => format!("S{season:02}E{episode:02}"),
        (Some(season), None) => format!("Season {season}"),
        (None, Some(episode)) => format!("Episode {episode}"),
        (None, None) => String::new(),
    };
    let place = format!("{} {number}", show.unwrap_or_default());
    let place = place.trim();
    (!place.is_empty()).then(|| place.to_owned())
}

/// `21 November 2025`, UTC.
pub fn date(at_ms: i64) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year]");
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}

/// At most so many characters, on one line, cut at a word where there is one.
pub fn summary(text: &str, max_chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let cut: String = line.chars().take(max_chars.saturating_sub(1)).collect();
    let whole_words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    format!("{whole_words}…")
}

/// `The Lighthouse.mp4`: a name that every file system takes.
pub fn file_name(title: &str) -> String {
    const MAX_CHARS: usize = 80;
    let allowed = |letter: char| letter.is_alphanumeric() || " -_".contains(letter);
    let words: String = title
        .chars()
        .map(|letter| if allowed(letter) { letter } else { ' ' })
        .collect();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = line.chars().take(MAX_CHARS).collect();
    match name.trim() {
        "" => "film.mp4".to_owned(),
        name => format!("{name}.mp4"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_places_and_dates_read_as_people_write_them() {
        assert_eq!(length(118.4), "1:58");
        assert_eq!(length(3723.0), "1:02:03");
        assert_eq!(
            place(Some("Tide"), Some(1), Some(3)).as_deref(),
            Some("Tide S01E03")
        );
        assert_eq!(place(Some("Tide"), None, None).as_deref(), Some("Tide"));
        assert_eq!(place(None, None, Some(2)).as_deref(), Some("Episode 2"));
        assert_eq!(place(None, None, None), None);
        assert_eq!(date(1_763_700_000_000), "21 November 2025");
    }

    #[test]
    fn a_file_is_called_after_its_film() {
        assert_eq!(file_name("Tide: 1/2 – “ebb”"), "Tide 1 2 ebb.mp4");
        assert_eq!(file_name("../.."), "film.mp4");
    }

    #[test]
    fn a_summary_is_one_line_and_ends_at_a_word() {
        assert_eq!(summary("one\n two", 20), "one two");
        assert_eq!(summary("one two three", 9), "one two…");
    }
}
