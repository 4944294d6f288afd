//! Which devices this host has, as the kernel's own files tell: no vendor's program is run for it.

use std::path::{Path, PathBuf};

use botflix_common::task::EngineClass;

/// More devices than a host has.
const MAX_DEVICES: usize = 64;

/// NVIDIA's models that decode but have no encoder (NVENC), by the word after "NVIDIA". Source: NVIDIA's Video Encode and Decode GPU Support Matrix.
const DECODE_ONLY: [&str; 9] = [
    "A100", "A30", "A800", "H100", "H200", "H800", "H20", "GH200", "A100X",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    /// Nodes that a driver opens: `/dev/nvidia*`, `/dev/dri/renderD*`.
    pub(super) nodes: Vec<PathBuf>,
    /// As the driver names them, e.g. `NVIDIA H100 80GB HBM3`.
    pub(super) nvidia_models: Vec<String>,
}

impl Host {
    pub(super) fn look(root: &Path) -> Self {
        let dev = root.join("dev");
        let mut nodes = named(&dev, "nvidia");
        nodes.extend(named(&dev.join("nvidia-caps"), "nvidia-cap"));
        nodes.extend(named(&dev.join("dri"), "renderD"));
        let gpus = root.join("proc/driver/nvidia/gpus");
        let nvidia_models = named(&gpus, "")
            .iter()
            .filter_map(|gpu| std::fs::read_to_string(gpu.join("information")).ok())
            .filter_map(|text| model(&text))
            .collect();
        Self {
            nodes,
            nvidia_models,
        }
    }

    /// Why no NVIDIA encoder can work, where that is known without trying.
    pub(super) fn without_nvenc(&self) -> Option<String> {
        if !self.has("nvidia") {
            return Some("this host has no NVIDIA device".to_owned());
        }
        let all_decode_only = !self.nvidia_models.is_empty()
            && self.nvidia_models.iter().all(|model| decode_only(model));
        all_decode_only.then(|| {
            format!(
                "decode only: this GPU has no encoder ({})",
                self.nvidia_models.join(", ")
            )
        })
    }

    pub(super) fn without_render_node(&self) -> Option<String> {
        (!self.has("renderD")).then(|| "this host has no render device".to_owned())
    }

    /// Whether there is something that this class could work on.
    pub(super) fn has_device_for(&self, class: EngineClass) -> bool {
        match class {
            EngineClass::NvencH264 | EngineClass::NvencHevc | EngineClass::NvencAv1 => {
                self.has("nvidia")
            }
            EngineClass::VaapiH264 | EngineClass::QsvH264 => self.has("renderD"),
            EngineClass::X264Cpu1 | EngineClass::X265Cpu1 | EngineClass::SvtAv1Cpu1 => false,
        }
    }

    /// The device that VAAPI opens.
    pub(super) fn render_node(&self) -> Option<&Path> {
        self.nodes
            .iter()
            .find(|node| is_named(node, "renderD"))
            .map(PathBuf::as_path)
    }

    fn has(&self, prefix: &str) -> bool {
        self.nodes.iter().any(|node| is_named(node, prefix))
    }
}

fn is_named(path: &Path, prefix: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

/// Entries of a directory in order of their names; none where there is no such directory. Directories count only where every name does.
fn named(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_named(path, prefix) && (prefix.is_empty() || !path.is_dir()))
        .take(MAX_DEVICES)
        .collect();
    found.sort();
    found
}

fn model(information: &str) -> Option<String> {
    information
        .lines()
        .find_map(|line| line.strip_prefix("Model:"))
        .map(|model| model.trim().to_owned())
}

fn decode_only(model: &str) -> bool {
    model
        .split([' ', '-'])
        .any(|word| DECODE_ONLY.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_centre_gpu_without_an_encoder_is_told_from_one_with() {
        assert!(decode_only("NVIDIA H100 80GB HBM3"));
        assert!(decode_only("NVIDIA H200"));
        assert!(decode_only("NVIDIA A100-SXM4-40GB"));
        assert!(!decode_only("NVIDIA RTX A3000"));
        assert!(!decode_only("NVIDIA L4"));
        assert_eq!(
            model("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 5\n").as_deref(),
            Some("NVIDIA H100 80GB HBM3")
        );
    }

    #[test]
    fn a_host_without_devices_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::look(dir.path());
        assert_eq!(host, Host::default());
        assert!(host.without_nvenc().unwrap().contains("no NVIDIA device"));
        assert!(host.without_render_node().is_some());
    }
}
