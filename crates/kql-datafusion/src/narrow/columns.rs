//! Columns that nothing reads. Each step says which columns of its inputs it wants; tables,
//! projections, joins and unions then yield those and no others, and expressions are rewritten to
//! where their columns have gone. Steps that are not listed here want all there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kql::builtin;
use kql::hir::{Expr, ExprKind, JoinKind, MakeSeries, Plan, PlanKind, UnionColumn, UnionInput};
use kql::types::Schema;

/// Positions of columns, ascending; none for all of them, each at its place.
type Positions = Option<Vec<usize>>;

pub(super) fn narrow(plan: &mut Plan) {
    Columns::default().plan(plan, None);
}

#[derive(Default)]
struct Columns {
    /// Shared subtrees that are done: references stay references to one subtree.
    shared: HashMap<u32, Arc<Plan>>,
}

impl Columns {
    /// Takes columns out of a plan that are not wanted. Gives what the columns that it yields now
    /// were before: those that are wanted, and possibly more.
    fn plan(&mut self, plan: &mut Plan, wanted: Positions) -> Positions {
        let width = plan.schema.len();
        let wanted = wanted.filter(|wanted| wanted.len() < width && !plan.schema.is_open());
        // A table without columns would be a special case for every step that reads it.
        let wanted = wanted.map(|wanted| if wanted.is_empty() { vec![0] } else { wanted });
        for expr in plan.expressions_mut() {
            self.tables_within(expr);
        }
        let Plan { kind, schema, .. } = plan;
        let kept = match &mut **kind {
            PlanKind::Table { time_column, .. } => {
                if let (Some(time), Some(wanted)) = (*time_column, &wanted) {
                    *time_column = wanted.binary_search(&time).ok();
                }
                wanted
            }
            PlanKind::Filter { input, predicate } => self.passed(input, wanted, vec![predicate]),
            PlanKind::Sort { input, keys } => {
                let keys = keys.iter_mut().map(|key| &mut key.expr).collect();
                self.passed(input, wanted, keys)
            }
            PlanKind::Take { input, .. }
            | PlanKind::Sample { input, .. }
            | PlanKind::Serialize { input } => self.plan(input, wanted),
            PlanKind::Project { input, columns } => {
                if let Some(wanted) = &wanted {
                    let mut position = 0;
                    columns.retain(|_| {
                        position += 1;
                        wanted.binary_search(&(position - 1)).is_ok()
                    });
                }
                self.absorbed(input, columns.iter_mut().collect());
                wanted
            }
            PlanKind::Aggregate {
                input,
                keys,
                aggregates,
            } => {
                let calls = aggregates.iter_mut();
                let arguments = calls.flat_map(|call| &mut call.arguments);
                self.absorbed(input, keys.iter_mut().chain(arguments).collect());
                None
            }
            PlanKind::Join {
                left,
                right,
                kind,
                on,
            } => self.join(left, right, *kind, on, wanted),
            PlanKind::Union { inputs } => {
                for leg in inputs.iter_mut() {
                    self.leg(leg, wanted.as_deref());
                }
                wanted
            }
            PlanKind::Shared { id, input } => {
                if let Some(done) = self.shared.get(id) {
                    *input = Arc::clone(done);
                } else {
                    let mut inner = Plan::clone(input);
                    self.plan(&mut inner, None);
                    *input = Arc::new(inner);
                    self.shared.insert(*id, Arc::clone(input));
                }
                None
            }
            // Subqueries over rows of a group stay as they are: what reads them counts columns.
            PlanKind::MvApply(apply) => self.whole([&mut apply.input]),
            PlanKind::Partition(partition) => self.whole([&mut partition.input]),
            PlanKind::TopNested(nested) => self.whole([&mut nested.input]),
            PlanKind::Scan(scan) => self.whole([&mut scan.input]),
            PlanKind::MakeSeries(MakeSeries { input, .. }) => self.whole([input]),
            _ => {
                self.whole(plan.inputs_mut());
                return None;
            }
        };
        if let Some(kept) = &kept {
            *schema = select(schema, kept);
        }
        kept
    }

    /// Inputs of which all columns are wanted, of a step that yields what it did.
    fn whole<'p>(&mut self, inputs: impl IntoIterator<Item = &'p mut Plan>) -> Positions {
        for input in inputs {
            self.plan(input, None);
        }
        None
    }

    /// The input of a step that hands its columns on.
    fn passed(&mut self, input: &mut Plan, wanted: Positions, exprs: Vec<&mut Expr>) -> Positions {
        let wanted = wanted.and_then(|wanted| {
            let mut read: BTreeSet<usize> = wanted.into_iter().collect();
            exprs
                .iter()
                .try_for_each(|expr| add_columns(expr, &mut read))?;
            Some(read.into_iter().collect())
        });
        let kept = self.plan(input, wanted);
        for expr in exprs {
            relocate(expr, kept.as_deref());
        }
        kept
    }

    /// The input of a step of which only these expressions read it.
    fn absorbed(&mut self, input: &mut Plan, exprs: Vec<&mut Expr>) {
        self.passed(input, Some(Vec::new()), exprs);
    }

    fn join(
        &mut self,
        left: &mut Plan,
        right: &mut Plan,
        kind: JoinKind,
        on: &mut [(Expr, Expr)],
        wanted: Positions,
    ) -> Positions {
        let (left_width, right_width) = (left.schema.len(), right.schema.len());
        let nothing = || Some(Vec::new());
        let (left_wanted, right_wanted) = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => (wanted, nothing()),
            JoinKind::RightSemi | JoinKind::RightAnti => (nothing(), wanted),
            JoinKind::InnerUnique
            | JoinKind::Inner
            | JoinKind::LeftOuter
            | JoinKind::RightOuter
            | JoinKind::FullOuter => match wanted {
                None => (None, None),
                Some(mut wanted) => {
                    let mut of_right =
                        wanted.split_off(wanted.partition_point(|at| *at < left_width));
                    for at in &mut of_right {
                        *at -= left_width;
                    }
                    (Some(wanted), Some(of_right))
                }
            },
        };
        let (left_keys, right_keys) = on.iter_mut().map(|(left, right)| (left, right)).unzip();
        let left_kept = self.passed(left, left_wanted, left_keys);
        let right_kept = self.passed(right, right_wanted, right_keys);
        match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => left_kept,
            JoinKind::RightSemi | JoinKind::RightAnti => right_kept,
            _ if left_kept.is_none() && right_kept.is_none() => None,
            _ => {
                let mut kept = left_kept.unwrap_or_else(|| (0..left_width).collect());
                let of_right = right_kept.unwrap_or_else(|| (0..right_width).collect());
                kept.extend(of_right.into_iter().map(|at| left_width + at));
                Some(kept)
            }
        }
    }

    /// A leg of a union, of which only some columns are wanted.
    fn leg(&mut self, leg: &mut UnionInput, wanted: Option<&[usize]>) {
        let place = |output: usize| match wanted {
            Some(wanted) => wanted.binary_search(&output).ok(),
            None => Some(output),
        };
        leg.values.retain_mut(|value| match place(value.output) {
            Some(output) => {
                value.output = output;
                true
            }
            None => false,
        });
        let given = leg.columns.iter();
        let mut given: Vec<(usize, usize)> = given
            .filter_map(|column| Some((place(column.output())?, column.input())))
            .collect();
        let read: BTreeSet<usize> = given.iter().map(|(_, input)| *input).collect();
        let values = leg
            .values
            .iter_mut()
            .map(|value| &mut value.value)
            .collect();
        let kept = self.passed(&mut leg.plan, Some(read.into_iter().collect()), values);
        if wanted.is_none() && kept.is_none() {
            return;
        }
        if let Some(kept) = &kept {
            for (_, input) in &mut given {
                *input = place_among(kept, *input);
            }
        }
        let given = given.into_iter();
        leg.columns = given
            .map(|(output, input)| UnionColumn::new(output, input))
            .collect();
    }

    /// The tables that an expression and its operands read: the first column of each.
    fn tables_within(&mut self, expr: &mut Expr) {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if let Some(table) = expr.table_mut() {
                self.plan(table, Some(Vec::new()));
            }
            pending.extend(expr.operands_mut());
        }
    }
}

/// The columns at these positions.
fn select(schema: &Schema, kept: &[usize]) -> Schema {
    let columns = kept.iter().map(|at| schema.columns()[*at].clone());
    columns.collect::<Schema>().opened(schema.is_open())
}

/// Adds the columns that an expression reads; none if it reads what it does not say.
fn add_columns(expr: &Expr, read: &mut BTreeSet<usize>) -> Option<()> {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Column(position) => {
                read.insert(*position);
            }
            ExprKind::Further(_) => return None,
            ExprKind::Call { function, .. }
                if function.reads_record() || builtin::graph(function.name).is_some() =>
            {
                return None;
            }
            _ => pending.extend(expr.operands()),
        }
    }
    Some(())
}

/// Rewrites an expression to columns of which only some are left.
fn relocate(expr: &mut Expr, kept: Option<&[usize]>) {
    let Some(kept) = kept else { return };
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &mut expr.kind {
            ExprKind::Column(position) => *position = place_among(kept, *position),
            _ => pending.extend(expr.operands_mut()),
        }
    }
}

fn place_among(kept: &[usize], position: usize) -> usize {
    let place = kept.binary_search(&position);
    place.expect("a step yields all columns that are wanted of it")
}
