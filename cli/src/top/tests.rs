//! The glance on pages that are written out here.

use std::time::Duration;

use super::*;

fn look(farm: &str, workers: &str) -> Look {
    Look::read(Duration::from_secs(10_000), farm, workers).unwrap()
}

const FARM: &str = "process_start_time_seconds 2800\n\
    botflix_renders{state=\"running\"} 2\nbotflix_oldest_render_seconds 75\n\
    botflix_renders_finished_total{state=\"published\"} 4\n\
    botflix_film_seconds_published_total 480\n\
    botflix_planned_tasks_total{work=\"reused\"} 1\nbotflix_planned_tasks_total{work=\"to_run\"} 3\n\
    botflix_tasks{lane=\"cpu\",state=\"ready\"} 6\nbotflix_tasks{lane=\"cpu\",state=\"running\"} 2\n\
    botflix_lane_slots{lane=\"cpu\"} 2\nbotflix_lane_slots{lane=\"io\"} 2\n\
    botflix_queue_age_seconds{lane=\"cpu\"} 130\n";
const WORKERS: &str = "botflix_worker_slots{worker=\"forge\"} 2\n\
    botflix_worker_slots_busy{worker=\"forge\"} 2\n\
    botflix_worker_tasks_running{worker=\"forge\",kind=\"conform\",lane=\"cpu\"} 2\n\
    botflix_worker_tasks_total{worker=\"forge\",kind=\"mix\",lane=\"cpu\",outcome=\"done\"} 9\n\
    botflix_worker_film_seconds_total{worker=\"forge\",picture=\"copied\"} 30\n\
    botflix_worker_film_seconds_total{worker=\"forge\",picture=\"made\"} 10\n\
    botflix_worker_scratch_free_bytes{worker=\"forge\"} 5000000000\n";

#[test]
fn a_busy_farm_says_which_lane_holds_it_up_in_lines_of_eighty_columns() {
    let glance = Glance::of(&look(FARM, WORKERS), None);
    assert!(
        glance.verdict.contains("cpu is the bottleneck"),
        "{}",
        glance.verdict
    );
    assert_eq!(glance.throughput.films_per_hour, 2.0);
    assert_eq!(glance.throughput.film_minutes_per_hour, 4.0);
    assert_eq!(glance.throughput.copied, Some(0.75));
    assert_eq!(glance.throughput.reused, Some(0.25));
    assert_eq!(glance.workers[0].running["conform"], 2);
    let text = text::of(&glance, "http://127.0.0.1:8080", 10);
    assert!(
        text.contains("2 h 0 min") && text.contains("2 conform"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
}

#[test]
fn what_somebody_should_care_for_first_is_said_first() {
    let verdict = |farm: &str, workers: &str| Glance::of(&look(farm, workers), None).verdict;
    assert_eq!(verdict("", ""), "NO WORKER takes tasks");
    let slots = "botflix_lane_slots{lane=\"cpu\"} 2\n";
    assert_eq!(verdict(slots, ""), "healthy, idle");
    let io = format!("{slots}botflix_tasks{{lane=\"io\",state=\"queued\"}} 3\n");
    assert!(verdict(&io, "").starts_with("STUCK: 3 tasks in the lane io"));
    let full =
        "botflix_worker_slots{worker=\"forge\"} 2\nbotflix_worker_disk_full{worker=\"forge\"} 1\n";
    assert!(verdict(slots, full).starts_with("DISK FULL at forge"));
    let free = format!("{slots}botflix_queue_age_seconds{{lane=\"cpu\"}} 90\n");
    assert!(verdict(&free, "").starts_with("SLOW"));
}

#[test]
fn a_second_look_gives_rates_and_a_restart_gives_none() {
    let before = look(FARM, WORKERS);
    let mut now = look(
        FARM,
        &WORKERS.replace("outcome=\"done\"} 9", "outcome=\"done\"} 12"),
    );
    now.at = before.at + Duration::from_secs(60);
    let rates = Glance::of(&now, Some(&before)).throughput.now.unwrap();
    assert_eq!(rates.tasks_per_minute, 3.0);
    let mut anew = look(FARM, "");
    anew.at = now.at + Duration::from_secs(60);
    let rates = Glance::of(&anew, Some(&now)).throughput.now.unwrap();
    assert_eq!(rates.tasks_per_minute, 0.0);
}

#[test]
fn many_workers_and_a_name_full_of_tricks_leave_the_screen_whole() {
    let mut workers = String::from("botflix_worker_slots{worker=\"\\n\\n evil\"} 1\n");
    for at in 0..30 {
        workers.push_str(&format!(
            "botflix_worker_slots{{worker=\"a-very-long-name-of-a-worker-{at}\"}} 1\n"
        ));
    }
    let glance = Glance::of(&look(FARM, &workers), None);
    let text = text::of(&glance, "http://127.0.0.1:8080", 9);
    assert!(text.lines().count() < 25, "{text}");
    assert!(text.contains("… and 22 more"), "{text}");
    assert!(text.contains("a-very-lo…-worker-12  0/1"), "{text}");
}
