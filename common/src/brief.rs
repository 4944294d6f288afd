//! EpisodeBrief: what an episode is meant to be, before any shot exists. Written by the showrunner of the production loop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The plan of an episode before production. Only `title` and `logline` are required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpisodeBrief {
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// The story in one or two sentences.
    #[schemars(length(min = 1, max = 1000))]
    pub logline: String,
    #[schemars(length(min = 1, max = 200))]
    pub show: Option<String>,
    #[schemars(range(min = 1, max = 10_000))]
    pub season: Option<u32>,
    #[schemars(range(min = 1, max = 100_000))]
    pub episode: Option<u32>,
    #[schemars(length(min = 1, max = 100))]
    pub genre: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub tone: Option<String>,
    /// Length aimed at, in seconds. Episodes are 60 to 180 s.
    #[schemars(range(min = 1.0, max = 86_400.0))]
    pub target_seconds: Option<f64>,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub characters: Vec<Character>,
    #[schemars(length(min = 1, max = 2000))]
    pub setting: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub beats: Vec<BriefBeat>,
    #[schemars(length(min = 1, max = 2000))]
    pub twist: Option<String>,
    #[schemars(length(min = 1, max = 2000))]
    pub cliffhanger: Option<String>,
    /// Facts that must hold in every shot.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub continuity: Vec<String>,
    pub creation_tier: Option<CreationTier>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Character {
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    #[schemars(length(max = 500))]
    pub role: Option<String>,
    #[schemars(length(max = 2000))]
    pub look: Option<String>,
    #[schemars(length(max = 500))]
    pub voice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BriefBeat {
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    #[schemars(length(max = 2000))]
    pub purpose: Option<String>,
    #[schemars(range(min = 0.1, max = 86_400.0))]
    pub target_seconds: Option<f64>,
}

/// How a director makes its clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreationTier {
    Free,
    Paid,
}
