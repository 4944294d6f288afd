//! Directors at work while the farm is hurt: they send clips, submit, cancel, try again and revise, ask again when nobody answers, and write down
//! what they were promised.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use botflix_common::hash::Sha;
use botflix_common::http::{ClipBody, RenderBody, RenderState};
use botflix_common::id::RenderId;
use bytes::Bytes;
use fastrand::Rng;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::story;
use crate::client::{Client, Refused, ok};

/// One answer; a server that is frozen gives none.
const ANSWER: Duration = Duration::from_secs(12);
/// How long a director asks again before it gives the farm up.
const INSISTENCE: Duration = Duration::from_secs(300);
/// A clip that hangs ffmpeg costs three attempts a minute each, and those that other faults take from it count for nothing.
const POISON_TAKES: Duration = Duration::from_secs(600);
const RENDERS: &str = "/api/v1/renders";
const PAUSE: Duration = Duration::from_millis(300);
/// How often a render that failed through no fault of its own is tried again.
const RETRIES: u32 = 3;

/// What a director wants of a render that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Published,
    /// It was told to stop, and may have been published before.
    Canceled,
    /// Its clip kills ffmpeg.
    Failed,
}

#[derive(Debug, Default)]
pub struct Book {
    /// Every render that got a 202.
    pub accepted: BTreeMap<RenderId, Wish>,
    /// Renders of good clips that failed as poison since the process that ran them was killed three times, and were tried again.
    pub poisoned_by_chance: u32,
    pub uploads: u32,
    pub answers_lost: u32,
    /// What no director should see.
    pub wrong: Vec<String>,
}

#[derive(Clone)]
pub struct Directors {
    pub book: Arc<Mutex<Book>>,
    pub stop: CancellationToken,
    bases: Arc<Vec<String>>,
}

/// One director, and where it speaks to.
struct Director {
    all: Directors,
    client: Client,
    rng: Rng,
    name: String,
    clips: story::Clips,
}

impl Directors {
    pub fn new(bases: &[String]) -> Self {
        Self {
            book: Arc::default(),
            stop: CancellationToken::new(),
            bases: Arc::new(bases.to_vec()),
        }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was written down; an empty book is left.
    pub fn close(&self) -> Book {
        std::mem::take(&mut *self.book())
    }

    /// Registers them while all is well, and sets each to work.
    pub async fn work(&self, seed: u64, count: u32) -> Result<JoinSet<()>> {
        let mut at_work = JoinSet::new();
        for number in 0..count {
            let name = format!("director-{number}");
            let mut director = self
                .director(&name, seed.wrapping_add(u64::from(number)))
                .await?;
            at_work.spawn(async move {
                while !director.all.stop.is_cancelled() {
                    if let Err(error) = director.make_one().await {
                        director.all.book().wrong.push(format!("{name}: {error:#}"));
                    }
                }
            });
        }
        Ok(at_work)
    }

    async fn director(&self, name: &str, seed: u64) -> Result<Director> {
        let mut rng = Rng::with_seed(seed);
        Ok(Director {
            all: self.clone(),
            client: self.register(name, &mut rng).await?,
            rng,
            name: name.to_owned(),
            clips: story::Clips::default(),
        })
    }

    /// Insists as well: there may be a fault right now. One that was registered without hearing of it does nothing.
    async fn register(&self, name: &str, rng: &mut Rng) -> Result<Client> {
        let since = Instant::now();
        loop {
            let base = rng.choice(self.bases.iter()).context("no API")?;
            let error = match timeout(ANSWER, Client::new(base)?.register(name)).await {
                Ok(Ok(client)) => return Ok(client),
                Ok(Err(error)) => error,
                Err(silence) => silence.into(),
            };
            if since.elapsed() > INSISTENCE {
                return Err(error);
            }
            sleep(PAUSE).await;
        }
    }

    /// A director whose clip kills ffmpeg: its render must fail, and nothing else.
    pub async fn send_poison(&self, seed: u64, file: &Path) -> Result<()> {
        let mut director = self.director("poisoner", seed).await?;
        let clip = director.send(file).await?;
        let manifest = json!({
            "title": format!("Poison {seed}"),
            "format": {"width": 320, "height": 180, "fps": 25},
            "shots": [{"id": "only", "source": {"clip": clip}}],
        });
        // A clip whose inspection has failed already is refused at once.
        if let Some(render) = director.submit(&manifest, Wish::Failed).await? {
            let ended = director.ended_within(render, POISON_TAKES).await?;
            if ended.state != RenderState::Failed {
                bail!("a render of a clip that kills ffmpeg is {:?}", ended.state);
            }
        }
        Ok(())
    }

    /// So many calls at once with one key: one render.
    pub async fn send_at_once(&self, seed: u64, calls: usize) -> Result<()> {
        let mut director = self.director("hasty", seed).await?;
        let manifest = director.story().await?;
        let ask = Arc::new(director.render(RENDERS, &manifest));
        let mut sent = JoinSet::new();
        for call in 0..calls {
            let base = self.bases.get(call % self.bases.len()).context("no API")?;
            let (client, ask) = (director.client.at(base), Arc::clone(&ask));
            sent.spawn(async move { timeout(ANSWER, ask.of::<RenderBody>(&client)).await? });
        }
        let mut ids = Vec::new();
        while let Some(answer) = sent.join_next().await {
            // Those that got none do not count; the last word is spoken below.
            ids.extend(answer?.ok().map(|render| render.id));
        }
        let last: RenderBody = director.insist(&ask).await?;
        self.book().accepted.insert(last.id, Wish::Published);
        if ids.iter().any(|id| *id != last.id) {
            bail!("one key gave renders {ids:?} and {}", last.id);
        }
        director.see_it_published(last.id).await
    }
}

impl Director {
    async fn make_one(&mut self) -> Result<()> {
        let manifest = self.story().await?;
        let Some(render) = self.submit(&manifest, Wish::Published).await? else {
            bail!("a good manifest was refused");
        };
        match self.rng.u32(0..10) {
            0 => self.change_its_mind(render).await,
            1 => {
                self.see_it_published(render).await?;
                self.revise(render).await
            }
            _ => self.see_it_published(render).await,
        }
    }

    async fn story(&mut self) -> Result<Value> {
        let title = format!("{} {}", self.name, self.rng.u32(..));
        let mut told = story::draw(&mut self.rng, &title);
        for clip in &told.clips {
            let file = clip.make()?;
            let sha = match self.clips.known(&file) {
                Some(sha) => sha,
                None => {
                    let sha = self.send(&file).await?;
                    self.clips.learn(&file, sha);
                    sha
                }
            };
            story::name_clip(&mut told.manifest, clip, &sha);
        }
        Ok(told.manifest)
    }

    async fn send(&mut self, file: &Path) -> Result<Sha> {
        let ask = Ask::Clip(tokio::fs::read(file).await?.into());
        let sent: ClipBody = self.insist(&ask).await?;
        self.all.book().uploads += 1;
        Ok(sent.clip)
    }

    /// `None`: refused, and the director means to fail.
    async fn submit(&mut self, manifest: &Value, wish: Wish) -> Result<Option<RenderId>> {
        let ask = self.render(RENDERS, manifest);
        match self.insist::<RenderBody>(&ask).await {
            Ok(render) => {
                self.all.book().accepted.insert(render.id, wish);
                Ok(Some(render.id))
            }
            Err(error) if wish == Wish::Failed && error.is::<Refused>() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn render(&mut self, path: &str, manifest: &Value) -> Ask {
        Ask::Render {
            path: path.to_owned(),
            manifest: manifest.clone(),
            key: format!("key-{}", self.rng.u64(..)),
        }
    }

    async fn change_its_mind(&mut self, render: RenderId) -> Result<()> {
        sleep(Duration::from_millis(self.rng.u64(200..4000))).await;
        self.all.book().accepted.insert(render, Wish::Canceled);
        let ask = Ask::Post(format!("{RENDERS}/{render}/cancel"));
        let canceled = self.insist::<RenderBody>(&ask).await;
        let ended = self.ended(render).await?;
        if canceled.is_err() && ended.state != RenderState::Published {
            canceled.context("cancel")?;
        }
        if ended.state == RenderState::Canceled && self.rng.bool() {
            self.try_again(render).await?;
            self.see_it_published(render).await?;
        }
        Ok(())
    }

    async fn try_again(&mut self, render: RenderId) -> Result<()> {
        self.all.book().accepted.insert(render, Wish::Published);
        let ask = Ask::Post(format!("{RENDERS}/{render}/retry"));
        self.insist::<RenderBody>(&ask).await.context("retry")?;
        Ok(())
    }

    async fn revise(&mut self, render: RenderId) -> Result<()> {
        let manifest = self.story().await?;
        let ask = self.render(&format!("{RENDERS}/{render}/revisions"), &manifest);
        let revised: RenderBody = self.insist(&ask).await?;
        self.all.book().accepted.insert(revised.id, Wish::Published);
        self.see_it_published(revised.id).await
    }

    async fn see_it_published(&mut self, render: RenderId) -> Result<()> {
        for _ in 0..=RETRIES {
            let ended = self.ended(render).await?;
            if ended.state == RenderState::Published {
                return Ok(());
            }
            let said = serde_json::to_string(&ended.problem)?;
            if !said.contains("poison_task") {
                bail!("render {render} is {:?}: {said}", ended.state);
            }
            self.all.book().poisoned_by_chance += 1;
            self.try_again(render).await?;
        }
        bail!("render {render} failed {RETRIES} times")
    }

    async fn ended(&mut self, render: RenderId) -> Result<RenderBody> {
        self.ended_within(render, INSISTENCE).await
    }

    async fn ended_within(&mut self, render: RenderId, limit: Duration) -> Result<RenderBody> {
        let since = Instant::now();
        loop {
            let ask = Ask::Get(format!("{RENDERS}/{render}?wait=5"));
            let seen: RenderBody = self.insist(&ask).await?;
            if seen.state.is_final() {
                return Ok(seen);
            }
            if since.elapsed() > limit {
                bail!("render {render} is {:?} for {limit:?}", seen.state);
            }
        }
    }

    /// Asks one API after the other until there is an answer that stays.
    async fn insist<T: DeserializeOwned>(&mut self, ask: &Ask) -> Result<T> {
        let since = Instant::now();
        loop {
            let base = self.rng.choice(self.all.bases.iter()).context("no API")?;
            let error = match timeout(ANSWER, ask.of(&self.client.at(base))).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(silence) => silence.into(),
            };
            let final_word = error
                .downcast_ref::<Refused>()
                .is_some_and(|refused| !refused.0.retryable);
            if final_word || since.elapsed() > INSISTENCE {
                return Err(error);
            }
            self.all.book().answers_lost += 1;
            sleep(PAUSE).await;
        }
    }
}

/// A call that may be made again: it has no effect but once.
enum Ask {
    Get(String),
    Post(String),
    Clip(Bytes),
    Render {
        path: String,
        manifest: Value,
        key: String,
    },
}

impl Ask {
    async fn of<T: DeserializeOwned>(&self, client: &Client) -> Result<T> {
        let call = match self {
            Self::Get(path) => client.request(Method::GET, path),
            Self::Post(path) => client.request(Method::POST, path),
            Self::Clip(bytes) => client
                .request(Method::POST, "/api/v1/clips")
                .header("content-type", "application/octet-stream")
                .body(bytes.clone()),
            Self::Render {
                path,
                manifest,
                key,
            } => client
                .request(Method::POST, path)
                .header("idempotency-key", key)
                .json(manifest),
        };
        Ok(ok(call.send().await?).await?.json().await?)
    }
}
