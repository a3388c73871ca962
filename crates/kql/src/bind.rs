//! Syntax tree and catalog to resolved query: names, types, conversions, automatic column names.
//!
//! Binding never fails and never panics: it reports each mistake once and goes on with the rest.
//! An expression that failed is remembered as such, so that uses of it stay quiet. Functions are
//! inlined and `let` tables copied, so the resolved query has no names left but those of columns.

mod code;

mod access;
mod aggregate;
mod binary;
mod call;
mod catalog_function;
mod coerce;
mod consequence;
mod depth;
mod expression;
mod external;
mod function;
mod graph;
mod literal;
mod membership;
mod name;
mod numbering;
mod operator;
mod pack;
mod parameter;
mod pattern;
mod place;
mod property;
mod scope;
mod several;
mod shape;
mod sign;
mod signature;
mod source;
mod special;
mod statement;
mod table;
mod term;
mod window;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) use operator::matches_wildcard;
pub(crate) use parameter::constant_of;
pub use parameter::{Parameters, constant};

use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, Severity, did_you_mean};
use crate::hir;
use crate::name_map::NameMap;
use crate::span::Span;
use crate::syntax::{self, ast};
use crate::types::Schema;
use scope::{Binding, Scope};
use table::Table;

/// How deep expressions, pipelines and function calls may nest: more than the parser lets through,
/// and so a limit for functions that call functions.
const DEPTH_MAX: u32 = 320;
/// How many nodes, roughly, the query may have once functions are inlined and tables and values
/// that have names are copied to where they are used.
const SIZE_MAX: usize = 200_000;
/// Most errors, and most warnings, that are told about one query.
const TOLD_MAX: usize = 200;
/// Most warnings that are remembered to choose those from, and half as many as there may be
/// diagnostics in all.
const REMEMBERED_MAX: usize = 10_000;

/// What binding yields.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The resolved query; `None` if there are errors, or if it is open. Where it is open only
    /// because it needs the columns of a plugin's result, this is the part up to there, which can
    /// tell them.
    pub query: Option<hir::Query>,
    /// The columns of the result as far as they are known; `None` if there are errors.
    pub columns: Option<Schema>,
    /// Whether it reads tables whose columns are not all known, so that it cannot be resolved.
    pub is_open: bool,
    /// Errors and warnings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// The columns that running calls of plugins has told. Those of a call that had no rows to tell
/// from may be open: names behind it stay [`hir::ExprKind::Further`].
pub type KnownColumns = HashMap<hir::PluginCall, Schema>;

/// Parses and binds a query text. Diagnostics of the syntax come first.
pub fn compile(text: &str, catalog: &dyn Catalog) -> Bound {
    compile_with(text, catalog, &KnownColumns::new())
}

/// The same, where the columns of some calls of plugins are known that depend on the rows. Names
/// behind them are looked up among those columns, and are unknown columns if they are not there.
pub fn compile_with(text: &str, catalog: &dyn Catalog, known: &KnownColumns) -> Bound {
    compile_given(text, catalog, &Parameters::default(), known)
}

/// The same with values for the parameters that the query declares. A value that does not fit its
/// parameter is an error at the declaration.
pub fn compile_given(
    text: &str,
    catalog: &dyn Catalog,
    parameters: &Parameters,
    known: &KnownColumns,
) -> Bound {
    let parsed = syntax::parse(text);
    let broken = parsed.has_errors();
    if broken && parsed.script.statements.is_empty() {
        // That there is no query follows from what has been said.
        return Bound {
            columns: None,
            query: None,
            diagnostics: parsed.diagnostics,
            is_open: false,
        };
    }
    let mut bound = bind_given(&parsed.script, catalog, parameters, known);
    if broken {
        bound.query = None;
        bound.columns = None;
    }
    if let Some(query) = &mut bound.query {
        query.text = Some(text.into());
    }
    let mut diagnostics = parsed.diagnostics;
    consequence::drop_milder(&mut diagnostics, &bound.diagnostics);
    consequence::drop_consequences(text, &diagnostics, &mut bound.diagnostics);
    diagnostics.append(&mut bound.diagnostics);
    bound.diagnostics = diagnostics;
    bound
}

/// Binds a parsed query against the tables of a catalog.
pub fn bind(script: &ast::Script, catalog: &dyn Catalog) -> Bound {
    bind_given(
        script,
        catalog,
        &Parameters::default(),
        &KnownColumns::new(),
    )
}

fn bind_given(
    script: &ast::Script,
    catalog: &dyn Catalog,
    parameters: &Parameters,
    known: &KnownColumns,
) -> Bound {
    let mut binder = Binder {
        catalog,
        parameters,
        diagnostics: Vec::new(),
        scope: Scope::default(),
        render: None,
        tables_to_come: Vec::new(),
        aliases: Vec::new(),
        next_shared: 0,
        depth: 0,
        size: 0,
        checked: HashSet::new(),
        checked_size: 0,
        case_sensitive: false,
        is_open: false,
        similar_columns: NameMap::default(),
        known,
        plugin_calls: HashMap::new(),
        waits_for: None,
        bin_auto: BinAuto::default(),
    };
    let plan = binder.bind_script(script);
    let mut diagnostics = binder.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    diagnostics.dedup();
    keep_first(&mut diagnostics);
    let has_errors = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    let render = binder.render;
    let waits_for = binder.waits_for.filter(|_| !has_errors);
    let is_open = binder.is_open || waits_for.is_some();
    let plan = plan.filter(|_| !has_errors);
    let columns = plan.as_ref().map(|plan| plan.schema.clone());
    let query = waits_for
        .or(plan)
        .filter(|_| !binder.is_open)
        .map(|plan| hir::Query {
            plan,
            render,
            text: None,
            parameters: parameters.clone(),
        });
    Bound {
        query,
        columns,
        is_open,
        diagnostics,
    }
}

/// Drops what comes after the first errors and the first warnings. Each is shown with its line,
/// and nobody reads thousands.
fn keep_first(diagnostics: &mut Vec<Diagnostic>) {
    let (mut errors, mut warnings) = (0, 0);
    diagnostics.retain(|diagnostic| {
        let told = match diagnostic.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
        };
        *told += 1;
        *told <= TOLD_MAX
    });
}

/// A diagnostic has been reported: whoever sees this stays quiet and goes on.
#[derive(Clone, Copy, Debug)]
struct Reported;

/// A bound part, or the note that its error has been reported.
type Attempt<T> = Result<T, Reported>;

struct Binder<'a> {
    catalog: &'a dyn Catalog,
    /// Values for the parameters that the query declares.
    parameters: &'a Parameters,
    diagnostics: Vec<Diagnostic>,
    scope: Scope<'a>,
    render: Option<hir::Render>,
    /// Tables that `graph-to-table` makes for the statements behind its own.
    tables_to_come: Vec<(Arc<str>, Binding<'a>)>,
    /// Names that `alias database` gave to databases of other places.
    aliases: Vec<Arc<str>>,
    next_shared: u32,
    depth: u32,
    size: usize,
    /// Functions whose bodies have been checked where they are written.
    checked: HashSet<*const ast::Function>,
    /// How many nodes the checked bodies had.
    checked_size: usize,
    /// Whether the terms of the `search` at hand are case-sensitive.
    case_sensitive: bool,
    /// Whether a table was read whose columns are not all known.
    is_open: bool,
    /// For names of columns that are unknown in a schema, those that may be meant.
    similar_columns: NameMap<(Schema, Option<Arc<str>>)>,
    /// The columns of calls of plugins that depend on the rows.
    known: &'a KnownColumns,
    /// How often each call of such a plugin was bound so far.
    plugin_calls: HashMap<Span, u32>,
    /// The first table whose further columns must be known to resolve the query at all.
    waits_for: Option<hir::Plan>,
    /// What `set query_bin_auto_size` and `set query_bin_auto_at` give.
    bin_auto: BinAuto,
}

/// The bins of `bin_auto`.
#[derive(Default)]
struct BinAuto {
    size: Option<hir::Expr>,
    at: Option<hir::Expr>,
}

/// An expression that may be a scalar or a table.
enum Value {
    Scalar(hir::Expr),
    Table(Table),
}

impl Binder<'_> {
    fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        let remembered_max = match diagnostic.severity {
            Severity::Error => 2 * REMEMBERED_MAX,
            Severity::Warning => REMEMBERED_MAX,
        };
        if self.diagnostics.len() < remembered_max {
            self.diagnostics.push(diagnostic);
        }
        Reported
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Reported {
        self.report(Diagnostic::error(code, span, message))
    }

    fn warn(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::warning(code, span, message));
    }

    /// Runs a step one level deeper, or reports that the text nests too deeply.
    fn nested<T>(&mut self, span: Span, step: impl FnOnce(&mut Self) -> Attempt<T>) -> Attempt<T> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error(code::TOO_LARGE, span, "the query nests too deeply here"));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// Counts nodes, or reports that the query grows beyond all measure.
    fn grow(&mut self, nodes: usize, span: Span) -> Attempt<()> {
        let before = self.size;
        self.size = self.size.saturating_add(nodes);
        if self.size <= SIZE_MAX {
            return Ok(());
        }
        if before > SIZE_MAX {
            return Err(Reported);
        }
        let message = "the query grows too large when its functions and names are written out";
        Err(self.report(
            Diagnostic::error(code::TOO_LARGE, span, message)
                .with_help("wrap tables that are used many times in `materialize()`"),
        ))
    }

    fn shared_id(&mut self) -> u32 {
        self.next_shared += 1;
        self.next_shared
    }

    /// Reports an unknown name with the nearest known one.
    fn unknown<'n>(
        &mut self,
        code: &'static str,
        what: &str,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Reported {
        let diagnostic = Diagnostic::error(code, span, format!("unknown {what} `{name}`"));
        match did_you_mean(name, candidates) {
            Some(meant) => self.report(diagnostic.with_help(format!("did you mean `{meant}`?"))),
            None => self.report(diagnostic),
        }
    }

    /// Notes that the query can only be resolved once the further columns of a table are known.
    fn wait_for(&mut self, table: &Table) -> Reported {
        if self.waits_for.is_none() {
            let mut plan = table.plan.clone();
            plan.schema = Schema::default().opened(true);
            self.waits_for = Some(plan);
        }
        Reported
    }

    /// Wraps a table so that all references to it compute it once.
    fn share(&mut self, table: Table, span: Span) -> Table {
        let id = self.shared_id();
        table.then_same(span, |input| hir::PlanKind::Shared {
            id,
            input: Arc::new(input),
        })
    }
}
