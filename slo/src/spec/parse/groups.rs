//! `by` and `max_groups` of an SLO file.

use super::values::OWN_LABELS;
use super::{Decoder, Fields};
use crate::spec::groups::{DEFAULT_GROUPS, GroupBy, MAX_GROUPS, MAX_KEYS, label_name};
use crate::spec::yaml::Value;

impl Decoder<'_> {
    pub(super) fn groups(&mut self, fields: &Fields<'_>) -> Option<GroupBy> {
        const WHAT: &str = "an attribute such as http.route, or a list of 1 to 4 different ones";
        let max = self.whole(fields, "max_groups", 1, MAX_GROUPS, "a whole number from 1 to 200");
        let Some(node) = fields.get("by") else {
            if let Some(node) = fields.get("max_groups") {
                self.error(
                    node.place,
                    &fields.path("max_groups"),
                    "needs `by`, which says what groups there are".to_owned(),
                );
            }
            return None;
        };
        let path = fields.path("by");
        let mut keys: Vec<String> = Vec::new();
        for item in Self::one_or_more(node) {
            let Value::Text(key) = &item.value else {
                self.expected(item, &path, WHAT);
                return None;
            };
            let label = label_name(key);
            if key.trim().is_empty() || keys.iter().any(|other| label_name(other) == label) || keys.len() == MAX_KEYS {
                self.expected(item, &path, WHAT);
                return None;
            }
            if OWN_LABELS.contains(&label.as_str()) || fields.has_label(&label) {
                let message = format!("would be the label {label:?} of its alerts, which is taken");
                self.error(item.place, &path, message);
                return None;
            }
            keys.push(key.clone());
        }
        if keys.is_empty() {
            self.expected(node, &path, WHAT);
            return None;
        }
        Some(GroupBy { keys, max: max.and_then(|max| usize::try_from(max).ok()).unwrap_or(DEFAULT_GROUPS) })
    }
}
