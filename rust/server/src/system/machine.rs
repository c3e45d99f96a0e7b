//! What an engine of a system runs on when it is simulated: everything that is outside of it, in one thread.

use crate::{Capacity, SmallFiles};
use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_rpc::{ControlNetwork, Transport};
use daos_status::Result;
use daos_types::TargetIndex;
use std::rc::Rc;
use std::sync::Arc;

/// The media and the endpoint of a target.
pub type TargetGround = (Rc<dyn Media>, Rc<dyn Transport>);

/// A simulated machine: the engine's targets are tasks of its executor instead of threads.
pub trait Machine {
    /// Clock and random numbers.
    fn env(&self) -> Env;

    /// The way to control ports.
    fn control(&self) -> Arc<dyn ControlNetwork>;

    /// The small files of the engine's directory.
    fn files(&self) -> SmallFiles;

    /// What there is room for.
    fn capacity(&self) -> Arc<dyn Capacity>;

    /// Runs the targets.
    fn spawner(&self) -> Spawner;

    /// The name of the fabric's provider.
    fn provider(&self) -> String;

    /// Opens media and endpoint of a target that starts.
    ///
    /// # Errors
    /// As those of media and transports.
    fn open_target(&self, index: TargetIndex) -> Result<TargetGround>;

    /// Lets everybody else go on, as time does while the engine's main thread waits for its targets to end; `false` when the machine has
    /// lost its power meanwhile.
    fn let_pass(&self) -> bool;
}
