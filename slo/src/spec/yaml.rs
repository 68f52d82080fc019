//! A YAML document as a tree in which every value and key knows its line and column.
//! The decoder of SLO files walks it and so can report every mistake of a file at once, each with its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

use super::error::{Place, SpecError};

/// Largest SLO file that is read; a thousand SLOs are about half of it.
const MAX_BYTES: usize = 1 << 20;

/// One value with its place. Aliases and merged keys carry the place where they are used.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping entry with its place.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) name: String,
}

impl Value {
    /// What the value is, for "expected …, got …".
    pub(crate) fn describe(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Boolean(value) => format!("the boolean {value}"),
            Value::Integer(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(value) => format!("{:?}", shorten(value)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// The first 60 characters of a text that an error quotes.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Node {
    /// A value that was worked out from what stands at `place`.
    pub(crate) fn new(place: Place, value: Value) -> Self {
        Self { place, value }
    }

    pub(crate) fn text(place: Place, text: impl Into<String>) -> Self {
        Self::new(place, Value::Text(text.into()))
    }

    /// A mapping whose keys stand where their values do.
    pub(crate) fn map(place: Place, entries: Vec<(&str, Node)>) -> Self {
        let entry = |(name, node): (&str, Node)| (Key { place: node.place, name: name.to_owned() }, node);
        Self::new(place, Value::Map(entries.into_iter().map(entry).collect()))
    }

    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }
}

/// The tree of `text`, which must be one YAML document of at most 1 MiB.
pub(crate) fn read(file: &str, text: &str) -> Result<Node, SpecError> {
    check_size(file, text)?;
    serde_saphyr::from_str_with_options::<Node>(text, options()).map_err(|error| mistake(file, &error))
}

/// The trees of all documents of `text`, which is at most 1 MiB; at least one.
pub(crate) fn read_all(file: &str, text: &str) -> Result<Vec<Node>, SpecError> {
    check_size(file, text)?;
    serde_saphyr::from_multiple_with_options::<Node>(text, options()).map_err(|error| mistake(file, &error))
}

fn check_size(file: &str, text: &str) -> Result<(), SpecError> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, at most {MAX_BYTES} are allowed", text.len());
        return Err(SpecError::new(file, Place::START, "", message));
    }
    Ok(())
}

fn options() -> serde_saphyr::Options {
    // A legitimate file nests ten levels; aliases may share tiers or labels between SLOs but not multiply without end.
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 16, max_aliases: 1000, max_nodes: 100_000 },
        // `.nan` is refused with the key that it was given for.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // Only true and false, as in YAML 1.2: a service named `no` or an SLO named `y` stays a text.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn mistake(file: &str, error: &serde_saphyr::Error) -> SpecError {
    let place = error.location().map_or(Place::START, place_of);
    let message = match error {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second YAML document begins here; put several SLOs under `slos:`".to_owned()
        }
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!("the key `{}` is there twice", key.as_deref().unwrap_or_default())
        }
        other => reason(other),
    };
    SpecError::new(file, place, "", format!("not valid YAML: {message}"))
}

/// The parser's message without the position, which is reported in our own form.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

fn place_of(location: Location) -> Place {
    if location == Location::UNKNOWN {
        return Place::START;
    }
    Place { line: location.line(), column: location.column() }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { place: place_of(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Node>()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Node>()? {
            let Value::Text(name) = key.value else {
                return Err(A::Error::custom(format!("a key must be text, got {}", key.value.describe())));
            };
            map.push((Key { place: key.place, name }, entries.next_value::<Node>()?));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(node: &Node) -> String {
        let body = match &node.value {
            Value::List(items) => format!("[{}]", items.iter().map(render).collect::<Vec<_>>().join(", ")),
            Value::Map(entries) => {
                let entry = |(key, node): &(Key, Node)| {
                    format!("{}@{}:{}={}", key.name, key.place.line, key.place.column, render(node))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            other => other.describe(),
        };
        format!("{body}@{}:{}", node.place.line, node.place.column)
    }

    #[test]
    fn keeps_the_place_of_every_value_and_key() {
        let text = "a: 1\nb:\n  - x\n  - {c: 2.5, d: true}\ne:\n";
        let expected = "{a@1:1=the number 1@1:4, b@2:1=[\"x\"@3:5, {c@4:6=the number 2.5@4:9, d@4:14=the boolean true@4:17}@4:5]@3:3, e@5:1=nothing@5:2}@1:1";
        assert_eq!(render(&read("f", text).unwrap()), expected);
    }

    #[test]
    fn reports_broken_yaml_with_its_place() {
        let table = [
            ("a: [1, 2", "f.yaml:1:4: not valid YAML: unclosed bracket '['"),
            ("a: 1\na: 2\n", "f.yaml:2:1: not valid YAML: the key `a` is there twice"),
            (
                "a: 1\n---\nb: 2\n",
                "f.yaml:3:1: not valid YAML: a second YAML document begins here; put several SLOs under `slos:`",
            ),
            ("a: *nowhere\n", "f.yaml:1:4: not valid YAML: alias references unknown anchor"),
            ("? [a]\n: 1\n", "f.yaml:1:1: not valid YAML: a key must be text, got a list"),
            ("1: 2", "f.yaml:1:1: not valid YAML: a key must be text, got the number 1"),
        ];
        for (text, expected) in table {
            assert_eq!(read("f.yaml", text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn bounds_depth_size_and_aliases() {
        let deep = format!("a: {}1{}", "[".repeat(200), "]".repeat(200));
        assert!(read("f", &deep).is_err());
        assert!(read("f", &"x".repeat(MAX_BYTES + 1)).is_err());
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let previous = level - 1;
            laughs.push_str(&format!("a{level}: &a{level} [*a{previous}, *a{previous}, *a{previous}, *a{previous}, *a{previous}, *a{previous}]\n"));
        }
        assert!(read("f", &laughs).is_err());
    }
}
