//! What a configuration file becomes: hunts, and the sources, lake and actions they use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::action::{self, Surroundings};
use crate::clock::SharedClock;
use crate::config::{self, Config};
use crate::dispatcher::{Destination, Destinations};
use crate::hunt::{HuntSet, Hunts};
use crate::runner::pipeline::Pipeline;
use crate::server::kusto::databases::Set;
use crate::source::Source;
use crate::source::broker::Broker;
use crate::source::schema::KnownTables;
use crate::{lake, source};

/// A configuration with all it names, replaced as a whole.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) set: HuntSet,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) destinations: Destinations,
}

/// What people wrote, read and found to be right. Nothing has been opened for it.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) config: Config,
    set: HuntSet,
}

const BROKEN_OFF: &str = "reading the configuration was broken off";

impl Files {
    /// Reads the configuration and its hunts. Looking at files, a source's among them, takes its
    /// time, which the tasks of this process do not have to wait for.
    pub(super) async fn read(path: &Path) -> anyhow::Result<Self> {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let loaded = config::load(&path)?;
            let known = KnownTables::of(&loaded.config.sources, &loaded.config.catalog);
            let set = HuntSet::load(&loaded.hunts(), &|source| known.tables(source))?;
            Ok(Self {
                config: loaded.config,
                set,
            })
        });
        read.await.context(BROKEN_OFF)?
    }
}

impl Setup {
    /// Makes all that a configuration names. Reading certificates and making folders takes its
    /// time, which the tasks of this process do not have to wait for.
    pub(super) async fn build(
        files: Files,
        clock: &SharedClock,
        broker: &Arc<Broker>,
    ) -> anyhow::Result<Self> {
        let (clock, broker) = (Arc::clone(clock), Arc::clone(broker));
        tokio::task::spawn_blocking(move || Self::make(files, &clock, broker))
            .await
            .context(BROKEN_OFF)?
    }

    fn make(files: Files, clock: &SharedClock, broker: Arc<Broker>) -> anyhow::Result<Self> {
        let Files { config, set } = files;
        broker.reset_limits();
        let surroundings = source::Surroundings {
            clock: Arc::clone(clock),
            broker,
            declared: Arc::new(config.catalog.catalog()),
        };
        let sources = source::build_all(&config.sources, &surroundings)?;
        let lake = lake::build(&config.lake).context("the lake cannot be opened")?;
        let surroundings = Surroundings {
            results: lake.files(),
            clock: Arc::clone(clock),
        };
        let mut destinations = BTreeMap::new();
        for (name, action) in &config.actions {
            let notifier = action::build(name, action, &surroundings)?;
            let destination = Destination {
                notifier,
                give_up_after: action.give_up_after(),
            };
            destinations.insert(name.clone(), destination);
        }
        let pipeline = Arc::new(Pipeline {
            sources,
            lake,
            clock: Arc::clone(clock),
        });
        Ok(Self {
            config,
            set,
            pipeline,
            destinations,
        })
    }

    /// The sources as databases. A request that names none means the default source, or the only
    /// one.
    pub(super) fn databases(&self) -> Set {
        let sources = self.pipeline.sources.iter();
        let sources: BTreeMap<String, Arc<dyn Source>> = sources
            .map(|(name, source)| (name.to_string(), Arc::clone(source)))
            .collect();
        let default = self.config.defaults.source.as_ref();
        let only = sources.keys().next().filter(|_| sources.len() == 1);
        Set {
            default: default.map(ToString::to_string).or_else(|| only.cloned()),
            sources,
            any_name: false,
        }
    }

    pub(super) fn hunts(&self) -> Hunts {
        Arc::new(self.set.hunts.clone())
    }
}
