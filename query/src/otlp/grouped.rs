//! Spans by who sent them.

use hashbrown::HashMap;
use model::{Resource, Scope, Span};

use crate::traces::Trace;

/// Spans of a resource, by their scopes.
pub(super) struct OfResource<'a> {
    pub(super) resource: Resource<'a>,
    pub(super) scopes: Vec<OfScope<'a>>,
}

/// Spans of a scope, in the order of the trace.
pub(super) struct OfScope<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) spans: Vec<Span<'a>>,
}

/// The spans of `trace` by resource and by scope, each where its first span is.
pub(super) fn grouped(trace: &Trace) -> Vec<OfResource<'_>> {
    let mut resources: Vec<OfResource<'_>> = Vec::new();
    let mut resource_of: HashMap<&[u8], usize> = HashMap::new();
    let mut scope_of: HashMap<(usize, &[u8]), usize> = HashMap::new();
    for span in (0..trace.spans.len()).map(|index| trace.span(index)) {
        let (resource, scope) = (span.resource, span.scope);
        let of = *resource_of.entry(resource.as_bytes()).or_insert_with(|| {
            resources.push(OfResource { resource, scopes: Vec::new() });
            resources.len() - 1
        });
        let scopes = &mut resources[of].scopes;
        let at = *scope_of.entry((of, scope.as_bytes())).or_insert_with(|| {
            scopes.push(OfScope { scope, spans: Vec::new() });
            scopes.len() - 1
        });
        scopes[at].spans.push(span);
    }
    resources
}
