//! When a worker sleeps: spans of the week in UTC, as an operator writes them. Knows no clock: whoever asks says what time it is.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES_PER_DAY: u32 = 24 * 60;
const MINUTES_PER_WEEK: u32 = 7 * MINUTES_PER_DAY;
/// 1970-01-01 was a Thursday, three days after a Monday.
const EPOCH_DAY: i64 = 3;
/// Spans of one schedule.
const MAX_SPANS: usize = 21;

/// Weekly spans in UTC, e.g. `mon-fri 22:00-06:00, sun 00:00-24:00`: days, and from when (included) to when (not included). A span that
/// does not end later than it begins ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SleepSchedule {
    spans: Vec<Span>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Minutes since Monday 00:00 UTC; the end may lie in the next week.
    from: u32,
    minutes: u32,
}

/// What cannot be read as a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no sleep schedule: write it like mon-fri 22:00-06:00, times in UTC")]
pub struct NotASchedule(String);

impl SleepSchedule {
    /// Whether a worker sleeps at this moment, in seconds since 1970 in UTC.
    pub fn is_asleep_at(&self, unix_seconds: i64) -> bool {
        let minute = unix_seconds.div_euclid(60);
        let of_week = (minute + EPOCH_DAY * i64::from(MINUTES_PER_DAY))
            .rem_euclid(i64::from(MINUTES_PER_WEEK));
        let of_week = u32::try_from(of_week).unwrap_or_default();
        self.spans.iter().any(|span| {
            let since = (of_week + MINUTES_PER_WEEK - span.from) % MINUTES_PER_WEEK;
            since < span.minutes
        })
    }
}

impl FromStr for SleepSchedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let wrong = || NotASchedule(text.chars().take(100).collect());
        let mut spans = Vec::new();
        for part in text.split(',') {
            let (days, hours) = part.trim().split_once(' ').ok_or_else(wrong)?;
            let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
            let from = minute(from)
                .filter(|at| *at < MINUTES_PER_DAY)
                .ok_or_else(wrong)?;
            let to = minute(to).ok_or_else(wrong)?;
            let minutes = if to > from {
                to - from
            } else {
                to + MINUTES_PER_DAY - from
            };
            for day in days_of(days).ok_or_else(wrong)? {
                spans.push(Span {
                    from: day * MINUTES_PER_DAY + from,
                    minutes,
                });
            }
        }
        if spans.len() > MAX_SPANS {
            return Err(wrong());
        }
        Ok(Self {
            spans,
            text: text.trim().to_owned(),
        })
    }
}

/// `mon`, or `fri-mon`, which goes over the week's end; counted from Monday.
fn days_of(text: &str) -> Option<Vec<u32>> {
    let day = |name: &str| {
        let at = DAYS
            .iter()
            .position(|day| day.eq_ignore_ascii_case(name.trim()))?;
        u32::try_from(at).ok()
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(text)?, day(text)?),
    };
    let count = (last + 7 - first) % 7;
    Some((0..=count).map(|step| (first + step) % 7).collect())
}

/// `06:30` as minutes of the day; `24:00` is the end of it.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= MINUTES_PER_DAY).then_some(of_day)
}

impl fmt::Display for SleepSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for SleepSchedule {
    type Error = NotASchedule;

    fn try_from(text: String) -> Result<Self, NotASchedule> {
        text.parse()
    }
}

impl From<SleepSchedule> for String {
    fn from(schedule: SleepSchedule) -> Self {
        schedule.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    /// 1970-01-05 00:00 UTC.
    const MONDAY: i64 = 4 * DAY;

    fn schedule(text: &str) -> SleepSchedule {
        text.parse().unwrap()
    }

    #[test]
    fn a_night_goes_on_until_the_next_morning() {
        let nights = schedule("mon-fri 22:00-06:00");
        assert!(!nights.is_asleep_at(MONDAY + 5 * HOUR), "that was Sunday's");
        assert!(!nights.is_asleep_at(MONDAY + 22 * HOUR - 1));
        assert!(nights.is_asleep_at(MONDAY + 22 * HOUR));
        assert!(nights.is_asleep_at(MONDAY + 30 * HOUR - 1));
        assert!(!nights.is_asleep_at(MONDAY + 30 * HOUR));
        assert!(nights.is_asleep_at(MONDAY + 5 * DAY + 5 * HOUR), "Friday's");
        assert!(!nights.is_asleep_at(MONDAY + 5 * DAY + 22 * HOUR));
    }

    #[test]
    fn spans_go_over_the_weeks_end_and_a_whole_day_is_one() {
        let weekend = schedule("sat-sun 00:00-24:00, Sun 23:00-01:00");
        assert!(weekend.is_asleep_at(MONDAY - 1));
        assert!(weekend.is_asleep_at(MONDAY + HOUR - 1));
        assert!(!weekend.is_asleep_at(MONDAY + HOUR));
        assert!(schedule("fri-mon 00:00-24:00").is_asleep_at(MONDAY));
        assert!(schedule("mon-sun 12:00-12:00").is_asleep_at(MONDAY));
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_an_example() {
        for wrong in [
            "",
            "mon",
            "mon 22-06",
            "mon 25:00-06:00",
            "mon 24:00-06:00",
            "mun 01:00-02:00",
            "mon 1:00-2:00",
        ] {
            let error = wrong.parse::<SleepSchedule>().unwrap_err();
            assert!(error.to_string().contains("mon-fri"), "{wrong}");
        }
        let kept = schedule(" mon 22:00-06:00 ");
        let written = serde_json::to_string(&kept).unwrap();
        assert_eq!(written, r#""mon 22:00-06:00""#);
        assert_eq!(
            serde_json::from_str::<SleepSchedule>(&written)
                .unwrap()
                .to_string(),
            "mon 22:00-06:00"
        );
    }
}
