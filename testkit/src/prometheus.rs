//! A Prometheus of a test's own, which scrapes a farm with the configuration that is shipped: only the addresses are put in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Missing, Spawned, find, free_port};

const START: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(30);
/// Where `make setup-test` unpacks Debian's package.
const PLACE: &str = "BOTFLIX_PROMETHEUS";
/// What the shipped configuration scrapes, and where it finds its rules.
const SHIPPED_TARGET: &str = "127.0.0.1:8080";
const SHIPPED_RULES: &str = "../../dashboards/";

pub struct Prometheus {
    base: String,
    http: reqwest::Client,
    // Before the folder: the order of dropping.
    _server: Spawned,
    _dir: TempDir,
}

impl Prometheus {
    /// `root`: of the repository. `farm`: the address of an API as `http://…`. [`Missing`] when it is not installed.
    pub fn start(root: &Path, farm: &str) -> Result<Self> {
        let program = program("prometheus")?;
        let dir = tempfile::Builder::new().prefix("prometheus-").tempdir()?;
        let shipped = std::fs::read_to_string(root.join("deploy/prometheus/prometheus.yml"))?;
        let target = farm.trim_start_matches("http://");
        let rules = format!("{}/dashboards/", root.canonicalize()?.display());
        let config = shipped
            .replace(SHIPPED_TARGET, target)
            .replace(SHIPPED_RULES, &rules);
        if !config.contains(target) || !config.contains(&rules) {
            bail!("the shipped configuration no longer has {SHIPPED_TARGET} and {SHIPPED_RULES}");
        }
        let config_file = dir.path().join("prometheus.yml");
        std::fs::write(&config_file, config)?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let log = dir.path().join("prometheus.log");
        let mut server = Spawned::start("prometheus", &mut command, &log)?;
        server.until_ready(START, |server| {
            server
                .log()
                .contains("Server is ready to receive web requests")
        })?;
        Ok(Self {
            base: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(ANSWER)
                .build()?,
            _server: server,
            _dir: dir,
        })
    }

    /// The values of all series of an expression at this moment, with their labels; an error is what Prometheus says of it.
    pub async fn ask(&self, expression: &str) -> Result<Vec<(Value, f64)>> {
        let answer = self.get("query", &[("query", expression)]).await?;
        let series = listed(&answer, "result")?;
        let read = |one: &Value| {
            let value = one.get("value")?.get(1)?.as_str()?.parse().ok()?;
            Some((one.get("metric")?.clone(), value))
        };
        let read: Option<Vec<_>> = series.iter().map(read).collect();
        read.with_context(|| format!("not a vector of numbers: {answer}"))
    }

    /// The alerting rules, as loaded.
    pub async fn alerts(&self) -> Result<Vec<Value>> {
        let answer = self.get("rules", &[("type", "alert")]).await?;
        let groups = listed(&answer, "groups")?.iter();
        let rules: Result<Vec<_>> = groups.map(|group| listed(group, "rules")).collect();
        Ok(rules?.into_iter().flatten().cloned().collect())
    }

    async fn get(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/{what}", self.base))?;
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = self.http.get(url).send().await?;
        let mut body: Value = answer.json().await?;
        match body.get_mut("data") {
            Some(data) => Ok(data.take()),
            None => bail!("{what}: {body}"),
        }
    }
}

fn listed<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    let list = value.get(name).and_then(Value::as_array);
    list.with_context(|| format!("no list of {name}: {value}"))
}

/// Runs `promtool`; an error with what it said when it is not content.
pub fn promtool(words: &[&str]) -> Result<()> {
    let said = Command::new(program("promtool")?).args(words).output()?;
    if said.status.success() {
        return Ok(());
    }
    bail!(
        "promtool {}: {}\n{}",
        words.join(" "),
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    )
}

fn program(name: &str) -> Result<PathBuf> {
    if let Ok(found) = find(name) {
        return Ok(found);
    }
    let place = std::env::var_os(PLACE).unwrap_or_default();
    let unpacked = Path::new(&place).join(name);
    if unpacked.is_file() {
        return Ok(unpacked);
    }
    Err(Missing(name.to_owned()).into())
}
