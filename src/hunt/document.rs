//! What a file that people keep queries in is, and the queries in it: hunts of ours, rules of
//! Microsoft Sentinel, Markdown with fenced KQL, plain KQL.
//!
//! Hunts are `file`'s and `build`'s business; here only what is not one of them is checked.

use std::path::Path;

use kql::catalog::Catalog;
use kql::lint::LintContext;

use super::file::has_header;
use super::query::ticks;
use super::{markdown, query, sentinel};
use crate::problem::{Problem, SourceFile};
use crate::yaml::{self, Excerpt, Node};

/// What a file is.
#[derive(Clone, Debug)]
pub enum Document {
    /// A hunt of ours: it has a header, or is YAML.
    Hunt,
    /// YAML without a query: a configuration, a hunt that lacks its query, or something else.
    Settings(Node),
    /// A rule or a hunting query of Sentinel, with its settings.
    Rule(Node),
    /// Markdown.
    Markdown,
    /// KQL and nothing else.
    Plain,
}

/// Whether a file may hold queries, by its extension.
pub fn may_hold_queries(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(
        extension,
        Some("kql" | "csl" | "txt" | "yaml" | "yml" | "md" | "markdown")
    )
}

impl Document {
    /// Tells by extension and text what a file is.
    pub fn of(file: &SourceFile) -> Self {
        let extension = file
            .path
            .extension()
            .and_then(|extension| extension.to_str());
        match extension {
            Some("yaml" | "yml") => match yaml::parse(&file.text, &Excerpt::whole(&file.text)).0 {
                Some(document) if sentinel::is_rule(&document) => Self::Rule(document),
                Some(document) if document.entry("query").is_none() => Self::Settings(document),
                _ => Self::Hunt,
            },
            Some("md" | "markdown") => Self::Markdown,
            _ if has_header(&file.text) => Self::Hunt,
            _ => Self::Plain,
        }
    }

    /// The queries of a file that is no hunt.
    pub fn queries(&self, file: &SourceFile) -> Vec<Excerpt> {
        match self {
            Self::Hunt | Self::Settings(_) => Vec::new(),
            Self::Rule(document) => {
                let node = document.entry("query").map(|entry| &entry.node);
                let text = node.and_then(|node| Some((node, node.as_text()?)));
                text.map(|(node, text)| Excerpt::of_scalar(&file.text, node, text))
                    .into_iter()
                    .collect()
            }
            Self::Markdown => markdown::queries(&file.text),
            Self::Plain => vec![Excerpt::of_piece(&file.text, 0)],
        }
    }

    /// How the queries are run: a rule for its period; others nobody knows, and a time range is set
    /// where people run them.
    fn lint_context(&self) -> LintContext {
        let period = match self {
            Self::Rule(document) => sentinel::period(document),
            _ => None,
        };
        LintContext {
            window_injected: true,
            lookback: period.and_then(ticks),
            ..LintContext::default()
        }
    }

    /// Everything that is wrong with a file that is no hunt; without a catalog, only the syntax of
    /// its queries is looked at.
    pub fn check(&self, file: &SourceFile, catalog: Option<&dyn Catalog>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for query in self.queries(file) {
            let Some(catalog) = catalog else {
                problems.extend(query::parse(file, &query));
                continue;
            };
            let (bound, found) = query::bind(file, &query, catalog, &self.lint_context());
            problems.extend(found);
            if let (Self::Rule(document), Some(bound)) = (self, bound) {
                let found = sentinel::check_columns(document, &bound.plan.schema);
                problems.extend(found.into_iter().map(|problem| file.problem(problem)));
            }
        }
        if let Self::Rule(document) = self {
            let found = yaml::parse(&file.text, &Excerpt::whole(&file.text)).1;
            let found = found.into_iter().chain(sentinel::check(document));
            problems.extend(found.map(|problem| file.problem(problem)));
            problems.sort_by_key(|problem| problem.diagnostic.span);
        }
        problems
    }
}
