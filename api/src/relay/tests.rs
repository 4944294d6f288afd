//! The relay against workers that are honest, broken, and false.

use botflix_common::report::WorkerHello;

use super::*;

fn worker(name: &str, page: impl AsRef<[u8]>) -> WorkerPage {
    WorkerPage {
        worker: WorkerHello {
            name: name.to_owned(),
            instance: format!("{name}-{}", page.as_ref().len()),
            ..WorkerHello::default()
        },
        page: page.as_ref().to_vec(),
    }
}

const HONEST: &str = "# HELP botflix_worker_slots Whatever.\n# TYPE botflix_worker_slots gauge\n\
    botflix_worker_slots 2\nprocess_threads 7\n";

#[test]
fn families_of_several_workers_are_one_each_and_every_series_names_its_worker() {
    let histogram = "botflix_worker_task_seconds_bucket{kind=\"mix\",lane=\"cpu\",le=\"1\"} 1\n\
        botflix_worker_task_seconds_bucket{kind=\"mix\",lane=\"cpu\",le=\"+Inf\"} 1\n\
        botflix_worker_task_seconds_sum{kind=\"mix\",lane=\"cpu\"} 0.5\n\
        botflix_worker_task_seconds_count{kind=\"mix\",lane=\"cpu\"} 1\n";
    let other = format!("botflix_worker_slots 3\n{histogram}");
    let merged = merge(&[worker("anvil", HONEST), worker("forge", other)]);
    assert_eq!(merged.dropped, []);
    for once in [
        "# TYPE botflix_worker_slots gauge",
        "# TYPE botflix_worker_task_seconds histogram",
        "botflix_worker_slots{worker=\"anvil\"} 2\nbotflix_worker_slots{worker=\"forge\"} 3\n",
        "botflix_worker_task_seconds_bucket{worker=\"forge\",kind=\"mix\",lane=\"cpu\",le=\"+Inf\"} 1",
        "process_threads{worker=\"anvil\"} 7",
    ] {
        assert_eq!(
            merged.text.matches(once).count(),
            1,
            "{once}\n{}",
            merged.text
        );
    }
    assert!(!merged.text.contains("Whatever"), "{}", merged.text);
    exposition::read(&merged.text).unwrap();
}

#[test]
fn a_page_that_lies_or_is_broken_is_left_out_and_the_others_stay() {
    let cases: [(&[u8], Dropped); 12] = [
        (b"botflix_worker_slots two\n", Dropped::Unreadable),
        (
            b"botflix_worker_slots 1 1700000000000\n",
            Dropped::Unreadable,
        ),
        (b"botflix_worker_slots NaN\n", Dropped::Unreadable),
        (b"\xff\xfe", Dropped::Unreadable),
        (
            b"botflix_worker_cpu_seconds_total -1\n",
            Dropped::Unreadable,
        ),
        (
            b"botflix_tasks{lane=\"cpu\",state=\"ready\"} 9\n",
            Dropped::Foreign,
        ),
        (b"up 1\n", Dropped::Foreign),
        (
            b"botflix_worker_slots{worker=\"forge\"} 9\n",
            Dropped::Foreign,
        ),
        (b"botflix_worker_leases_total 9\n", Dropped::Foreign),
        (
            b"botflix_worker_slots 1\nbotflix_worker_slots 2\n",
            Dropped::Repeated,
        ),
        (
            b"botflix_worker_slots 1\nprocess_moods 2\n",
            Dropped::UnknownFamily,
        ),
        (&[b'#'; METRICS_LIMIT_BYTES + 1], Dropped::TooLarge),
    ];
    for (page, why) in cases {
        let merged = merge(&[worker("anvil", HONEST), worker("liar", page)]);
        assert_eq!(merged.dropped, [("liar".to_owned(), why)]);
        assert!(
            merged
                .text
                .contains("botflix_worker_slots{worker=\"anvil\"} 2")
        );
        let stays = why == Dropped::UnknownFamily;
        assert_eq!(merged.text.contains("liar"), stays, "{}", merged.text);
        exposition::read(&merged.text).unwrap();
    }
}

#[test]
fn two_of_one_name_and_a_name_full_of_tricks_make_no_series_twice() {
    let twice = merge(&[
        worker("forge", "botflix_worker_slots 1\n"),
        worker("forge", "botflix_worker_slots 20\n"),
        worker("forge-23", "botflix_worker_slots 3\n"),
        worker("a\"} 1\nup{b=\"", "botflix_worker_slots 4\n"),
    ]);
    let samples = exposition::read(&twice.text).unwrap();
    let names: HashSet<_> = samples.iter().map(|one| one.label("worker")).collect();
    assert_eq!(names.len(), 4, "{}", twice.text);
    assert!(samples.iter().all(|one| one.name == "botflix_worker_slots"));
}

#[test]
fn a_worker_that_left_nothing_yet_is_nothing_to_complain_about() {
    let merged = merge(&[worker("new", "")]);
    assert!(merged.text.is_empty() && merged.dropped.is_empty());
}
