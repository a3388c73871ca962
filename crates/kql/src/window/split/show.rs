//! The verdict in words, for `explain` and for messages.

use std::fmt;

use super::{Alignment, Combine, MergeStep, Splitting, Verdict};
use crate::time::format_timespan;
use crate::types::Schema;

impl Splitting {
    /// The verdict without its reason. `schema` is that of the query's result.
    pub fn describe(&self, schema: &Schema) -> String {
        let told = match &self.verdict {
            Verdict::Independent => "independent parts".to_owned(),
            Verdict::Mergeable(steps) => {
                let steps: Vec<String> = steps.iter().map(|step| told(step, schema)).collect();
                format!("parts that are merged: {}", steps.join(", then "))
            }
            Verdict::Neither => "no parts: the window is run as a whole".to_owned(),
        };
        match self.alignment {
            Some(alignment) => format!("{told}; cut {alignment}"),
            None => told,
        }
    }
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at multiples of {}", format_timespan(self.step))?;
        if self.offset != 0 {
            write!(f, " plus {}", format_timespan(self.offset))?;
        }
        Ok(())
    }
}

fn told(step: &MergeStep, schema: &Schema) -> String {
    let name = |column: usize| {
        let column = schema.columns().get(column);
        column.map_or("?", |column| &*column.name)
    };
    match step {
        MergeStep::Distinct => "made distinct".to_owned(),
        MergeStep::Take(count) => format!("cut to {count} rows"),
        MergeStep::Sort(keys) => {
            let keys: Vec<String> = keys
                .iter()
                .map(|key| {
                    let direction = if key.descending { "desc" } else { "asc" };
                    format!("{} {direction}", name(key.column))
                })
                .collect();
            format!("sorted by {}", keys.join(", "))
        }
        MergeStep::Aggregate { keys, outputs } => {
            let keys: Vec<&str> = keys.iter().map(|key| name(*key)).collect();
            let outputs: Vec<String> = outputs
                .iter()
                .map(|(column, combine)| format!("{} {}", name(*column), word(*combine, name)))
                .collect();
            if keys.is_empty() {
                format!("one row of {}", outputs.join(", "))
            } else {
                let (keys, outputs) = (keys.join(", "), outputs.join(", "));
                format!("one row for each {keys} of {outputs}")
            }
        }
    }
}

/// What becomes of the values of a column, behind its name.
fn word<'s>(combine: Combine, name: impl Fn(usize) -> &'s str) -> String {
    match combine {
        Combine::Add => "(added)".to_owned(),
        Combine::Least => "(the least)".to_owned(),
        Combine::Greatest => "(the greatest)".to_owned(),
        Combine::First => "(any)".to_owned(),
        Combine::FirstWith(by) => format!("(any, with {})", name(by)),
        Combine::OfLeast(by) => format!("(where {} is least)", name(by)),
        Combine::OfGreatest(by) => format!("(where {} is greatest)", name(by)),
        Combine::Union(_) => "(united)".to_owned(),
        Combine::Concatenate(_) => "(concatenated)".to_owned(),
        Combine::MergeBags => "(bags merged)".to_owned(),
        Combine::BitAnd | Combine::BitOr | Combine::BitXor => "(bitwise)".to_owned(),
        Combine::MergeHll => "(sketches merged)".to_owned(),
    }
}
