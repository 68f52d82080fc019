//! Attributes in SQL: `attributes['http.route']`, and the functions `attr` and `attr_number` behind it.
//!
//! A column of attributes is a JSON object as text, written by this crate; the functions find one key in it without
//! building the document. They take any text and give null for what is not an object.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Builder, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, GetFieldAccess, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, lit,
};
use model::attrs::number_of;

mod json;

/// The name of the function that reads one attribute as text.
pub(crate) const ATTR: &str = "attr";
const ATTR_NUMBER: &str = "attr_number";

/// The functions of this module, to be registered with a session.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::new_from_impl(Attr::new(Kind::Text))),
        Arc::new(ScalarUDF::new_from_impl(Attr::new(Kind::Number))),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Text,
    Number,
}

/// `attr(object, key)`: the value of `key` as text, null when it is absent or null. Strings come without quotes,
/// numbers and booleans as JSON writes them, arrays and maps as JSON. `attr_number` gives it as a double, null when it
/// is not a number.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Attr {
    kind: Kind,
    signature: Signature,
}

impl Attr {
    fn new(kind: Kind) -> Self {
        let object = [DataType::Utf8, DataType::Utf8View, DataType::LargeUtf8];
        let forms = object.map(|object| TypeSignature::Exact(vec![object, DataType::Utf8]));
        Attr { kind, signature: Signature::one_of(forms.into(), Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Attr {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Text => ATTR,
            Kind::Number => ATTR_NUMBER,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Text => DataType::Utf8,
            Kind::Number => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [object, key] = args.args.as_slice() else { return exec_err!("{} takes an object and a key", self.name()) };
        let all_scalar = matches!((object, key), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let n_rows = if all_scalar { 1 } else { args.number_rows };
        let object = object.to_array(n_rows)?;
        let found = match object.data_type() {
            DataType::Utf8 => self.find(object.as_string::<i32>().iter(), key, n_rows)?,
            DataType::LargeUtf8 => self.find(object.as_string::<i64>().iter(), key, n_rows)?,
            DataType::Utf8View => self.find(object.as_string_view().iter(), key, n_rows)?,
            other => return exec_err!("{} reads text, not {other}", self.name()),
        };
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?));
        }
        Ok(ColumnarValue::Array(found))
    }
}

impl Attr {
    fn find<'a>(
        &self,
        objects: impl Iterator<Item = Option<&'a str>>,
        key: &ColumnarValue,
        n_rows: usize,
    ) -> Result<ArrayRef> {
        let keys = Keys::of(key)?;
        let pairs = objects.enumerate().map(|(row, object)| Some((object?, keys.get(row)?)));
        let mut last = Last::default();
        Ok(match self.kind {
            Kind::Text => {
                let mut texts = StringBuilder::with_capacity(n_rows, n_rows * 8);
                pairs.for_each(|pair| texts.append_option(last.look_up(pair)));
                Arc::new(texts.finish())
            }
            Kind::Number => {
                let mut numbers = Float64Builder::with_capacity(n_rows);
                pairs.for_each(|pair| numbers.append_option(last.look_up(pair).and_then(number_of)));
                Arc::new(numbers.finish())
            }
        })
    }
}

/// The result for the row before. Rows of one resource share its text in memory, so that most rows of a column of
/// resources repeat the row before and are told by the address alone.
#[derive(Default)]
struct Last {
    object: (usize, usize),
    key: (usize, usize),
    value: Option<String>,
}

impl Last {
    fn look_up(&mut self, pair: Option<(&str, &str)>) -> Option<&str> {
        let (object, key) = pair?;
        let address = |text: &str| (text.as_ptr().addr(), text.len());
        if (self.object, self.key) != (address(object), address(key)) || object.is_empty() {
            (self.object, self.key) = (address(object), address(key));
            self.value = json::get(object, key);
        }
        self.value.as_deref()
    }
}

enum Keys {
    One(Option<String>),
    Each(StringArray),
}

impl Keys {
    fn of(key: &ColumnarValue) -> Result<Self> {
        Ok(match key {
            ColumnarValue::Scalar(scalar) => Keys::One(scalar.try_as_str().flatten().map(str::to_owned)),
            ColumnarValue::Array(array) => Keys::Each(array.as_string::<i32>().clone()),
        })
    }

    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Keys::One(key) => key.as_deref(),
            Keys::Each(keys) => keys.is_valid(row).then(|| keys.value(row)),
        }
    }
}

/// Plans `column['key']` as `attr(column, 'key')`.
#[derive(Debug)]
pub(crate) struct AttributeAccess {
    pub(crate) attr: Arc<ScalarUDF>,
}

impl ExprPlanner for AttributeAccess {
    fn plan_field_access(&self, access: RawFieldAccessExpr, _: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let key = match &access.field_access {
            GetFieldAccess::NamedStructField { name } => name.clone(),
            GetFieldAccess::ListIndex { .. } | GetFieldAccess::ListRange { .. } => {
                return plan_err!("a key of attributes is a string in single quotes, as in attributes['http.route']");
            }
        };
        let call = ScalarFunction::new_udf(Arc::clone(&self.attr), vec![access.expr, lit(key)]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
