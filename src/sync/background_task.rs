//! A task that works while no request comes.

use std::{convert::Infallible, fmt};

use super::{Arc, Mutex};

/// A task in the background: it refreshes keys of load balancers, publishes those of the auth backend, or watches files. Dropping
/// this stops the task.
///
/// The task also ends by itself once the last layer or issuer that uses its result is gone.
#[must_use = "dropping it stops the task"]
pub struct BackgroundTask<P = Infallible> {
    task: tokio::task::JoinHandle<()>,
    problem: Problem<P>,
}

/// The slot for what a task reports as wrong at the moment.
pub(crate) type Problem<P> = Arc<Mutex<Option<P>>>;

impl<P> BackgroundTask<P> {
    /// Starts the task. It reports in `problem` what is wrong, and clears it once that is mended.
    pub(crate) fn spawn(
        runtime: &tokio::runtime::Handle,
        problem: Problem<P>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { task: runtime.spawn(task), problem }
    }

    /// Whether the task is still running.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Why the task could not do its work the last time, if it could not. What was in use before stays in use.
    pub fn problem(&self) -> Option<P>
    where
        P: Clone,
    {
        self.problem.lock().clone()
    }
}

impl<P> Drop for BackgroundTask<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<P> fmt::Debug for BackgroundTask<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundTask").field("running", &self.is_running()).finish_non_exhaustive()
    }
}
