//! What a chunk's resources say of the services behind them, read once per resource instead of once per span.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use model::Resource;
use store::SpanChunk;

/// The resources of a chunk, each with the group that the caller puts it in.
pub(super) struct Resources<'a> {
    chunk: &'a SpanChunk,
    keys: &'a [i32],
    /// By dictionary key: not asked yet, or the caller's answer.
    groups: Vec<Option<Option<usize>>>,
}

impl<'a> Resources<'a> {
    pub(super) fn new(chunk: &'a SpanChunk) -> Self {
        let dictionary = chunk.batch().column_by_name("resource").and_then(|it| it.as_dictionary_opt::<Int32Type>());
        let (keys, n_values) = dictionary.map_or((&[][..], 0), |it| (&it.keys().values()[..], it.values().len()));
        Resources { chunk, keys, groups: vec![None; n_values] }
    }

    /// The group of the resource of `row`. `group` is asked once per resource, with its `service.namespace`, the span's
    /// service and the resource itself.
    pub(super) fn group(
        &mut self,
        row: usize,
        group: impl FnOnce(&str, &str, Resource<'_>) -> Option<usize>,
    ) -> Option<usize> {
        let key = self.keys.get(row).and_then(|&key| usize::try_from(key).ok()).filter(|&key| key < self.groups.len());
        if let Some(known) = key.and_then(|key| self.groups[key]) {
            return known;
        }
        let span = self.chunk.row(row);
        let namespace = span.resource.attrs().get_str("service.namespace").unwrap_or_default();
        let answer = group(namespace, span.service, span.resource);
        if let Some(key) = key {
            self.groups[key] = Some(answer);
        }
        answer
    }
}

/// What the resources of one service add up to.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) versions: BTreeSet<String>,
    pub(super) instances: BTreeSet<String>,
    pub(super) environments: BTreeSet<String>,
    pub(super) language: String,
}

impl Identity {
    /// Adds what `resource` says, up to `limit` values of each kind.
    pub(super) fn add(&mut self, resource: Resource<'_>, limit: usize) {
        let attrs = resource.attrs();
        let sets = [
            (&mut self.versions, "service.version"),
            (&mut self.instances, "service.instance.id"),
            (&mut self.environments, "deployment.environment.name"),
        ];
        for (set, key) in sets {
            if let Some(value) = attrs.get_str(key).filter(|value| !value.is_empty())
                && set.len() < limit
                && !set.contains(value)
            {
                set.insert(value.to_owned());
            }
        }
        if let (true, Some(language)) = (self.language.is_empty(), attrs.get_str("telemetry.sdk.language")) {
            language.clone_into(&mut self.language);
        }
    }
}
