//! Prometheus, boards and alerts over a real farm: with the configuration that is shipped, every panel and every alert has something to say.

mod boards;

use std::collections::BTreeSet;
use std::time::Duration;

use botflix_testkit::{Prometheus, Up, deadline, optional, promtool, story};

use crate::binary;
use boards::root;

/// Several scrapes, ten seconds apart, and an evaluation of the rules.
const LIMIT: Duration = Duration::from_secs(90);

fn path(name: &str) -> String {
    root().join(name).to_str().unwrap().to_owned()
}

#[test]
fn promtool_is_content_with_the_configuration_and_each_alert_fires_for_what_it_is_for() {
    for words in [
        ["check", "config", &path("deploy/prometheus/prometheus.yml")],
        ["check", "rules", &path("dashboards/alerts.yml")],
        ["test", "rules", &path("dashboards/alerts_test.yml")],
    ] {
        if optional(promtool(&words)).is_none() {
            return;
        }
    }
}

#[test]
fn every_alert_is_tested_and_has_its_lines_in_the_runbook_and_the_reverse() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let (rules, tests, runbook) = (
        read("dashboards/alerts.yml"),
        read("dashboards/alerts_test.yml"),
        read("docs/runbook.md"),
    );
    let after = |text: &str, start: &str| -> BTreeSet<String> {
        let lines = text.lines();
        let found = lines.filter_map(|line| line.trim_start().strip_prefix(start));
        found.map(str::to_owned).collect()
    };
    let alerts = after(&rules, "- alert: ");
    assert!(alerts.len() > 10);
    assert_eq!(alerts, after(&tests, "- name: "));
    assert_eq!(alerts, after(&runbook, "## "));
    let urls: BTreeSet<String> = alerts
        .iter()
        .map(|alert| format!("docs/runbook.md#{}", alert.to_lowercase()))
        .collect();
    assert_eq!(urls, after(&rules, "runbook_url: "));
}

/// What an alert compares with its limit: that must be there, whether the alert fires or not.
fn compared(expression: &str) -> &str {
    for operator in [" > ", " < ", " == "] {
        if let Some((left, limit)) = expression.rsplit_once(operator)
            && limit.parse::<f64>().is_ok()
        {
            return left;
        }
    }
    panic!("an alert compares something with a number: {expression}")
}

/// The families of a page.
async fn families(up: &Up, page: &str) -> BTreeSet<String> {
    let call = up.client().unwrap().request(reqwest::Method::GET, page);
    let text = call.send().await.unwrap().text().await.unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

async fn has_data(prometheus: &Prometheus, expression: &str) -> Result<bool, anyhow::Error> {
    let series = prometheus.ask(expression).await?;
    Ok(series.iter().any(|(_, value)| !value.is_nan()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_every_alert_has_data_and_every_metric_is_on_one_of_them() {
    let up = Up::start(&binary()).unwrap();
    let Some(prometheus) = optional(Prometheus::start(&root(), up.base())) else {
        return;
    };
    // What was zero before is what makes an increase.
    let counted = "min(botflix_renders_finished_total) + min(botflix_worker_slots)";
    deadline::until("both pages are scraped", LIMIT, async || {
        Ok(has_data(&prometheus, counted).await?.then_some(()))
    })
    .await
    .unwrap();
    let director = up.client().unwrap().register("Watched").await.unwrap();
    let manifest = story::short(&director, "Watched").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let alerts = prometheus.alerts().await.unwrap();
    assert!(alerts.len() > 10, "{alerts:?}");
    let mut wanted: Vec<(String, String)> = boards::all()
        .iter()
        .flat_map(boards::Board::expressions)
        .collect();
    for alert in &alerts {
        let expression = compared(alert["query"].as_str().unwrap());
        wanted.push((format!("alert {}", alert["name"]), expression.to_owned()));
    }
    let mut silent = wanted.clone();
    let all_speak = deadline::until("every expression has data", LIMIT, async || {
        let mut still = Vec::new();
        for (place, expression) in &silent {
            if !has_data(&prometheus, expression).await? {
                still.push((place.clone(), expression.clone()));
            }
        }
        silent = still;
        Ok(silent.is_empty().then_some(()))
    });
    let all_speak = all_speak.await;
    assert!(
        all_speak.is_ok(),
        "{all_speak:?}\nwithout data: {silent:#?}"
    );

    counts_are_right(&prometheus).await;
    no_rule_is_broken_or_fires(&prometheus).await;
    each_metric_is_shown(&up, &wanted).await;
}

async fn counts_are_right(prometheus: &Prometheus) {
    for (expression, expected) in [
        (
            "sum(botflix_renders_finished_total{state=\"published\"})",
            1.0,
        ),
        ("sum(botflix_shots_published_total)", 4.0),
        ("sum(botflix_worker_tasks_total{kind=\"assemble\"})", 1.0),
        ("round(sum(botflix_film_seconds_published_total))", 9.0),
        ("round(sum(botflix_worker_film_seconds_total))", 9.0),
        ("sum(botflix_uploads_total{outcome=\"stored\"})", 5.0),
        ("count(count by (worker) (botflix_worker_slots))", 1.0),
        ("max(botflix_workers{state=\"serving\"})", 1.0),
    ] {
        let seen = deadline::settles(
            expression,
            LIMIT,
            async || Ok(prometheus.ask(expression).await?),
            |series| series.first().is_some_and(|(_, value)| *value == expected),
        );
        seen.await.unwrap();
    }
}

async fn no_rule_is_broken_or_fires(prometheus: &Prometheus) {
    let evaluated = deadline::settles(
        "the rules are evaluated",
        LIMIT,
        async || prometheus.alerts().await,
        |alerts| alerts.iter().all(|alert| alert["health"] == "ok"),
    );
    for alert in evaluated.await.unwrap() {
        // How full the disk of the machine is is not the farm's to say.
        let of_the_machine = alert["name"].as_str().unwrap().contains("Disk");
        assert!(of_the_machine || alert["state"] == "inactive", "{alert}");
    }
}

async fn each_metric_is_shown(up: &Up, wanted: &[(String, String)]) {
    let own = families(up, "/metrics").await;
    let relayed = families(up, "/metrics/workers").await;
    assert!(
        relayed.is_subset(&own),
        "up shows its worker's, too: {own:?}"
    );
    let shown: BTreeSet<String> = wanted
        .iter()
        .flat_map(|(_, expression)| boards::names(expression))
        .map(|name| {
            let part = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            part.filter(|family| own.contains(*family))
                .map_or(name.clone(), str::to_owned)
        })
        .collect();
    let hidden: Vec<&String> = own.difference(&shown).collect();
    let unknown: Vec<&String> = shown.difference(&own).collect();
    assert!(hidden.is_empty(), "on no board and in no alert: {hidden:?}");
    assert!(
        unknown.is_empty(),
        "on a board and counted nowhere: {unknown:?}"
    );
}
