//! The settings of a hunt from all places where they may be written, and where that is.

use kql::diagnostic::Diagnostic;

use crate::hunt::config::Override;
use crate::hunt::file::HuntFile;
use crate::hunt::header::Header;
use crate::problem::{Problem, SourceFile};
use crate::yaml::Node;

/// Settings with the place where they are written.
pub(super) struct Layer<'a> {
    pub(super) header: &'a Header,
    pub(super) document: &'a Node,
    pub(super) file: &'a SourceFile,
}

/// All settings of a hunt; those that count most come first.
pub(super) struct Layers<'a>(Vec<Layer<'a>>);

impl<'a> Layers<'a> {
    /// The settings of a hunt's file, and those that count more.
    pub(super) fn new(hunt: &'a HuntFile, overrides: Option<Override<'a>>) -> Self {
        let own = Layer {
            header: &hunt.header,
            document: &hunt.document,
            file: &hunt.file,
        };
        let over = overrides.map(|over| Layer {
            header: over.header,
            document: over.document,
            file: over.file,
        });
        Self(over.into_iter().chain([own]).collect())
    }

    /// The setting that counts, of all layers.
    pub(super) fn first<T: ?Sized>(
        &self,
        get: impl Fn(&'a Header) -> Option<&'a T>,
    ) -> Option<&'a T> {
        self.0.iter().find_map(|layer| get(layer.header))
    }

    /// The file and document in which a setting stands: by its first key.
    pub(super) fn layer_of(&self, path: &[&str]) -> &Layer<'a> {
        let is_there = |layer: &&Layer<'_>| {
            let mut node = layer.document;
            path.iter().take(2).all(|key| match node.entry(key) {
                Some(entry) => {
                    node = &entry.node;
                    true
                }
                None => false,
            })
        };
        let named = self.0.iter().find(is_there);
        let first_key = path.first().copied().unwrap_or_default();
        named
            .or_else(|| {
                self.0
                    .iter()
                    .find(|layer| layer.document.entry(first_key).is_some())
            })
            .unwrap_or_else(|| &self.0[self.0.len() - 1])
    }

    /// A problem about the setting at `path`.
    pub(super) fn problem(
        &self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        help: Option<String>,
    ) -> Problem {
        let layer = self.layer_of(path);
        let span = layer.document.place(path.iter().copied());
        let mut diagnostic = Diagnostic::error(code, span, message);
        diagnostic.help = help;
        layer.file.problem(diagnostic)
    }
}
