//! The values that templates work on.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Nanos;

/// One element of the answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A value of a template; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<String, Value>>),
    /// Labels, where one that is missing is empty.
    Labels(Arc<BTreeMap<String, String>>),
    /// Fields in their order; one that is missing is an error.
    Struct(Arc<Vec<(&'static str, Value)>>),
    /// Since the epoch.
    Time(Nanos),
    Duration(Nanos),
}

impl Value {
    pub fn text(text: impl AsRef<str>) -> Self {
        Value::Text(text.as_ref().into())
    }

    pub fn labels(labels: &BTreeMap<String, String>) -> Self {
        Value::Labels(Arc::new(labels.clone()))
    }

    /// A value with these fields.
    pub fn fields(fields: Vec<(&'static str, Value)>) -> Self {
        Value::Struct(Arc::new(fields))
    }

    /// Whether `if` takes it for true: what is not zero and not empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(it) => *it,
            Value::Int(it) | Value::Duration(it) => *it != 0,
            Value::Float(it) => *it != 0.0,
            Value::Text(it) => !it.is_empty(),
            Value::List(it) => !it.is_empty(),
            Value::Map(it) => !it.is_empty(),
            Value::Labels(it) => !it.is_empty(),
            Value::Struct(_) | Value::Time(_) => true,
        }
    }

    /// The name of its type in Go, for errors.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Labels(_) => "map[string]string",
            Value::Struct(_) => "struct",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
        }
    }

    /// About how many bytes it takes to write.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            _ => 8,
        }
    }
}

impl From<Sample> for Value {
    fn from(sample: Sample) -> Self {
        Value::fields(vec![("Labels", Value::Labels(Arc::new(sample.labels))), ("Value", Value::Float(sample.value))])
    }
}
