//! The runs under way: their tasks, and what each of them is.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};

use crate::id::{RunId, SourceName};
use crate::run::RunRequest;

/// How a task ended.
pub(super) type Joined = Result<(Id, ()), JoinError>;

/// The owner of all tasks of the runner.
#[derive(Default)]
pub(super) struct Work {
    tasks: JoinSet<()>,
    running: HashMap<Id, (RunRequest, SourceName)>,
}

impl Work {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.running.values().map(|(request, _)| request.id)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &SourceName> {
        self.running.values().map(|(_, source)| source)
    }

    pub(super) fn spawn(
        &mut self,
        request: RunRequest,
        source: SourceName,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.tasks.spawn(task);
        self.running.insert(handle.id(), (request, source));
    }

    /// The next task that ends; none when there are none.
    pub(super) async fn join_next(&mut self) -> Option<Joined> {
        self.tasks.join_next_with_id().await
    }

    /// A task that has ended already.
    pub(super) fn try_join_next(&mut self) -> Option<Joined> {
        self.tasks.try_join_next_with_id()
    }

    /// Forgets a task. Its run and the panic, if it ended by one.
    pub(super) fn reap(&mut self, joined: Joined) -> Option<(RunRequest, String)> {
        let id = match &joined {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let (request, _) = self.running.remove(&id)?;
        let panic = joined.err()?.try_into_panic().ok()?;
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Some((request, text.unwrap_or("panicked").to_owned()))
    }

    /// Ends all tasks where they are.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
        self.running.clear();
    }
}
