//! The metrics of a worker, by name: what a worker counts, and what the API believes of the pages that workers leave in Redis.
//!
//! One list for both sides, so that a page that says anything else is known to be broken or false. Must not know how they are counted.

/// What may become of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// Only grows; starts at zero with its process.
    Counter,
    Gauge,
    Histogram,
}

impl MetricType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Series of one name, which differ in the values of the same labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub metric_type: MetricType,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        metric_type: MetricType::Counter,
        labels,
        help,
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family {
        name,
        metric_type: MetricType::Gauge,
        labels,
        help,
    }
}

/// What a worker counts about its tasks and itself.
pub mod worker {
    use super::{Family, MetricType, counter, gauge};

    pub const INFO: Family = gauge(
        "botflix_worker_info",
        &["version", "engine"],
        "1; which build of BotFlix and of ffmpeg this worker is.",
    );
    pub const SLOTS: Family = gauge(
        "botflix_worker_slots",
        &[],
        "About how many tasks this worker runs at once: what it was told, or what its host has room for.",
    );
    pub const SLOTS_BUSY: Family = gauge("botflix_worker_slots_busy", &[], "Tasks running now.");
    pub const TASKS_RUNNING: Family = gauge(
        "botflix_worker_tasks_running",
        &["kind", "lane"],
        "Tasks running now, by kind and lane.",
    );
    pub const TASKS: Family = counter(
        "botflix_worker_tasks_total",
        &["kind", "lane", "outcome"],
        "Attempts that ended on this worker: done, memoized (the result was there), failed, released (handed back), abandoned (canceled, or the lease was lost).",
    );
    pub const TASK_SECONDS: Family = Family {
        name: "botflix_worker_task_seconds",
        metric_type: MetricType::Histogram,
        labels: &["kind", "lane"],
        help: "From taking a task to its end.",
    };
    pub const PHASE_SECONDS: Family = counter(
        "botflix_worker_phase_seconds_total",
        &["kind", "phase"],
        "Time of tasks that were run to their end: fetch (from storage), make (ffmpeg), upload (to storage).",
    );
    pub const MEDIA_SECONDS: Family = counter(
        "botflix_worker_media_seconds_total",
        &["kind", "lane"],
        "Length of the media that tasks were run on to their end, memoized ones not counted.",
    );
    pub const FILM_SECONDS: Family = counter(
        "botflix_worker_film_seconds_total",
        &["picture"],
        "Length of the pictures of joined films: copied (the clips' own packets) or made (encoded by a conform task).",
    );
    pub const FAILURES: Family = counter(
        "botflix_worker_failures_total",
        &["kind", "class"],
        "Attempts that failed here, by class: retry, crash, permanent.",
    );
    pub const LEASES: Family = counter(
        "botflix_worker_leases_total",
        &["event"],
        "What happened to leases: taken, renewed, stalled (no progress: no longer renewed), lost, canceled.",
    );
    pub const CPU_SECONDS: Family = counter(
        "botflix_worker_cpu_seconds_total",
        &[],
        "Processor time of this process and of the processes that it has seen end, ffmpeg above all.",
    );
    pub const SCRATCH_FREE: Family = gauge(
        "botflix_worker_scratch_free_bytes",
        &[],
        "Bytes free where work in progress lies.",
    );
    pub const CORES: Family = gauge(
        "botflix_worker_cores",
        &["part"],
        "Cores for tasks: budget, and in_use by those that run.",
    );
    pub const MEMORY: Family = gauge(
        "botflix_worker_memory_bytes",
        &["part"],
        "Memory for tasks: budget (0: not known), and in_use, as estimated, by those that run.",
    );
    pub const SCRATCH: Family = gauge(
        "botflix_worker_scratch_bytes",
        &["part"],
        "Scratch disk for tasks: budget, and in_use, as estimated, by those that run.",
    );
    pub const SCRATCH_SWEPT: Family = counter(
        "botflix_worker_scratch_swept_total",
        &[],
        "Working directories of processes that are gone, removed by this one.",
    );
    pub const GPU_SESSIONS: Family = gauge(
        "botflix_worker_gpu_sessions",
        &["part"],
        "Encodings on a device at once: budget (0: no limit), and in_use.",
    );
    pub const IDLE: Family = gauge(
        "botflix_worker_idle",
        &["reason"],
        "1 for the reason for which the worker runs nothing: paused, draining, stopping, asleep, disk_full, no_lanes, kinds_off, no_tasks; all 0 while it runs something.",
    );
    pub const DISK_FULL: Family = gauge(
        "botflix_worker_disk_full",
        &[],
        "1 while no task is taken because scratch is nearly full.",
    );
    pub const DRAINING: Family = gauge(
        "botflix_worker_draining",
        &[],
        "1 while no task is taken because the worker was told to stop.",
    );
}

/// What the Prometheus library tells of a process by itself.
const PROCESS: [Family; 7] = [
    counter(
        "process_cpu_seconds_total",
        &[],
        "Processor time of the process itself.",
    ),
    gauge("process_open_fds", &[], "Open file descriptors."),
    gauge("process_max_fds", &[], "Most open file descriptors."),
    gauge("process_virtual_memory_bytes", &[], "Address space."),
    gauge("process_resident_memory_bytes", &[], "Memory in use."),
    gauge(
        "process_start_time_seconds",
        &[],
        "When the process started, in Unix time.",
    ),
    gauge("process_threads", &[], "Threads of the process."),
];

/// All that a worker's page may hold, by name.
pub const WORKER_FAMILIES: [Family; 28] = {
    use worker::*;
    let [cpu, fds, max_fds, space, memory, start, threads] = PROCESS;
    [
        CORES,
        CPU_SECONDS,
        DISK_FULL,
        DRAINING,
        FAILURES,
        FILM_SECONDS,
        GPU_SESSIONS,
        IDLE,
        INFO,
        LEASES,
        MEDIA_SECONDS,
        MEMORY,
        PHASE_SECONDS,
        SCRATCH,
        SCRATCH_FREE,
        SCRATCH_SWEPT,
        SLOTS,
        SLOTS_BUSY,
        TASK_SECONDS,
        TASKS_RUNNING,
        TASKS,
        cpu,
        max_fds,
        fds,
        memory,
        start,
        threads,
        space,
    ]
};

/// The family of a worker's page to which samples of this name belong: `_bucket`, `_sum` and `_count` are parts of a histogram.
pub fn worker_family(sample: &str) -> Option<&'static Family> {
    let named = |name: &str| WORKER_FAMILIES.iter().find(|family| family.name == name);
    let is_histogram = |family: &&Family| family.metric_type == MetricType::Histogram;
    let part = ["_bucket", "_sum", "_count"]
        .into_iter()
        .find_map(|end| named(sample.strip_suffix(end)?).filter(is_histogram));
    part.or_else(|| named(sample).filter(|family| !is_histogram(family)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        for (at, family) in WORKER_FAMILIES.iter().enumerate() {
            let ours = family.name.starts_with("botflix_worker_");
            assert!(ours || family.name.starts_with("process_"), "{family:?}");
            let is_counter = family.metric_type == MetricType::Counter;
            assert_eq!(family.name.ends_with("_total"), is_counter, "{family:?}");
            let others = WORKER_FAMILIES.iter().skip(at + 1);
            assert!(others.clone().all(|other| other.name != family.name));
        }
    }

    #[test]
    fn a_part_of_a_histogram_belongs_to_it_and_the_bare_name_to_nothing() {
        let name = worker::TASK_SECONDS.name;
        assert_eq!(
            worker_family(&format!("{name}_bucket")),
            Some(&worker::TASK_SECONDS)
        );
        assert_eq!(worker_family(name), None);
        assert_eq!(worker_family("botflix_worker_slots"), Some(&worker::SLOTS));
        assert_eq!(worker_family("botflix_worker_slots_sum"), None);
    }
}
