//! The attempts at a render's tasks for people: a table, and below it what ffmpeg said of those that failed.

use botflix_common::http::AttemptBody;

use super::duration;
use super::table::Table;

pub fn text(attempts: &[AttemptBody]) -> String {
    let mut table = Table::new(&[
        "queued", "task", "shot", "attempt", "outcome", "took", "worker", "why",
    ]);
    for attempt in attempts {
        table.row([
            attempt.queued_at.clone(),
            attempt.kind.name().to_owned(),
            attempt.shot.clone().unwrap_or_default(),
            attempt.attempt.to_string(),
            state(attempt).to_owned(),
            attempt.wall_seconds.map(duration).unwrap_or_default(),
            attempt.worker.clone().unwrap_or_default(),
            why(attempt),
        ]);
    }
    let mut text = table.to_string();
    for attempt in attempts.iter().filter(|one| !one.engine_said.is_empty()) {
        text.push_str(&format!(
            "\n\nwhat ffmpeg said in attempt {} of the {}{}:",
            attempt.attempt,
            attempt.kind.name(),
            match &attempt.shot {
                Some(shot) => format!(" of shot {shot}"),
                None => String::new(),
            }
        ));
        for line in &attempt.engine_said {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    text
}

fn state(attempt: &AttemptBody) -> &'static str {
    match (attempt.outcome, &attempt.started_at) {
        (Some(outcome), _) => outcome.name(),
        (None, Some(_)) => "running",
        (None, None) => "queued",
    }
}

fn why(attempt: &AttemptBody) -> String {
    let message = attempt.message.clone().unwrap_or_default();
    match &attempt.code {
        Some(code) => format!("{message} [{code}]"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attempt(more: serde_json::Value) -> AttemptBody {
        let mut body = json!({
            "task": "ab".repeat(32), "kind": "conform", "shot": "s07", "attempt": 1, "worker": "forge",
            "queued_at": "2026-01-02T03:04:05.678Z", "started_at": "2026-01-02T03:04:05.700Z",
        });
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn an_attempt_is_a_row_and_what_ffmpeg_said_stands_below() {
        let failed = attempt(json!({
            "outcome": "retried", "message": "ffmpeg failed (exit code 1)", "code": "engine_failed",
            "engine_said": ["[h264] no frame!", "Conversion failed!"],
        }));
        let running = attempt(json!({ "attempt": 2 }));
        let done = attempt(json!({ "attempt": 3, "outcome": "done", "wall_seconds": 4.5 }));
        let text = text(&[failed, running, done]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("queued "), "{text}");
        for (line, words) in [
            (1, "retried"),
            (1, "ffmpeg failed (exit code 1) [engine_failed]"),
            (2, "running"),
            (3, "4.5 s"),
            (
                5,
                "what ffmpeg said in attempt 1 of the conform of shot s07:",
            ),
            (6, "  [h264] no frame!"),
            (7, "  Conversion failed!"),
        ] {
            assert!(lines[line].contains(words), "{words} in {text}");
        }
        assert_eq!(lines.len(), 8);
    }
}
