//! What Postgres and Redis themselves say of a round: times of attempts, transactions, statements, commands, memory.

use anyhow::{Context, Result};

use crate::farm::Farm;
use crate::postgres::Postgres;

/// From a task's becoming ready (asked for, and all it needs done) to its start, and from its queueing to its start, in milliseconds as
/// `p50 / p99`; how many ended, and in how many seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub tasks: u64,
    pub seconds: f64,
    pub ready_to_start: String,
    pub queued_to_start: String,
}

/// Of attempts that were queued at this time or later, as the database counts it.
pub(super) fn times(farm: &Farm, since_ms: i64) -> Result<Times> {
    let asked = ask(
        farm,
        &format!(
            "WITH seen AS (SELECT a.queued_at_ms, a.started_at_ms, a.ended_at_ms, \
               GREATEST(t.created_at_ms, (SELECT MAX(u.ended_at_ms) FROM task_needs n \
                 JOIN attempts u ON u.task_key = n.needs_key WHERE n.task_key = a.task_key)) AS ready_at_ms \
               FROM attempts a JOIN tasks t ON t.task_key = a.task_key \
               WHERE a.outcome = 'done' AND a.started_at_ms IS NOT NULL AND a.ended_at_ms >= {since_ms}) \
             SELECT COUNT(*), COALESCE(MAX(ended_at_ms) - GREATEST(MIN(started_at_ms), {since_ms}), 0), \
               percentile_disc(0.5) WITHIN GROUP (ORDER BY started_at_ms - ready_at_ms), \
               percentile_disc(0.99) WITHIN GROUP (ORDER BY started_at_ms - ready_at_ms), \
               percentile_disc(0.5) WITHIN GROUP (ORDER BY started_at_ms - queued_at_ms), \
               percentile_disc(0.99) WITHIN GROUP (ORDER BY started_at_ms - queued_at_ms) FROM seen"
        ),
    )?;
    let fields: Vec<&str> = asked.split(' ').collect();
    let [tasks, ms, ready, ready_most, queued, queued_most] = fields.as_slice() else {
        anyhow::bail!("no figures: {asked}");
    };
    Ok(Times {
        tasks: tasks.parse()?,
        seconds: ms.parse::<f64>()? / 1e3,
        ready_to_start: format!("{ready} / {ready_most}"),
        queued_to_start: format!("{queued} / {queued_most}"),
    })
}

pub(super) fn now_ms(farm: &Farm) -> Result<i64> {
    let now = ask(
        farm,
        "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    )?;
    Ok(now.parse()?)
}

/// Tasks that are neither done nor failed.
pub(super) fn unfinished(farm: &Farm) -> Result<u64> {
    let states = "('waiting', 'ready', 'queued', 'running')";
    Ok(ask(
        farm,
        &format!("SELECT COUNT(*) FROM tasks WHERE state IN {states}"),
    )?
    .parse()?)
}

/// Attempts that ended otherwise than well.
pub(super) fn ended_badly(farm: &Farm) -> Result<u64> {
    let asked = "SELECT COUNT(*) FROM attempts WHERE outcome IS NOT NULL AND outcome <> 'done'";
    Ok(ask(farm, asked)?.parse()?)
}

/// Counts since the servers started, or since [`begin`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub transactions: f64,
    pub statements: f64,
    pub redis_commands: f64,
    pub redis_peak_bytes: f64,
    pub redis_clients: f64,
}

/// Has Postgres count statements from zero.
pub(super) fn begin(farm: &Farm) -> Result<()> {
    ask(farm, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
    ask(farm, "SELECT pg_stat_statements_reset()").map(|_| ())
}

pub(super) fn counts(farm: &Farm) -> Result<Counts> {
    let database = "datname = current_database()";
    let transactions = ask(
        farm,
        &format!("SELECT xact_commit FROM pg_stat_database WHERE {database}"),
    )?;
    let statements = ask(
        farm,
        "SELECT COALESCE(SUM(calls), 0) FROM pg_stat_statements",
    )?;
    let info = redis_info(&farm.redis.url())?;
    Ok(Counts {
        transactions: transactions.parse()?,
        statements: statements.parse()?,
        redis_commands: info.commands,
        redis_peak_bytes: info.peak_bytes,
        redis_clients: info.clients,
    })
}

/// The statements that took longest: milliseconds, calls, milliseconds of each, text.
pub(super) fn slowest(farm: &Farm) -> Result<String> {
    ask(
        farm,
        "SELECT round(total_exec_time), calls, round(mean_exec_time::numeric, 3), left(regexp_replace(query, '\\s+', ' ', 'g'), 110) \
         FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 30",
    )
}

fn ask(farm: &Farm, statement: &str) -> Result<String> {
    let postgres: &Postgres = farm.postgres().context("the farm has no Postgres")?;
    postgres.ask(farm.database_url(), statement)
}

pub(super) struct RedisInfo {
    pub commands: f64,
    pub peak_bytes: f64,
    pub clients: f64,
}

pub(super) fn redis_info(url: &str) -> Result<RedisInfo> {
    let mut connection = redis::Client::open(url)?.get_connection()?;
    let info: String = redis::cmd("INFO").query(&mut connection)?;
    let figure = |name: &str| {
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.trim().parse().ok())
            .context(name.to_owned())
    };
    Ok(RedisInfo {
        commands: figure("total_commands_processed")?,
        peak_bytes: figure("used_memory_peak")?,
        clients: figure("connected_clients")?,
    })
}
