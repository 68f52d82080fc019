//! Text as numbers: what an attribute says is text, and a question compares it with numbers or computes with it.
//!
//! A query never fails for what some row says: text that is no number counts as null. [`compare`] holds that for comparisons
//! and casts, [`compute`] for arithmetic and aggregates.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use model::attrs::number_of;

mod compare;
mod compute;
mod key;

pub(crate) use compare::{Casts, Comparisons};
pub(crate) use compute::Computation;
pub(crate) use key::Key;

/// The name of the function that [`key_of`] calls.
pub(crate) const NUMBER_KEY: &str = "number_key";

/// `expression`, text or a number, as a key that orders and equals as numbers do: [`Key`]. Null for what is no number.
fn key_of(expression: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(Number::function(Form::Key)));
    FUNCTION.call(vec![expression])
}

/// The text `expression` as a double. Null for what is no number.
fn double_of(expression: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(Number::function(Form::Double)));
    FUNCTION.call(vec![expression])
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

/// Whether `expression` is text that rows say; a literal is what the query says, and a mistake in it an error.
fn is_said(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(..) => false,
        Expr::Alias(alias) => is_said(&alias.expr),
        Expr::Cast(cast) => is_said(&cast.expr),
        _ => true,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Key,
    Double,
}

/// The number that its argument is or says.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Number {
    form: Form,
    signature: Signature,
}

impl Number {
    fn function(form: Form) -> ScalarUDF {
        ScalarUDF::new_from_impl(Number { form, signature: Signature::any(1, Volatility::Immutable) })
    }
}

impl ScalarUDFImpl for Number {
    fn name(&self) -> &str {
        match self.form {
            Form::Key => NUMBER_KEY,
            Form::Double => "number",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.form {
            Form::Key => Key::DATA_TYPE,
            Form::Double => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else { return exec_err!("{} takes one argument", self.name()) };
        let of = |argument: &ArrayRef| match self.form {
            Form::Key => keys(argument),
            Form::Double => doubles(argument),
        };
        Ok(match argument {
            ColumnarValue::Array(array) => ColumnarValue::Array(of(array)?),
            ColumnarValue::Scalar(scalar) => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&of(&scalar.to_array()?)?, 0)?)
            }
        })
    }
}

fn keys(argument: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let keys: Decimal128Array = match argument.data_type() {
        DataType::Null => return Ok(new_null_array(&Key::DATA_TYPE, argument.len())),
        text if is_text(text) => of_text(argument, |text| Some(Key::of_text(text)?.0))?,
        DataType::UInt64 => {
            let numbers = argument.as_primitive::<UInt64Type>();
            numbers.iter().map(|number| Some(Key::of_whole(number?.into()).0)).collect()
        }
        number if number.is_integer() => {
            let numbers = cast(argument, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            numbers.iter().map(|number| Some(Key::of_whole(number?.into()).0)).collect()
        }
        _ => {
            let numbers = cast(argument, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            numbers.iter().map(|number| Some(Key::of_double(number?)?.0)).collect()
        }
    };
    Ok(Arc::new(keys.with_data_type(Key::DATA_TYPE)))
}

fn doubles(argument: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match is_text(argument.data_type()) {
        true => Ok(Arc::new(of_text::<Float64Array, _>(argument, number_of)?)),
        false => cast(argument, &DataType::Float64),
    }
}

fn of_text<A: FromIterator<Option<T>>, T>(
    texts: &ArrayRef,
    number: impl Fn(&str) -> Option<T>,
) -> Result<A, ArrowError> {
    let texts = cast(texts, &DataType::Utf8View)?;
    Ok(texts.as_string_view().iter().map(|text| number(text?)).collect())
}
