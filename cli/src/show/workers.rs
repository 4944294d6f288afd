//! Workers as a table: a line for each process, and one for each worker that is gone.

use botflix_common::http::{Busy, ProcessBody, WorkerBody};

use super::table::Table;

const COLUMNS: [&str; 8] = [
    "worker",
    "state",
    "wanted",
    "busy",
    "slots",
    "lanes",
    "load",
    "idle because",
];

pub fn text(workers: &[WorkerBody]) -> String {
    let mut table = Table::new(&COLUMNS);
    for worker in workers {
        if worker.processes.is_empty() {
            table.row(gone(worker));
        }
        for process in &worker.processes {
            table.row(line(worker, process));
        }
    }
    table.to_string()
}

fn gone(worker: &WorkerBody) -> Vec<String> {
    let none = || "-".to_owned();
    vec![
        worker.name.clone(),
        worker.state.name().to_owned(),
        worker.wanted.name().to_owned(),
        none(),
        none(),
        none(),
        none(),
        format!("last seen {}", worker.last_seen_at),
    ]
}

fn line(worker: &WorkerBody, process: &ProcessBody) -> Vec<String> {
    let lanes: Vec<&str> = process.lanes.iter().map(|lane| lane.name()).collect();
    let idle = process.idle.as_ref().map(|idle| idle.text.clone());
    vec![
        worker.name.clone(),
        process.state.name().to_owned(),
        worker.wanted.name().to_owned(),
        busy(&process.busy),
        process.slots.to_string(),
        lanes.join(","),
        process
            .load_percent
            .map_or_else(|| "-".to_owned(), |load| format!("{load}%")),
        idle.unwrap_or_default(),
    ]
}

/// `3 conform, 1 mix`, or `0`.
fn busy(busy: &Busy) -> String {
    if busy.tasks == 0 {
        return "0".to_owned();
    }
    let kinds: Vec<String> = busy
        .kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.name()))
        .collect();
    kinds.join(", ")
}
