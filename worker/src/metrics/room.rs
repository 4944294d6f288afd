//! What tasks may use of the host, what they use, and why nothing runs. Set with every hello.

use botflix_common::metrics::worker as names;
use botflix_common::task::Demand;
use botflix_common::worker::{Budget, IdleCode};
use prometheus::{GaugeVec, IntGaugeVec, Registry};

use super::registering::{gauges, measures, register};

const BUDGET: &str = "budget";
const IN_USE: &str = "in_use";

#[derive(Clone)]
pub(crate) struct Room {
    cores: GaugeVec,
    memory: IntGaugeVec,
    scratch: IntGaugeVec,
    gpu_sessions: IntGaugeVec,
    idle: IntGaugeVec,
}

impl Room {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let room = Self {
            cores: register(registry, measures(&names::CORES)?)?,
            memory: register(registry, gauges(&names::MEMORY)?)?,
            scratch: register(registry, gauges(&names::SCRATCH)?)?,
            gpu_sessions: register(registry, gauges(&names::GPU_SESSIONS)?)?,
            idle: register(registry, gauges(&names::IDLE)?)?,
        };
        room.uses(&Budget::default(), &Demand::default());
        room.idles(None);
        Ok(room)
    }

    pub fn uses(&self, budget: &Budget, used: &Demand) {
        let parts = [
            (BUDGET, budget.millicores, budget.memory_bytes),
            (IN_USE, used.millicores, used.memory_bytes),
        ];
        for (part, millicores, memory) in parts {
            let cores = f64::from(millicores) / 1000.0;
            self.cores.with_label_values(&[part]).set(cores);
            self.memory.with_label_values(&[part]).set(value(memory));
        }
        let parts = [
            (BUDGET, budget.scratch_bytes, budget.gpu_sessions),
            (IN_USE, used.scratch_bytes, used.gpu_sessions),
        ];
        for (part, scratch, sessions) in parts {
            self.scratch.with_label_values(&[part]).set(value(scratch));
            self.gpu_sessions
                .with_label_values(&[part])
                .set(i64::from(sessions));
        }
    }

    /// `None`: something runs.
    pub fn idles(&self, why: Option<IdleCode>) {
        for code in IdleCode::OF_WORKERS {
            self.idle
                .with_label_values(&[code.name()])
                .set(i64::from(why == Some(code)));
        }
    }
}

fn value(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
