//! The spans that a metric counts: those that its plan selects and that start in the range.

use store::Scan;

use crate::QueryError;
use crate::lang::{At, Expr, Plan, Row, SpanFilter};

use super::super::sets::{each_trace, joined, select};
use super::Context;

/// Hands over each span that `plan` selects. With `whole`, spans come with their place in the trace.
pub(super) fn each_row(
    context: &mut Context<'_>,
    plan: &Plan,
    whole: bool,
    mut each: impl FnMut(&Row<'_>),
) -> Result<(), QueryError> {
    let whole = whole || plan.values.iter().any(Expr::is_of_trace);
    match plan.single().filter(|_| !whole) {
        Some(filter) => each_alone(context, plan, filter, &mut each),
        None => each_in_trace(context, plan, &mut each),
    }
}

fn each_alone(
    context: &mut Context<'_>,
    plan: &Plan,
    filter: &SpanFilter,
    each: &mut impl FnMut(&Row<'_>),
) -> Result<(), QueryError> {
    let scan = filter.with_hints(Scan::new(context.steps.range));
    let scan = if context.exemplars > 0 { plan.with_trace_ids(scan) } else { plan.with_own_columns(scan) };
    for chunk in context.snapshot.spans(scan) {
        if context.budget.is_out_of_time()? {
            context.out_of_time();
            break;
        }
        match chunk {
            Ok(chunk) => {
                context.n_scanned += chunk.len() as u64;
                let mut bound = filter.bind(&chunk);
                for row in (0..chunk.len()).filter(|&row| bound.matches(row)) {
                    each(&Row { span: chunk.row(row), at: None });
                }
            }
            Err(error) => {
                context.truncated = true;
                context.warnings.unreadable(&error);
            }
        }
    }
    Ok(())
}

fn each_in_trace(context: &mut Context<'_>, plan: &Plan, each: &mut impl FnMut(&Row<'_>)) -> Result<(), QueryError> {
    let range = context.steps.range;
    let found = select::candidates(context.snapshot, context.budget, plan, range, &mut context.warnings)?;
    context.n_scanned += found.n_scanned;
    context.truncated |= found.truncated;
    let (snapshot, budget) = (context.snapshot, context.budget);
    let read = each_trace(snapshot, budget, plan, &found.ids, false, &mut context.warnings, |trace, sets| {
        for index in joined(&sets) {
            let index = index as usize;
            let span = trace.span(index);
            if range.contains(span.start) {
                each(&Row { span, at: Some(At { facts: &trace.facts, index }) });
            }
        }
    })?;
    if !read {
        context.out_of_time();
    }
    Ok(())
}

impl Context<'_> {
    fn out_of_time(&mut self) {
        self.truncated = true;
        self.warnings.push("the time limit was reached: not all spans were counted");
    }
}
