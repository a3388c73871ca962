//! What names stand for outside of rows: `let`, parameters, `as`. Scopes are persistent lists, so
//! that a function keeps the scope it was written in by holding one pointer.

use std::rc::Rc;
use std::sync::Arc;

use super::call::{is_constant, node_count};
use super::operator::matches_wildcard;
use super::table::Table;
use crate::hir;
use crate::syntax::ast;

/// What a name of a scope stands for.
#[derive(Clone)]
pub(super) enum Binding<'a> {
    /// A scalar. `reads_row` where it holds columns of the row of a function's caller; `size` is
    /// the number of nodes that each reference copies.
    Scalar {
        expr: hir::Expr,
        reads_row: bool,
        size: usize,
    },
    /// A table; `size` is the number of nodes that each reference copies.
    Table { table: Rc<Table>, size: usize },
    /// A lambda and the scope it was written in.
    Function {
        function: &'a ast::Function,
        scope: Scope<'a>,
    },
    /// The places or tables of an `entity_group`.
    Entities(&'a [ast::Expr]),
    /// The place or table that `macro-expand` is at.
    Entity(&'a ast::Expr),
    /// A pattern and the scope it was written in; without a definition any call of it is refused.
    Pattern {
        pattern: Option<&'a ast::Pattern>,
        scope: Scope<'a>,
    },
    /// Its definition has an error that was reported.
    Broken,
}

impl Binding<'_> {
    pub(super) fn table(table: Table) -> Self {
        Self::Table {
            size: table.size(),
            table: Rc::new(table),
        }
    }

    pub(super) fn scalar(expr: hir::Expr) -> Self {
        Self::Scalar {
            reads_row: !is_constant(&expr),
            size: node_count(&expr),
            expr,
        }
    }
}

/// The names visible at one place.
#[derive(Clone, Default)]
pub(super) struct Scope<'a> {
    last: Option<Rc<Entry<'a>>>,
    frame: u32,
    /// Names of tables, with wildcards, that alone can be read, after `restrict access`.
    allowed: Option<Rc<[Arc<str>]>>,
}

struct Entry<'a> {
    name: Arc<str>,
    binding: Binding<'a>,
    frame: u32,
    before: Option<Rc<Entry<'a>>>,
}

impl Drop for Entry<'_> {
    /// One entry after the other: a query has more of them than the stack has room for calls.
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut entry) = before.and_then(Rc::into_inner) {
            before = entry.before.take();
        }
    }
}

impl<'a> Scope<'a> {
    /// What `name` stands for here.
    pub(super) fn find(&self, name: &str) -> Option<&Binding<'a>> {
        self.entries()
            .find(|entry| &*entry.name == name)
            .map(|entry| &entry.binding)
    }

    /// Whether `name` was bound in the innermost body.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.entries()
            .take_while(|entry| entry.frame == self.frame)
            .any(|entry| &*entry.name == name)
    }

    /// Binds a name from here on.
    pub(super) fn bind(&mut self, name: Arc<str>, binding: Binding<'a>) {
        self.last = Some(Rc::new(Entry {
            name,
            binding,
            frame: self.frame,
            before: self.last.take(),
        }));
    }

    /// Leaves only tables that match one of these names to be read.
    pub(super) fn restrict(&mut self, allowed: Vec<Arc<str>>) {
        self.allowed = Some(allowed.into());
    }

    /// Whether a table may be read here.
    pub(super) fn allows(&self, table: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| {
            allowed
                .iter()
                .any(|pattern| matches_wildcard(pattern, table))
        })
    }

    /// The scope of a function body inside this one.
    pub(super) fn body(&self) -> Self {
        Self {
            last: self.last.clone(),
            frame: self.frame + 1,
            allowed: self.allowed.clone(),
        }
    }

    /// All visible names with what they stand for, latest first.
    pub(super) fn names(&self) -> impl Iterator<Item = (&Arc<str>, &Binding<'a>)> {
        self.entries().map(|entry| (&entry.name, &entry.binding))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        std::iter::successors(self.last.as_deref(), |entry| entry.before.as_deref())
    }
}
