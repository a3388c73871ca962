//! `macro-expand`: the same statements over each place or table of a group, put together.

use super::unite::unite;
use crate::bind::scope::Binding;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, Value, code};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast;

impl<'a> Binder<'a> {
    /// `macro-expand group as name (body)`
    pub(in crate::bind) fn macro_expand(
        &mut self,
        properties: &'a [ast::Property],
        group: &'a ast::Expr,
        name: &'a ast::Name,
        body: &'a ast::Script,
        span: Span,
    ) -> Attempt<Table> {
        let mut fuzzy = false;
        let mut inner = false;
        for property in self.properties(properties, &["isfuzzy", "kind"]) {
            if &*property.name.text == "isfuzzy" {
                fuzzy = self.property_word(property, &["true", "false"])? == "true";
            } else {
                inner = self.property_word(property, &["inner", "outer"])? == "inner";
            }
        }
        let entities = self.entities(group)?;
        let mut legs = Vec::with_capacity(entities.len());
        let mut failed = false;
        for entity in entities {
            if fuzzy && self.leaves_out(entity) {
                continue;
            }
            let own = self.scope.body();
            let outer = std::mem::replace(&mut self.scope, own);
            self.scope.bind(name.text.clone(), Binding::Entity(entity));
            let bound = self.nested(span, |binder| binder.bind_body(body, span));
            self.scope = outer;
            match bound {
                Ok(Value::Table(table)) if !table.open => legs.push(table),
                Ok(Value::Scalar(scalar)) => {
                    let message = "the body of `macro-expand` yields a single value, not a table";
                    self.error(code::TABLE_OR_SCALAR, scalar.span, message);
                    failed = true;
                }
                Ok(Value::Table(_)) | Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        if legs.is_empty() {
            let message = "the entity group has no table";
            return Err(self.error(code::UNKNOWN_TABLE, group.span, message));
        }
        let columns: usize = legs.iter().map(|leg| leg.schema().len()).sum();
        self.grow(legs.len() + columns / 8, span)?;
        let common = self.common(&legs, inner, None);
        Ok(unite(legs, &common, None, span))
    }

    fn entities(&mut self, group: &'a ast::Expr) -> Attempt<&'a [ast::Expr]> {
        match &group.kind {
            ast::ExprKind::Missing => Err(Reported),
            ast::ExprKind::EntityGroup(entities) => Ok(entities),
            ast::ExprKind::Name(name) => match self.scope.find(&name.text) {
                Some(Binding::Entities(entities)) => Ok(entities),
                Some(Binding::Broken) => Err(Reported),
                Some(_) => {
                    let message = format!("`{}` is not an entity group", name.text);
                    Err(self.error(code::MISPLACED, name.span, message))
                }
                None => {
                    let names = self.scope.names();
                    let groups: Vec<_> = names
                        .filter(|(_, binding)| matches!(binding, Binding::Entities(_)))
                        .map(|(name, _)| name.clone())
                        .collect();
                    let candidates = groups.iter().map(|name| &**name);
                    let (text, span) = (&name.text, name.span);
                    Err(self.unknown(code::UNKNOWN_NAME, "entity group", text, span, candidates))
                }
            },
            _ => {
                let message = "`macro-expand` takes an entity group";
                Err(self.error(code::MISPLACED, group.span, message))
            }
        }
    }

    /// Reports an entity group that stands where nothing can be done with it.
    pub(in crate::bind) fn misplaced_group(&mut self, span: Span) -> Reported {
        let message = "an entity group stands only in `let` and `macro-expand`";
        self.report(
            Diagnostic::error(code::MISPLACED, span, message)
                .with_help("go through it: `macro-expand group as X (X.Table | …)`"),
        )
    }
}
