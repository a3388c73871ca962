//! `evaluate`: which parameter of the plugin each argument is for, what it is bound to, and the
//! columns that the plugin makes.

mod argument;
mod output;

use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code};
use crate::builtin::plugin::{self, Plugin, PluginParameter, Takes};
use crate::builtin::{aggregate, scalar};
use crate::diagnostic::Diagnostic;
use crate::hir::{PlanKind, PluginArgument, PluginCall};
use crate::span::Span;
use crate::syntax::ast;

/// Properties of `evaluate`.
const PROPERTIES: &[&str] = &["hint.distribution", "hint.pass_filters"];
/// Values of `hint.distribution`.
const DISTRIBUTIONS: &[&str] = &["single", "per_node", "per_shard", "default"];

/// The columns that are declared behind the call: `: (*, a: long)`.
pub(super) type DeclaredColumns = (Vec<ast::ColumnDeclaration>, bool);

/// An argument with the parameter it is for.
struct Given<'a> {
    parameter: &'static PluginParameter,
    /// The name in front of it.
    name: Option<&'a ast::Name>,
    value: &'a ast::Expr,
}

impl<'a> Binder<'a> {
    /// `evaluate plugin(arguments) : (columns)`
    pub(in crate::bind) fn evaluate(
        &mut self,
        table: Table,
        properties: &[ast::Property],
        call: &'a ast::Expr,
        declared: Option<&DeclaredColumns>,
        span: Span,
    ) -> Table {
        for property in self.properties(properties, PROPERTIES) {
            if &*property.name.text == "hint.distribution" {
                let _ = self.property_word(property, DISTRIBUTIONS);
            }
        }
        self.evaluated(table, call, declared, span)
            .unwrap_or_else(|Reported| Table::unknown(span))
    }

    fn evaluated(
        &mut self,
        table: Table,
        call: &'a ast::Expr,
        declared: Option<&DeclaredColumns>,
        span: Span,
    ) -> Attempt<Table> {
        let ast::ExprKind::Call {
            function,
            arguments,
        } = &call.kind
        else {
            if !matches!(call.kind, ast::ExprKind::Missing) {
                let message = "`evaluate` takes the call of a plugin";
                self.error(code::MISPLACED, call.span, message);
            }
            return Err(Reported);
        };
        let Some(plugin) = plugin::plugin(&function.text) else {
            return Err(self.no_plugin(function));
        };
        let given = self.assign(plugin, function, arguments, &table)?;
        let mut lookup = None;
        let mut bound = Vec::with_capacity(given.len());
        let mut failed = false;
        for argument in &given {
            match self.plugin_argument(plugin, argument, &table, &mut lookup) {
                Ok(value) => bound.push(PluginArgument {
                    parameter: argument.parameter.name,
                    name: argument.name.map(|name| name.text.clone()),
                    value,
                }),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        let mut schema =
            self.plugin_schema(plugin, &table, &given, &bound, lookup.as_ref(), declared)?;
        let depends_on_rows =
            declared.is_none() && plugin.output.contains(&plugin::Output::Further);
        let call = depends_on_rows.then(|| self.plugin_call(function.span));
        if let Some(known) = call.and_then(|call| self.known.get(&call)) {
            schema = known.clone();
        }
        let (broken, open) = (table.broken.clone(), table.open);
        let untyped = table.untyped.clone();
        let mut result = Table::new(
            PlanKind::Plugin {
                function: plugin,
                input: table.plan,
                arguments: bound,
                call,
            },
            schema,
            span,
        );
        if plugin.output.contains(&plugin::Output::Input) {
            result.broken = broken;
            result.open = open;
            result.untyped = untyped;
        }
        Ok(result)
    }

    /// Tells a call from the others of the query.
    fn plugin_call(&mut self, span: Span) -> PluginCall {
        let count = self.plugin_calls.entry(span).or_default();
        let occurrence = *count;
        *count += 1;
        PluginCall { span, occurrence }
    }

    fn no_plugin(&mut self, function: &ast::Name) -> Reported {
        let name = &*function.text;
        if scalar(name).is_some() || aggregate(name).is_some() {
            let message = format!("`{name}` is a function, not a plugin");
            return self.report(
                Diagnostic::error(code::UNKNOWN_FUNCTION, function.span, message)
                    .with_help("call it in `extend` or `summarize`"),
            );
        }
        let plugins = plugin::plugins().map(|plugin| plugin.name);
        self.unknown(
            code::UNKNOWN_FUNCTION,
            "plugin",
            name,
            function.span,
            plugins,
        )
    }

    /// Finds the parameter that each argument is for.
    fn assign(
        &mut self,
        plugin: &'static Plugin,
        function: &ast::Name,
        arguments: &'a [ast::Argument],
        table: &Table,
    ) -> Attempt<Vec<Given<'a>>> {
        let count = arguments.len();
        let form = plugin.forms.iter().find(|form| takes_count(form, count));
        let Some(form) = form else {
            let forms: Vec<String> = plugin.forms.iter().map(|form| counts(form)).collect();
            let wanted = forms.join(" or ");
            let message = format!("the plugin `{}` takes {wanted}, {count} given", plugin.name);
            return Err(self.error(code::ARGUMENT_COUNT, function.span, message));
        };
        let mut given: Vec<Given<'a>> = Vec::with_capacity(count);
        let mut next = 0;
        for argument in arguments {
            let (name, value) = match &argument.kind {
                ast::ExprKind::Named { names, value, .. } => (names.first(), &**value),
                _ => (None, argument),
            };
            let named = name.and_then(|name| {
                let mut parameters = form.iter();
                parameters.find(|parameter| parameter.optional && *parameter.name == *name.text)
            });
            if let Some(parameter) = named {
                given.push(Given {
                    parameter,
                    name,
                    value,
                });
                continue;
            }
            while let Some(parameter) = form.get(next)
                && next + 1 < form.len()
                && self.skips(parameter, &given, name, value, table)
            {
                next += 1;
            }
            let Some(parameter) = form.get(next) else {
                let wanted = counts(form);
                let message = format!("the plugin `{}` takes {wanted}", plugin.name);
                return Err(self.error(code::ARGUMENT_COUNT, argument.span, message));
            };
            given.push(Given {
                parameter,
                name,
                value,
            });
            if !parameter.repeats {
                next += 1;
            }
        }
        Ok(given)
    }

    /// Whether an argument is rather for a later parameter: the one at hand may be left out, or
    /// has had an argument, and this one does not look like another.
    fn skips(
        &self,
        parameter: &'static PluginParameter,
        given: &[Given<'a>],
        name: Option<&ast::Name>,
        value: &ast::Expr,
        table: &Table,
    ) -> bool {
        let has_one = given
            .iter()
            .any(|given| given.parameter.name == parameter.name);
        if !(parameter.optional || (parameter.repeats && has_one)) {
            return false;
        }
        let column = match &value.kind {
            ast::ExprKind::Name(name) => Some(name),
            _ => None,
        };
        let suits = match parameter.takes {
            Takes::Column(_) => match column {
                Some(column) => {
                    let of_scope = self.scope.find(&column.text).is_some()
                        || self.catalog.table(&column.text).is_some();
                    table.schema().index_of(&column.text).is_some() || !of_scope
                }
                None => matches!(value.kind, ast::ExprKind::Literal(_)) && !parameter.repeats,
            },
            Takes::CommonColumn => !matches!(value.kind, ast::ExprKind::Literal(_)),
            Takes::Expression(_) if parameter.repeats => column.is_none() || name.is_some(),
            Takes::Constant(_) if !parameter.repeats => column.is_none_or(|column| {
                table.schema().index_of(&column.text).is_none()
                    && self.catalog.table(&column.text).is_none()
            }),
            _ => true,
        };
        !suits
    }
}

fn takes_count(form: &[PluginParameter], count: usize) -> bool {
    let least = form.iter().filter(|parameter| !parameter.optional).count();
    let repeats = form.iter().any(|parameter| parameter.repeats);
    count >= least && (repeats || count <= form.len())
}

/// How many arguments a form takes, in words.
fn counts(form: &[PluginParameter]) -> String {
    let least = form.iter().filter(|parameter| !parameter.optional).count();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    if form.iter().any(|parameter| parameter.repeats) {
        return format!("at least {least} argument{}", plural(least));
    }
    let most = form.len();
    if most == 0 {
        return "no arguments".to_owned();
    }
    if least == most {
        return format!("{most} argument{}", plural(most));
    }
    format!("{least} to {most} arguments")
}
