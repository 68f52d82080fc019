//! Arithmetic and aggregates over text: `attributes['size'] / 1024`, `avg(attributes['size'])`. Text is a double there. And
//! `attributes['cached'] = true`, which the planner would refuse.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawWindowExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{double_of, is_said, is_text};
use crate::attr::ATTR;

/// Aggregates of numbers alone. `min`, `max` and `count` take text as it is.
const OF_NUMBERS: &[&str] = &[
    "sum",
    "avg",
    "median",
    "approx_median",
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "percentile_cont",
    "stddev",
    "stddev_pop",
    "var",
    "var_pop",
    "covar_samp",
    "covar_pop",
    "corr",
];

/// Plans computations with text as such with doubles.
#[derive(Debug)]
pub(crate) struct Computation;

impl ExprPlanner for Computation {
    fn plan_binary_op(&self, binary: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let op = match binary.op {
            BinaryOperator::Plus => Operator::Plus,
            BinaryOperator::Minus => Operator::Minus,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            BinaryOperator::Modulo => Operator::Modulo,
            BinaryOperator::Eq | BinaryOperator::NotEq => {
                return Ok(PlannerResult::Original(with_booleans(binary, schema)));
            }
            _ => return Ok(PlannerResult::Original(binary)),
        };
        let (Ok(left), Ok(right)) = (binary.left.get_type(schema), binary.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(binary));
        };
        let left_is_text = is_text(&left) && is_said(&binary.left);
        let right_is_text = is_text(&right) && is_said(&binary.right);
        let fits = |is_text: bool, other: &DataType| is_text || other.is_numeric();
        if !(left_is_text || right_is_text) || !fits(left_is_text, &left) || !fits(right_is_text, &right) {
            return Ok(PlannerResult::Original(binary));
        }
        let side = |side: Expr, is_text: bool| Box::new(if is_text { double_of(side) } else { side });
        let (left, right) = (side(binary.left, left_is_text), side(binary.right, right_is_text));
        Ok(PlannerResult::Planned(Expr::BinaryExpr(BinaryExpr { left, op, right })))
    }

    fn plan_aggregate(&self, mut aggregate: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if OF_NUMBERS.contains(&aggregate.func.name()) {
            aggregate.args = aggregate.args.into_iter().map(attribute_as_double).collect();
            let by_double = |sort: Sort| Sort { expr: attribute_as_double(sort.expr), ..sort };
            aggregate.order_by = aggregate.order_by.into_iter().map(by_double).collect();
        }
        Ok(PlannerResult::Original(aggregate))
    }

    fn plan_window(&self, mut window: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if OF_NUMBERS.contains(&window.func_def.name()) {
            window.args = window.args.into_iter().map(attribute_as_double).collect();
        }
        Ok(PlannerResult::Original(window))
    }
}

/// `binary` with a boolean beside text as text.
fn with_booleans(binary: RawBinaryExpr, schema: &DFSchema) -> RawBinaryExpr {
    let is_said_text = |it: &Expr| it.get_type(schema).is_ok_and(|data_type| is_text(&data_type)) && is_said(it);
    let said = [is_said_text(&binary.left), is_said_text(&binary.right)];
    let as_text = |side: Expr| match side {
        Expr::Literal(ScalarValue::Boolean(Some(boolean)), _) => lit(boolean.to_string()),
        other => other,
    };
    match said {
        [true, false] => RawBinaryExpr { right: as_text(binary.right), ..binary },
        [false, true] => RawBinaryExpr { left: as_text(binary.left), ..binary },
        _ => binary,
    }
}

/// An attribute as a double, anything else as it is: types are not known here.
fn attribute_as_double(argument: Expr) -> Expr {
    match &argument {
        Expr::ScalarFunction(call) if call.func.name() == ATTR => double_of(argument),
        _ => argument,
    }
}
