//! A render for people: how far it is, why it waits, what came of it.

use botflix_common::http::RenderBody;

use super::outlook;
use super::table::Table;

pub fn text(render: &RenderBody) -> String {
    let percent = (render.progress * 100.0).floor();
    let mut lines = vec![format!(
        "{} \"{}\": {}, {percent:.0} %",
        render.id,
        render.title,
        render.state.name()
    )];
    if let Some(first) = render.revises {
        lines.push(format!("revision {} of {first}", render.revision));
    }
    if let Some(waiting) = &render.waiting {
        lines.push(format!("it waits: {}", outlook::wait(waiting)));
    }
    if render.eta.is_some() {
        lines.push(outlook::rest(render.eta));
    }
    if !render.stages.is_empty() {
        let mut table = Table::new(&["task", "done", "of", "%"]);
        for stage in &render.stages {
            table.row([
                stage.kind.name().to_owned(),
                stage.done.to_string(),
                stage.total.to_string(),
                format!("{:.0}", (stage.progress * 100.0).floor()),
            ]);
        }
        lines.push(table.to_string());
    }
    if let Some(problem) = &render.problem {
        lines.push(format!("{}: {}", problem.title, problem.detail));
    }
    if let Some(episode) = &render.episode {
        lines.push(episode.watch_url.clone());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_render_that_waits_says_why_and_for_how_long() {
        let render: RenderBody = serde_json::from_str(
            r#"{"id": "01931f00-0000-7000-8000-000000000001", "title": "Tide", "state": "running", "progress": 0.409,
                "stages": [{"kind": "conform", "total": 4, "done": 1, "progress": 0.25}], "created_at": "2026-11-22T10:00:00Z",
                "waiting": {"reason": "lane_busy", "message": "All places of the lane cpu are taken; about 3 tasks go before it.",
                            "lane": "cpu", "position": 3, "goes_on_in": {"low_seconds": 20.0, "high_seconds": 40.0}}}"#,
        )
        .unwrap();
        let text = text(&render);
        for expected in [
            "\"Tide\": running, 40 %",
            "it waits: All places of the lane cpu are taken; about 3 tasks go before it. (in about 0:20–0:40)",
            "conform",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
