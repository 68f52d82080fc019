//! The observations: spans of two sides with their fields, each distinct value kept once.

use hashbrown::HashMap;

use crate::fields::FieldPlace;

/// Fields, and values of all fields together, that are told apart. What is beyond counts as one value, which is never reported.
const MAX_FIELDS: usize = 2_000;
const MAX_VALUES: usize = 100_000;
/// Values of one observation.
const MAX_OF_ROW: usize = 512;
/// Longer values are not told apart.
const MAX_VALUE_BYTES: usize = 256;

/// A field by its place and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName {
    pub place: FieldPlace,
    pub name: String,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) fields: Vec<Field>,
    pub(super) values: Vec<Value>,
    pub(super) rows: Vec<Row>,
    by_name: HashMap<FieldPlace, HashMap<String, u32>>,
    strata: HashMap<String, u32>,
}

pub(super) struct Field {
    pub(super) name: FieldName,
    /// Whether it says which operation a span is of. Others are compared among spans of one operation.
    pub(super) is_operation: bool,
    by_text: HashMap<Box<str>, u32>,
    /// The value that stands for those that are not told apart.
    other: Option<u32>,
}

pub(super) struct Value {
    pub(super) field: u32,
    /// `None` for those that are not told apart.
    pub(super) text: Option<(Box<str>, &'static str)>,
    pub(super) number: Option<f64>,
}

pub(super) struct Row {
    pub(super) is_selected: bool,
    /// Rows of one cluster, a trace, are not independent.
    pub(super) cluster: u64,
    /// The operation.
    pub(super) stratum: u32,
    /// Indices of values, ascending, each once.
    pub(super) values: Box<[u32]>,
}

/// An observation while its fields come in.
pub(super) struct Draft<'t> {
    table: &'t mut Table,
    is_selected: bool,
    cluster: u64,
    stratum: u32,
    values: Vec<u32>,
}

impl Table {
    pub(super) fn row(&mut self, is_selected: bool, cluster: u64, operation: &str) -> Draft<'_> {
        let n_strata = self.strata.len() as u32;
        let stratum = match self.strata.get(operation) {
            Some(stratum) => *stratum,
            None => *self.strata.entry(operation.to_owned()).or_insert(n_strata),
        };
        Draft { table: self, is_selected, cluster, stratum, values: Vec::new() }
    }

    pub(super) fn n_strata(&self) -> usize {
        self.strata.len()
    }

    /// Rows of the rest and of the selection whose stratum has rows of both.
    pub(super) fn n_of_common_strata(&self) -> [usize; 2] {
        let mut n = vec![[0usize; 2]; self.n_strata()];
        self.rows.iter().for_each(|row| n[row.stratum as usize][usize::from(row.is_selected)] += 1);
        let common = n.into_iter().filter(|n| n.iter().all(|&side| side > 0));
        common.fold([0; 2], |sum, n| [sum[0] + n[0], sum[1] + n[1]])
    }

    fn field(&mut self, place: FieldPlace, name: &str) -> Option<u32> {
        let names = self.by_name.entry(place).or_default();
        if let Some(field) = names.get(name) {
            return Some(*field);
        }
        if self.fields.len() >= MAX_FIELDS {
            return None;
        }
        let field = self.fields.len() as u32;
        names.insert(name.to_owned(), field);
        let is_operation = place == FieldPlace::Intrinsic && matches!(name, "service" | "name");
        let name = FieldName { place, name: name.to_owned() };
        self.fields.push(Field { name, is_operation, by_text: HashMap::new(), other: None });
        Some(field)
    }

    fn value(&mut self, field: u32, text: &str, type_name: &'static str, number: Option<f64>) -> u32 {
        let of = &mut self.fields[field as usize];
        if let Some(value) = of.by_text.get(text) {
            return *value;
        }
        let index = self.values.len() as u32;
        if self.values.len() < MAX_VALUES && text.len() <= MAX_VALUE_BYTES {
            of.by_text.insert(text.into(), index);
            self.values.push(Value { field, text: Some((text.into(), type_name)), number });
            return index;
        }
        *of.other.get_or_insert_with(|| {
            self.values.push(Value { field, text: None, number: None });
            index
        })
    }
}

impl Draft<'_> {
    pub(super) fn add(
        &mut self,
        place: FieldPlace,
        name: &str,
        text: &str,
        type_name: &'static str,
        number: Option<f64>,
    ) {
        if self.values.len() < MAX_OF_ROW
            && let Some(field) = self.table.field(place, name)
        {
            self.values.push(self.table.value(field, text, type_name, number));
        }
    }

    pub(super) fn finish(self) {
        let Draft { table, is_selected, cluster, stratum, mut values } = self;
        values.sort_unstable();
        values.dedup();
        table.rows.push(Row { is_selected, cluster, stratum, values: values.into() });
    }
}
