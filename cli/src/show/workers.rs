//! Workers as a table: a line for each process, and one for each worker that is gone.

use botflix_common::http::{Busy, ProcessBody, WorkerBody};

use super::size;
use super::table::Table;

const COLUMNS: [&str; 11] = [
    "worker",
    "state",
    "wanted",
    "busy",
    "slots",
    "cores",
    "memory",
    "lanes",
    "load",
    "off",
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
        none(),
        none(),
        none(),
        format!("last seen {}", worker.last_seen_at),
    ]
}

fn line(worker: &WorkerBody, process: &ProcessBody) -> Vec<String> {
    let lanes: Vec<&str> = process.lanes.iter().map(|lane| lane.name()).collect();
    let idle = process.idle.as_ref().map(|idle| idle.text.clone());
    let off = worker
        .off
        .iter()
        .filter(|off| off.instance == process.instance);
    let off: Vec<&str> = off.map(|off| off.kind.name()).collect();
    let off = if off.is_empty() {
        "-".to_owned()
    } else {
        off.join(",")
    };
    vec![
        worker.name.clone(),
        process.state.name().to_owned(),
        worker.wanted.name().to_owned(),
        busy(&process.busy),
        process.slots.to_string(),
        cores(process),
        memory(process),
        lanes.join(","),
        process
            .load_percent
            .map_or_else(|| "-".to_owned(), |load| format!("{load}%")),
        off,
        idle.unwrap_or_default(),
    ]
}

/// `1.5/4`: in use, and for tasks.
fn cores(process: &ProcessBody) -> String {
    let cores = |millicores: u32| f64::from(millicores) / 1000.0;
    process.budget.map_or_else(
        || process.cores.to_string(),
        |budget| {
            let used = cores(process.in_use.millicores);
            format!("{used}/{}", cores(budget.millicores))
        },
    )
}

fn memory(process: &ProcessBody) -> String {
    process.budget.map_or_else(
        || "-".to_owned(),
        |budget| {
            let used = size(process.in_use.memory_bytes);
            format!("{used}/{}", size(budget.memory_bytes))
        },
    )
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
