//! Prometheus' text format, as much of it as our own pages use: read strictly, because some of them come from processes that may lie.
//!
//! Must not know which metrics there are.

use std::fmt;

/// Most characters of a label's value.
const MAX_VALUE_CHARS: usize = 256;

/// One number of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    /// In the order of the page.
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty where it has none, as Prometheus has it.
    pub fn label(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(label, _)| label == name)
            .map_or("", |(_, value)| value)
    }
}

/// `name{label="value"} 1`, without a line break.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (at, (label, value)) in self.labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            write!(f, "{before}{label}=\"{}\"", escaped(value))?;
        }
        if !self.labels.is_empty() {
            f.write_str("}")?;
        }
        match self.value {
            value if value == f64::INFINITY => f.write_str(" +Inf"),
            value if value == f64::NEG_INFINITY => f.write_str(" -Inf"),
            value => write!(f, " {value}"),
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A line that is not of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the metrics cannot be read")]
pub struct BadLine {
    /// From 1.
    pub line: usize,
}

/// Every sample of a page, in its order. Comments are passed over; timestamps, which our pages never have, are refused.
pub fn read(page: &str) -> Result<Vec<Sample>, BadLine> {
    let lines = page.lines().enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| sample(line).ok_or(BadLine { line: at + 1 }))
        .collect()
}

fn sample(line: &str) -> Option<Sample> {
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ')?;
    let sample = Sample {
        name: is_name(name).then(|| name.to_owned())?,
        labels,
        value: number(value)?,
    };
    Some(sample)
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        if !labels.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        let is_new = labels.iter().all(|(known, _)| known != name);
        if !is_name(name) || name.contains(':') || !is_new {
            return None;
        }
        labels.push((name.to_owned(), value));
        rest = after;
    }
}

/// A value up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' if value.chars().count() <= MAX_VALUE_CHARS => {
                return Some((value, text.get(at + 1..)?));
            }
            '"' => return None,
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                char @ ('\\' | '"') => char,
                _ => return None,
            }),
            char if char.is_control() => return None,
            char => value.push(char),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let starts = name
        .chars()
        .next()
        .is_some_and(|char| !char.is_ascii_digit());
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
    starts && name.len() <= MAX_VALUE_CHARS && name.chars().all(is_part)
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        digits => digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
            .then(|| digits.parse().ok())?,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        let page = "plain 1\nsome{a=\"x\",b=\"y \\\"z\\\" \\\\ \\n\"} 0.25\nlast_bucket{le=\"+Inf\"} +Inf\n";
        let samples = read(&format!("# HELP plain Some.\n# TYPE plain gauge\n{page}\n")).unwrap();
        let written: String = samples.iter().map(|one| format!("{one}\n")).collect();
        assert_eq!(written, page);
        assert_eq!(samples[1].label("b"), "y \"z\" \\ \n");
        assert_eq!(samples[1].label("c"), "");
    }

    #[test]
    fn what_is_not_of_the_format_is_refused_with_its_line() {
        for bad in [
            "name",
            "name ",
            "na-me 1",
            "1name 1",
            "name{a=\"x\" 1",
            "name{a=x} 1",
            "name{a=\"x\"}1",
            "name{a=\"x\",a=\"y\"} 1",
            "name{a=\"x\"b=\"y\"} 1",
            "name{a=\"\\x\"} 1",
            "name 1 1700000000",
            "name inf",
            "name 1_000",
            "{a=\"x\"} 1",
        ] {
            let page = format!("fine 1\n{bad}\n");
            assert_eq!(read(&page), Err(BadLine { line: 2 }), "{bad}");
        }
    }
}
