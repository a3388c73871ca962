//! The table of rules: what each is called, why it is there, and the check.

mod approximate;
mod columns;
mod condition;
mod contains;
mod equality;
mod hidden;
mod join;
mod letter_case;
mod list;
mod order;
mod random;
mod range;
mod reduction;
mod regex;
mod scope;
mod term;
mod time;
mod unused;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::Explanation;

use super::allow;
use super::subject::Subject;

pub(super) use columns::dropped_by;

/// A rule: one thing that is probably not meant.
#[derive(Debug)]
pub struct Rule {
    /// Stable code, such as `KQL402`.
    pub code: &'static str,
    /// Name in words joined by hyphens.
    pub name: &'static str,
    /// The rule of Microsoft's kql-guard that says the same.
    pub guard: Option<&'static str>,
    /// What it adds to the cost of a query.
    pub cost: u32,
    /// One line.
    pub summary: &'static str,
    /// Why, and when not.
    pub explanation: &'static str,
    /// A query that has the fault.
    pub bad: &'static str,
    /// The same without it.
    pub good: &'static str,
    pub(super) check: Check,
}

/// Tells of each place that breaks the rule.
type Check = fn(&Subject<'_>, &mut Vec<Diagnostic>);

impl Rule {
    /// What the rule means, as of any code.
    pub fn explained(&self) -> Explanation {
        Explanation {
            code: self.code,
            title: self.summary,
            text: self.explanation,
            bad: self.bad,
            good: self.good,
        }
    }

    pub(super) fn check(&self, subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
        (self.check)(subject, found);
    }
}

/// All rules, by code.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied()
}

/// The rule with this code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code == code)
}

pub(super) const RULES: &[&Rule] = &[
    &time::NO_TIME_FILTER,
    &contains::CONTAINS,
    &scope::UNSCOPED_SEARCH,
    &scope::WILDCARD_UNION,
    &join::UNBOUNDED_JOIN,
    &regex::REGEX,
    &reduction::NO_REDUCTION,
    &reduction::UNBOUNDED_EXPAND,
    &scope::CROSS_CLUSTER,
    &order::UNBOUNDED_SORT,
    &letter_case::FOLDED_CASE,
    &order::UNORDERED_TAKE,
    &join::JOIN_KIND,
    &random::RANDOM,
    &range::SHORT_RANGE,
    &range::LONG_RANGE,
    &columns::DROPPED_COLUMN,
    &approximate::APPROXIMATE_EQUALITY,
    &condition::CONSTANT_CONDITION,
    &equality::WILDCARD_EQUALITY,
    &term::SHORT_TERM,
    &list::REPEATED_ITEM,
    &condition::REPEATED_CONDITION,
    &unused::UNUSED_LET,
    &order::FILTER_AFTER_TAKE,
    &hidden::HIDDEN_CHARACTER,
    &order::LOST_ORDER,
    &time::FIXED_DATE,
    &allow::UNEXPLAINED_ALLOW,
    &allow::IDLE_ALLOW,
];
