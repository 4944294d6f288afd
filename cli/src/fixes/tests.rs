//! Fixes as findings carry them, on manifests as directors write them.

use botflix_common::finding::{PatchOp, Severity};
use serde_json::json;

use super::*;

fn finding(rule: &str, patch: Vec<PatchOp>) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Warning,
        shot: Some("s1".to_owned()),
        message: "It is so.".to_owned(),
        fixes: vec![Fix {
            title: format!("Do away with {rule}."),
            patch,
            advice: None,
        }],
        ..Finding::default()
    }
}

fn test(path: &str, value: Value) -> PatchOp {
    PatchOp::Test {
        path: path.to_owned(),
        value,
    }
}

fn add(path: &str, value: Value) -> PatchOp {
    PatchOp::Add {
        path: path.to_owned(),
        value,
    }
}

fn outcomes(steps: &[Step]) -> Vec<&Outcome> {
    steps.iter().map(|step| &step.outcome).collect()
}

#[test]
fn fixes_are_applied_in_order_and_the_first_at_a_place_wins() {
    let manifest = json!({ "title": "T", "shots": [{ "id": "s1" }] });
    let found = [
        finding(
            "black_head",
            vec![
                test("/shots/0/id", json!("s1")),
                add("/shots/0/trim", json!({ "start": 0.5 })),
            ],
        ),
        finding(
            "frozen",
            vec![add("/shots/0/trim", json!({ "start": 1.5 }))],
        ),
        finding("quiet", vec![add("/shots/0/audio", json!({ "gain": 6.0 }))]),
    ];
    let (fixed, steps) = apply(&manifest, &found, &[]).unwrap();
    assert_eq!(
        fixed["shots"][0],
        json!({ "id": "s1", "trim": { "start": 0.5 }, "audio": { "gain": 6.0 } })
    );
    let pointer = "/shots/0/trim".to_owned();
    assert_eq!(
        outcomes(&steps),
        [
            &Outcome::Applied,
            &Outcome::SamePlace { pointer },
            &Outcome::Applied
        ]
    );
    let (fixed, steps) = apply(&manifest, &found, &["quiet".to_owned()]).unwrap();
    assert_eq!(fixed["shots"][0]["trim"], Value::Null);
    assert_eq!(steps.len(), 1);
}

#[test]
fn a_failed_test_refuses_everything() {
    let manifest = json!({ "title": "T", "shots": [{ "id": "other" }] });
    let found = [
        finding("a", vec![add("/title", json!("U"))]),
        finding("b", vec![test("/shots/0/id", json!("s1"))]),
    ];
    let misfit = apply(&manifest, &found, &[]).unwrap_err();
    assert_eq!(misfit.path, "/shots/0/id");
}

#[test]
fn advice_is_passed_on_and_a_finding_without_a_way_out_is_passed_over() {
    let mut only_advice = finding("blurred", Vec::new());
    only_advice.fixes[0].advice = Some("Generate the clip again.".to_owned());
    let mut nothing = finding("long", Vec::new());
    nothing.fixes.clear();
    let manifest = json!({ "title": "T" });
    let (fixed, steps) = apply(&manifest, &[only_advice, nothing], &[]).unwrap();
    assert_eq!(fixed, manifest);
    let advice = "Generate the clip again.".to_owned();
    assert_eq!(outcomes(&steps), [&Outcome::OnlyAdvice { advice }]);
}
