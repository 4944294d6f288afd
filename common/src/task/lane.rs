//! Lanes: the queues between the API and its workers, one for each capability that a task can need.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EngineClass, TaskKind};

/// A queue of tasks that need the same capability. Each encoder on a device has its own: a host that has one cannot do the work of another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Lane {
    #[serde(rename = "cpu")]
    Cpu,
    #[serde(rename = "io")]
    Io,
    #[serde(rename = "gpu-nvenc-h264")]
    GpuNvencH264,
    #[serde(rename = "gpu-nvenc-hevc")]
    GpuNvencHevc,
    #[serde(rename = "gpu-nvenc-av1")]
    GpuNvencAv1,
    #[serde(rename = "gpu-vaapi-h264")]
    GpuVaapiH264,
    #[serde(rename = "gpu-qsv-h264")]
    GpuQsvH264,
}

impl Lane {
    pub const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Io,
        Self::GpuNvencH264,
        Self::GpuNvencHevc,
        Self::GpuNvencAv1,
        Self::GpuVaapiH264,
        Self::GpuQsvH264,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Io => "io",
            Self::GpuNvencH264 => "gpu-nvenc-h264",
            Self::GpuNvencHevc => "gpu-nvenc-hevc",
            Self::GpuNvencAv1 => "gpu-nvenc-av1",
            Self::GpuVaapiH264 => "gpu-vaapi-h264",
            Self::GpuQsvH264 => "gpu-qsv-h264",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }

    /// Where segments of a class are made.
    pub fn of_encoder(class: EngineClass) -> Self {
        match class {
            EngineClass::X264Cpu1 | EngineClass::X265Cpu1 | EngineClass::SvtAv1Cpu1 => Self::Cpu,
            EngineClass::NvencH264 => Self::GpuNvencH264,
            EngineClass::NvencHevc => Self::GpuNvencHevc,
            EngineClass::NvencAv1 => Self::GpuNvencAv1,
            EngineClass::VaapiH264 => Self::GpuVaapiH264,
            EngineClass::QsvH264 => Self::GpuQsvH264,
        }
    }

    /// The kinds of tasks that can lie in it.
    pub fn kinds(self) -> &'static [TaskKind] {
        match self {
            Self::Cpu => &[
                TaskKind::Inspect,
                TaskKind::Conform,
                TaskKind::Mix,
                TaskKind::Check,
                TaskKind::Package,
            ],
            Self::Io => &[TaskKind::Assemble],
            Self::GpuNvencH264
            | Self::GpuNvencHevc
            | Self::GpuNvencAv1
            | Self::GpuVaapiH264
            | Self::GpuQsvH264 => &[TaskKind::Conform],
        }
    }

    /// The encoder on a device that its tasks need; `None` where any host will do.
    pub fn device_encoder(self) -> Option<EngineClass> {
        EngineClass::ALL
            .into_iter()
            .find(|class| class.is_gpu() && Self::of_encoder(*class) == self)
    }

    /// Its tasks need a device beside the processor.
    pub fn is_gpu(self) -> bool {
        self.device_encoder().is_some()
    }
}

/// What an operator asks of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    Cpu,
    /// All that the host's devices were proven to encode; on a host without, nothing.
    Gpu,
    Io,
}

impl LaneKind {
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::Io];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Io => "io",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The lanes that a host with these encoders on devices can serve.
    pub fn lanes(self, device_encoders: &[EngineClass]) -> Vec<Lane> {
        match self {
            Self::Cpu => vec![Lane::Cpu],
            Self::Io => vec![Lane::Io],
            Self::Gpu => device_encoders
                .iter()
                .map(|class| Lane::of_encoder(*class))
                .filter(|lane| lane.is_gpu())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_written_as_it_is_named() {
        for lane in Lane::ALL {
            let written = serde_json::to_value(lane).unwrap();
            assert_eq!(written, lane.name());
            assert_eq!(Lane::parse(lane.name()), Some(lane));
            assert!(lane.is_gpu() == (lane.kinds() == [TaskKind::Conform]));
        }
    }

    #[test]
    fn every_encoder_on_a_device_has_a_lane_of_its_own() {
        for class in EngineClass::ALL {
            let lane = Lane::of_encoder(class);
            let its_own = class.is_gpu().then_some(class);
            assert_eq!(lane.device_encoder(), its_own);
        }
        assert_eq!(LaneKind::Gpu.lanes(&[EngineClass::X264Cpu1]), []);
        assert_eq!(
            LaneKind::Gpu.lanes(&[EngineClass::NvencHevc, EngineClass::NvencH264]),
            [Lane::GpuNvencHevc, Lane::GpuNvencH264]
        );
    }
}
