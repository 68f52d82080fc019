//! Which tags spans have, and which values: as in all completion here, from columns and dictionaries, or else from a sample of
//! spans from all of the range.

use axum::Json;
use axum::extract::{Path, State};
use model::{Nanos, TimeRange};
use percent_encoding::percent_decode_str;
use query::fields::{self, FieldPlace, FieldValue, Signal, ValueSearch};
use serde::Serialize;

use super::PlainError;
use crate::api::error::ApiError;
use crate::api::params::Params;
use crate::api::{ApiState, time};

/// Values that come without a `limit`, at most.
const DEFAULT_VALUES: usize = 1_000;

/// What every span has, by TraceQL's names for it.
const INTRINSICS: [&str; 19] = [
    "duration",
    "event:name",
    "event:timeSinceStart",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "link:spanID",
    "link:traceID",
    "name",
    "rootName",
    "rootServiceName",
    "span:id",
    "span:parentID",
    "status",
    "statusMessage",
    "trace:duration",
    "trace:id",
    "trace:rootName",
    "traceDuration",
];

#[derive(Serialize)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagNames {
    tag_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagValues<T> {
    tag_values: Vec<T>,
}

#[derive(Serialize)]
pub(super) struct TagValue {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

pub(super) async fn names(State(state): State<ApiState>, params: Params) -> Result<Json<Scopes>, PlainError> {
    Ok(Json(Scopes { scopes: scopes(&state, &params).await? }))
}

pub(super) async fn names_v1(State(state): State<ApiState>, params: Params) -> Result<Json<TagNames>, PlainError> {
    let mut tag_names: Vec<String> = scopes(&state, &params).await?.into_iter().flat_map(|scope| scope.tags).collect();
    tag_names.sort();
    tag_names.dedup();
    Ok(Json(TagNames { tag_names }))
}

async fn scopes(state: &ApiState, params: &Params) -> Result<Vec<Scope>, ApiError> {
    const ATTRIBUTES: [(&str, FieldPlace); 5] = [
        ("resource", FieldPlace::Resource),
        ("span", FieldPlace::Own),
        ("event", FieldPlace::Event),
        ("link", FieldPlace::Link),
        ("instrumentation", FieldPlace::Scope),
    ];
    let wanted = params.get("scope").filter(|scope| *scope != "none");
    let range = range(params, (state.clock)())?;
    let limit = params.count("limit", usize::MAX)?;
    let names = state.engine.run(move |snapshot, budget| fields::names(snapshot, budget, Signal::Spans, range)).await?;
    let mut scopes: Vec<Scope> = ATTRIBUTES
        .into_iter()
        .map(|(name, place)| {
            let tags = names.items.iter().filter(|field| field.place == place).map(|field| field.name.clone());
            Scope { name, tags: tags.collect() }
        })
        .collect();
    scopes.push(Scope { name: "intrinsic", tags: INTRINSICS.map(str::to_owned).to_vec() });
    let known: Vec<&str> = scopes.iter().map(|scope| scope.name).collect();
    if let Some(scope) = wanted.filter(|scope| !known.contains(scope)) {
        let scope: String = scope.chars().take(50).collect();
        return Err(ApiError::bad_parameter("scope", format!("{} are allowed, not `{scope}`", known.join(", "))));
    }
    scopes.retain(|scope| wanted.is_none_or(|wanted| wanted == scope.name) && !scope.tags.is_empty());
    scopes.iter_mut().for_each(|scope| scope.tags.truncate(limit.max(1)));
    Ok(scopes)
}

pub(super) async fn values(
    State(state): State<ApiState>,
    Path(tag): Path<String>,
    params: Params,
) -> Result<Json<TagValues<TagValue>>, PlainError> {
    let field = field_of(&decoded(&tag));
    let keyword = matches!(field.as_deref(), Some("status" | "kind"));
    let found = found(&state, field, &params).await?;
    let tag_values = found.into_iter().map(|it| TagValue {
        kind: match it.type_name {
            _ if keyword => "keyword",
            "int" => "int",
            "double" => "float",
            "bool" => "bool",
            _ => "string",
        },
        value: it.value,
    });
    Ok(Json(TagValues { tag_values: tag_values.collect() }))
}

pub(super) async fn values_v1(
    State(state): State<ApiState>,
    Path(tag): Path<String>,
    params: Params,
) -> Result<Json<TagValues<String>>, PlainError> {
    let found = found(&state, field_of(&decoded(&tag)), &params).await?;
    Ok(Json(TagValues { tag_values: found.into_iter().map(|it| it.value).collect() }))
}

async fn found(state: &ApiState, field: Option<String>, params: &Params) -> Result<Vec<FieldValue>, ApiError> {
    let range = range(params, (state.clock)())?;
    let limit = params.count("limit", DEFAULT_VALUES)?.max(1);
    let Some(field) = field else { return Ok(Vec::new()) };
    let of = params.get("q").unwrap_or_default().to_owned();
    let find = move |snapshot: &_, budget: &_| {
        let search = ValueSearch { signal: Signal::Spans, range, name: &field, prefix: "", limit, of: &of };
        fields::values(snapshot, budget, &search)
    };
    Ok(state.engine.run(find).await?.items)
}

/// The range of the parameters, in seconds, whose last one belongs to it.
pub(super) fn range(params: &Params, now: Nanos) -> Result<TimeRange, ApiError> {
    let range = time::range(params, now)?;
    let end = if params.get("end").is_some() { range.end.saturating_add(model::time::SECOND) } else { range.end };
    Ok(TimeRange::new(range.start, end))
}

/// Some versions of Grafana encode a tag twice; one that still has a `%XX` is decoded once more.
fn decoded(tag: &str) -> String {
    percent_decode_str(tag).decode_utf8().map_or_else(|_| tag.to_owned(), Into::into)
}

/// What the tag is called in the search language; `None` for one without values to choose from.
fn field_of(tag: &str) -> Option<String> {
    let intrinsic = match tag {
        "name" | "span:name" => Some("name"),
        "rootName" | "trace:rootName" => Some("root"),
        "status" | "span:status" => Some("status"),
        "statusMessage" | "span:statusMessage" => Some("status_message"),
        "kind" | "span:kind" => Some("kind"),
        "event:name" => Some("event_name"),
        "rootServiceName" | "trace:rootService" => Some("root.service"),
        "resource.service.name" => Some("service"),
        _ if tag.contains(':') && !tag.contains('"') => return None,
        _ => None,
    };
    if let Some(field) = intrinsic {
        return Some(field.to_owned());
    }
    let unquoted = tag.replace('"', "");
    let field = match unquoted.split_once('.') {
        Some(("", key)) => key.to_owned(),
        Some(("instrumentation", key)) => format!("scope.{key}"),
        Some(("parent", _)) => return None,
        _ => unquoted,
    };
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_fields_of_the_search_language() {
        let cases = [
            ("resource.service.name", Some("service")),
            ("resource.host.name", Some("resource.host.name")),
            ("span.http.route", Some("span.http.route")),
            (".http.route", Some("http.route")),
            ("http.route", Some("http.route")),
            ("span.\"key with spaces\"", Some("span.key with spaces")),
            ("instrumentation.k", Some("scope.k")),
            ("status", Some("status")),
            ("trace:rootName", Some("root")),
            ("trace:duration", None),
            ("event.exception.type", Some("event.exception.type")),
            ("event:name", Some("event_name")),
            ("parent.k", None),
        ];
        for (tag, field) in cases {
            assert_eq!(field_of(tag).as_deref(), field, "{tag}");
        }
    }

    #[test]
    fn a_tag_that_was_encoded_twice_is_decoded() {
        let cases =
            [("span.a%20b", "span.a b"), ("100%", "100%"), ("a%zz", "a%zz"), ("%ED%95%B4", "해"), ("%ff", "%ff")];
        for (tag, expected) in cases {
            assert_eq!(decoded(tag), expected);
        }
    }
}
