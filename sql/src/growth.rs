//! Bounds what text functions may build. `replace(replace('aaaaaaaaaa', 'a', 'aaaaaaaaaa'), …)` grows tenfold per call
//! and no memory pool counts it: ten calls would take all memory of the machine. So the functions whose result can be
//! longer than their argument say how long it could be before they run.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Bytes that one call may build for one batch of rows, which is at most 8,192 of them.
const MAX_BATCH: usize = 64 << 20;
/// Bytes that a call without a column may build: nobody writes a constant of this size.
const MAX_CONSTANT: usize = 1 << 20;

/// Functions to leave out: their second argument alone says how long the result is.
const LEFT_OUT: [&str; 4] = ["repeat", "lpad", "rpad", "space"];

/// `functions` with bounds around those that make text longer, and without those that cannot be bounded so.
pub(crate) fn bounded(functions: Vec<Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    let kept = functions.into_iter().filter(|function| !LEFT_OUT.contains(&function.name()));
    let mut functions: Vec<_> = kept
        .map(|function| match Growth::of(function.name()) {
            Some(growth) => Arc::new(ScalarUDF::new_from_impl(Bounded { growth, inner: function })),
            None => function,
        })
        .collect();
    functions.push(concatenation());
    functions
}

/// How long a result can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// As all arguments together.
    Sum,
    /// As all arguments together, with the first between each two.
    Separated,
    /// As the first argument with the third at every place in it.
    Replaced,
}

impl Growth {
    fn of(name: &str) -> Option<Self> {
        match name {
            "concat" | "overlay" => Some(Growth::Sum),
            "concat_ws" => Some(Growth::Separated),
            "replace" | "regexp_replace" => Some(Growth::Replaced),
            _ => None,
        }
    }

    /// An upper bound of the bytes of the result.
    fn bytes(self, args: &[ColumnarValue], n_rows: usize) -> usize {
        let sum = || args.iter().fold(0usize, |sum, arg| sum.saturating_add(n_bytes(arg, n_rows)));
        match self {
            Growth::Sum => sum(),
            Growth::Separated => {
                let separator = args.first().map_or(0, |arg| n_bytes(arg, n_rows));
                sum().saturating_add(separator.saturating_mul(args.len()))
            }
            Growth::Replaced => {
                let text = args.first().map_or(0, |arg| n_bytes(arg, n_rows)).saturating_add(n_rows);
                let longest = args.get(2).map_or(0, longest);
                // A place may be between any two bytes, and a replacement may name what it replaces.
                text.saturating_mul(longest.max(1)).saturating_mul(2)
            }
        }
    }
}

/// The bytes of an argument's text over all rows.
fn n_bytes(arg: &ColumnarValue, n_rows: usize) -> usize {
    match arg {
        ColumnarValue::Array(array) => lengths(array).fold(0, usize::saturating_add),
        ColumnarValue::Scalar(_) => longest(arg).saturating_mul(n_rows),
    }
}

fn longest(arg: &ColumnarValue) -> usize {
    match arg {
        ColumnarValue::Array(array) => lengths(array).max().unwrap_or(0),
        ColumnarValue::Scalar(scalar) => scalar.try_as_str().map_or(NUMBER, |text| text.map_or(0, str::len)),
    }
}

/// What a number or a time takes as text.
const NUMBER: usize = 40;

fn lengths(array: &ArrayRef) -> Box<dyn Iterator<Item = usize> + '_> {
    let length = |text: Option<&str>| text.map_or(0, str::len);
    match array.data_type() {
        DataType::Utf8 => Box::new(array.as_string::<i32>().iter().map(length)),
        DataType::LargeUtf8 => Box::new(array.as_string::<i64>().iter().map(length)),
        DataType::Utf8View => Box::new(array.as_string_view().iter().map(length)),
        _ => Box::new(std::iter::repeat_n(NUMBER, array.len())),
    }
}

fn check(name: &str, bytes: usize, args: &[ColumnarValue]) -> Result<()> {
    let constant = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let limit = if constant { MAX_CONSTANT } else { MAX_BATCH };
    if bytes > limit {
        return exec_err!("{name} could build {bytes} bytes of text at once; {limit} are allowed");
    }
    Ok(())
}

/// A function that checks its bound before it runs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    growth: Growth,
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(self.name(), self.growth.bytes(&args.args, args.number_rows), &args.args)?;
        self.inner.invoke_with_args(args)
    }
}

/// The operator `||` as a function, since operators cannot be bounded: null when one side is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Concatenation {
    signature: Signature,
}

fn concatenation() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Concatenation { signature: Signature::any(2, Volatility::Immutable) }))
}

impl ScalarUDFImpl for Concatenation {
    fn name(&self) -> &str {
        "string_concat"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect::<Vec<_>>().join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check("||", Growth::Sum.bytes(&args.args, args.number_rows), &args.args)?;
        let [left, right] = args.args.as_slice() else { return exec_err!("|| takes two texts") };
        let constant = matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let n_rows = if constant { 1 } else { args.number_rows };
        let text = |side: &ColumnarValue| {
            Ok::<_, datafusion::error::DataFusionError>(cast(&side.to_array(n_rows)?, &DataType::Utf8)?)
        };
        let (left, right) = (text(left)?, text(right)?);
        let mut joined = StringBuilder::with_capacity(n_rows, 0);
        for (left, right) in left.as_string::<i32>().iter().zip(right.as_string::<i32>()) {
            joined.append_option(left.zip(right).map(|(left, right)| format!("{left}{right}")));
        }
        let joined: ArrayRef = Arc::new(joined.finish());
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&joined, 0)?));
        }
        Ok(ColumnarValue::Array(joined))
    }
}

/// Plans what is an operator or has a syntax of its own as the bounded function: `a || b`, `overlay(a PLACING b …)`.
#[derive(Debug)]
pub(crate) struct BoundedOperators {
    concatenation: Arc<ScalarUDF>,
    overlay: Option<Arc<ScalarUDF>>,
}

impl BoundedOperators {
    /// With the functions that [`bounded`] gave.
    pub(crate) fn of(functions: &[Arc<ScalarUDF>]) -> Self {
        let overlay = functions.iter().find(|function| function.name() == "overlay").cloned();
        BoundedOperators { concatenation: concatenation(), overlay }
    }
}

impl ExprPlanner for BoundedOperators {
    fn plan_binary_op(&self, binary: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if binary.op != BinaryOperator::StringConcat {
            return Ok(PlannerResult::Original(binary));
        }
        let call = ScalarFunction::new_udf(Arc::clone(&self.concatenation), vec![binary.left, binary.right]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }

    fn plan_overlay(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let Some(overlay) = &self.overlay else { return Ok(PlannerResult::Original(args)) };
        let call = ScalarFunction::new_udf(Arc::clone(overlay), args);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
