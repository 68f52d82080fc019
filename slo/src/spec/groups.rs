//! One SLO, many groups: the objective holds for each value of an attribute on its own.

/// How events are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBy {
    /// Attribute keys of spans and log records, or labels of series; 1 to [`MAX_KEYS`], each once.
    pub keys: Vec<String>,
    /// Groups with counts and alerts of their own; the rest is counted together.
    pub max: usize,
}

pub(crate) const MAX_KEYS: usize = 4;
/// Minutes of 30 days at 24 bytes are a megabyte for each group.
pub(crate) const MAX_GROUPS: i64 = 200;
pub(crate) const DEFAULT_GROUPS: usize = 50;

impl GroupBy {
    /// The names of the labels that its groups have on alerts, in the order of the keys: `http.route` is `http_route`.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| label_name(key))
    }
}

/// The key as a label of Prometheus: what is no letter or digit becomes `_` (OpenTelemetry, "Prometheus and OpenMetrics
/// Compatibility", section "Metric Attributes").
pub(crate) fn label_name(key: &str) -> String {
    let mut name: String =
        key.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    if name.bytes().next().is_none_or(|byte| byte.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}
