//! Comparisons of text with numbers, and casts of text to other types.
//!
//! Of themselves they would cast the text to the number's type: an error as soon as one row says `n/a`, or `99.5` where an
//! integer is asked for.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{Between, Case, InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::Subquery;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, TryCast, or,
};
use datafusion::optimizer::AnalyzerRule;

use super::{double_of, is_said, is_text, key_of};

/// Compares text with numbers by their keys. To run before types are made equal.
#[derive(Debug)]
pub(crate) struct Comparisons;

impl AnalyzerRule for Comparisons {
    fn name(&self) -> &str {
        "text_compared_with_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan
            .transform_up_with_subqueries(|plan| {
                let schema = merge_schema(&plan.inputs());
                let plan = rewrite(plan, |expression| by_key(expression, &schema))?;
                Ok(plan.update_data(|plan| match plan {
                    LogicalPlan::Join(mut join) => {
                        join.on = join.on.into_iter().map(|(left, right)| both(left, right, &schema)).collect();
                        LogicalPlan::Join(join)
                    }
                    plan => plan,
                }))
            })?
            .data)
    }
}

/// Makes casts of what rows say give null where they cannot be done. To run after types were made equal.
#[derive(Debug)]
pub(crate) struct Casts;

impl AnalyzerRule for Casts {
    fn name(&self) -> &str {
        "casts_of_text"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let lenient = |plan: LogicalPlan| {
            let schema = merge_schema(&plan.inputs());
            rewrite(plan, |expression| {
                Ok(match expression {
                    Expr::Cast(cast) if is_said(&cast.expr) && has_text(&cast.expr, &schema) => {
                        Transformed::yes(Expr::TryCast(TryCast { expr: cast.expr, field: cast.field }))
                    }
                    other => Transformed::no(other),
                })
            })
        };
        Ok(plan.transform_up_with_subqueries(lenient)?.data)
    }
}

/// `plan` with each part of its expressions replaced by what `replace` gives, under the names they had.
fn rewrite(plan: LogicalPlan, replace: impl Fn(Expr) -> Result<Transformed<Expr>>) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expression| {
        let name = names.save(&expression);
        Ok(expression.transform_up(&replace)?.update_data(|expression| name.restore(expression)))
    })?;
    // The types below may have changed.
    plan.map_data(LogicalPlan::recompute_schema)
}

fn has_text(expression: &Expr, schema: &DFSchema) -> bool {
    expression.get_type(schema).is_ok_and(|data_type| is_text(&data_type))
}

/// What an expression is to a comparison.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// Text that rows say.
    Said,
    Number,
    Other,
}

fn side(expression: &Expr, schema: &DFSchema) -> Side {
    match expression.get_type(schema) {
        Ok(data_type) if is_text(&data_type) && is_said(expression) => Side::Said,
        Ok(data_type) if data_type.is_numeric() => Side::Number,
        _ => Side::Other,
    }
}

/// Whether these are compared as numbers though some are text: one of each is enough.
fn are_mixed<'a>(expressions: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let sides: Vec<Side> = expressions.into_iter().map(|expression| side(expression, schema)).collect();
    sides.contains(&Side::Said) && sides.contains(&Side::Number)
}

fn is_comparison(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

const ONE_OF_ARGUMENTS: &[&str] = &["coalesce", "nvl", "nullif", "greatest", "least"];

/// Both sides of an equality as they are to be compared.
fn both(left: Expr, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    match are_mixed([&left, &right], schema) {
        true => (key_of(left), key_of(right)),
        false => (left, right),
    }
}

fn by_key(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let key = |expression: Box<Expr>| Box::new(key_of(*expression));
    Ok(Transformed::yes(match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_comparison(op) && are_mixed([&*left, &*right], schema) =>
        {
            Expr::BinaryExpr(BinaryExpr { left: key(left), op, right: key(right) })
        }
        Expr::Between(Between { expr, negated, low, high }) if are_mixed([&*expr, &*low, &*high], schema) => {
            Expr::Between(Between { expr: key(expr), negated, low: key(low), high: key(high) })
        }
        Expr::InList(InList { expr, list, negated }) if are_mixed(list.iter().chain([&*expr]), schema) => {
            in_list(*expr, list, negated, schema)
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let values = Expr::Column(Column::from(subquery.subquery.schema().qualified_field(0)));
            let sides = [side(&expr, schema), side(&values, subquery.subquery.schema())];
            if !(sides.contains(&Side::Said) && sides.contains(&Side::Number)) {
                return Ok(Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated })));
            }
            let plan = LogicalPlanBuilder::from(subquery.subquery).project([key_of(values)])?.build()?;
            let subquery = Subquery { subquery: Arc::new(plan), ..subquery };
            Expr::InSubquery(InSubquery { expr: key(expr), subquery, negated })
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr })
            if are_mixed(when_then_expr.iter().map(|(when, _)| &**when).chain([&*expr]), schema) =>
        {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (key(when), then)).collect();
            Expr::Case(Case { expr: Some(key(expr)), when_then_expr, else_expr })
        }
        // These give one of their arguments, and would make integers of all of them.
        Expr::ScalarFunction(ScalarFunction { func, args })
            if ONE_OF_ARGUMENTS.contains(&func.name()) && are_mixed(&args, schema) =>
        {
            let double = |arg: Expr| if has_text(&arg, schema) { double_of(arg) } else { arg };
            Expr::ScalarFunction(ScalarFunction { func, args: args.into_iter().map(double).collect() })
        }
        other => return Ok(Transformed::no(other)),
    }))
}

/// `expression IN (…)`, of which each item is compared in its way: `attributes['code'] IN (500, 'n/a')`.
fn in_list(expression: Expr, list: Vec<Expr>, negated: bool, schema: &DFSchema) -> Expr {
    let is_of_text = |item: &Expr| item.get_type(schema).is_ok_and(|data_type| is_text(&data_type));
    let in_list = |expr: Expr, list: Vec<Expr>| Expr::InList(InList { expr: Box::new(expr), list, negated: false });
    let (texts, numbers): (Vec<Expr>, Vec<Expr>) = match is_of_text(&expression) {
        true => list.into_iter().partition(is_of_text),
        false => (Vec::new(), list),
    };
    let numbers = in_list(key_of(expression.clone()), numbers.into_iter().map(key_of).collect());
    let either = if texts.is_empty() { numbers } else { or(in_list(expression, texts), numbers) };
    if negated { Expr::Not(Box::new(either)) } else { either }
}
