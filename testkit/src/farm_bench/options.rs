//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Queues renders of tasks that do nothing on a farm of simulated workers, and says what the control plane costs for each task.
///
/// Redis, Postgres and the API are real processes; stdout is the report in Markdown, stderr says what is going on.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "bench-farm",
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub(super) struct Options {
    /// The program that is measured
    #[arg(long, value_name = "PATH", required = true)]
    pub botflix: Option<PathBuf>,
    /// Tasks that are queued before the workers come, one figure for each round
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    pub tasks: Vec<usize>,
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub workers: usize,
    /// Tasks that each worker runs at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub slots: u32,
    /// Processes that those workers share; 0: the bench's own
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub crews: usize,
    /// How long a task takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub task_ms: u64,
    /// A round ends after so many seconds, with tasks left
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub window_s: u64,
    /// 200 and 2,000 tasks, 50 workers
    #[arg(long)]
    pub quick: bool,
    /// A folder with BullMQ in `node_modules`, to have the same load on it
    #[arg(long, value_name = "DIR")]
    pub bullmq: Option<PathBuf>,
    /// Also the statements that took Postgres longest
    #[arg(long)]
    pub statements: bool,
    #[command(subcommand)]
    pub role: Option<Role>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Role {
    /// A process of simulated workers; the bench starts it by itself
    #[command(hide = true)]
    Crew(Crew),
}

#[derive(Args, Clone, Debug)]
pub(super) struct Crew {
    #[arg(long)]
    pub redis: String,
    #[arg(long)]
    pub storage: String,
    /// The number of its first worker
    #[arg(long)]
    pub first: usize,
    #[arg(long)]
    pub workers: usize,
    #[arg(long)]
    pub slots: u32,
    #[arg(long)]
    pub task_ms: u64,
}

impl Options {
    /// What `--quick` means.
    pub fn settled(mut self) -> Self {
        if self.quick {
            self.tasks = vec![200, 2_000];
            self.workers = 50;
            self.crews = 1;
        }
        self
    }

    /// Tasks that all workers run at once.
    pub fn concurrency(&self) -> usize {
        self.workers * self.slots as usize
    }
}
