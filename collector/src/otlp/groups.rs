//! The two outer levels that all signals share: resources, and the scopes within each.
//!
//! `ResourceSpans { 1: resource, 2: scope_spans, 3: schema_url }` and `ScopeSpans { 1: scope, 2: spans, 3: schema_url }`
//! have the same shape in every signal. Fields may come in any order, so a level is read for its owner first and for
//! its children after.

use model::resource::SCHEMA_URL_FIELD;
use model::wire::{Reader, put_bytes_field};
use model::{Resource, Scope};

use super::Decoded;
use super::anyvalue::check_key_value;
use super::limited::{RESOURCE, SCOPE, limited};
use super::malformed::{Malformed, Within};
use super::sent::Counted;
use super::wire::{bytes, text, uint32};

/// What a signal calls its levels.
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) items: &'static str,
}

/// Who sent an item.
pub(super) struct Owner<'a> {
    pub(super) resource: Resource<'a>,
    pub(super) scope: Scope<'a>,
    /// `service.name` of the resource.
    pub(super) service: &'a str,
}

/// Where an item is in its body.
#[derive(Clone, Copy)]
pub(super) struct Place {
    names: &'static Names,
    resource: usize,
    scope: usize,
    item: usize,
}

impl Place {
    /// As in `resource_spans[0].scope_spans[2].spans[17]`.
    pub(super) fn path(&self) -> String {
        let Place { names: Names { resources, scopes, items }, resource, scope, item } = self;
        format!("{resources}[{resource}].{scopes}[{scope}].{items}[{item}]")
    }
}

/// Calls `item` for each item of the request in `body`; it counts what it accepts in `decoded`.
pub(super) fn walk(
    body: &[u8],
    names: &'static Names,
    decoded: &mut Decoded,
    mut item: impl FnMut(&mut Decoded, &Owner<'_>, Place, &[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let (mut resource_scratch, mut scope_scratch) = (Vec::new(), Vec::new());
    let (mut cut_resource, mut cut_scope) = (Vec::new(), Vec::new());
    each_child(body, 1, names.resources, |resource_index, group| {
        let resource = owner(group, "resource", check_resource, &mut resource_scratch)?;
        let path = || format!("{}[{resource_index}].resource", names.resources);
        let resource = Resource::new(limited(resource, &RESOURCE, &mut cut_resource, &mut decoded.report, path));
        let service = resource.service_name();
        let before = (decoded.accepted(), decoded.rejected());
        each_child(group, 2, names.scopes, |scope_index, group| {
            let scope = owner(group, "scope", check_scope, &mut scope_scratch)?;
            let path = || format!("{}[{resource_index}].{}[{scope_index}].scope", names.resources, names.scopes);
            let scope = Scope::new(limited(scope, &SCOPE, &mut cut_scope, &mut decoded.report, path));
            let owner = Owner { resource, scope, service };
            each_child(group, 2, names.items, |index, message| {
                let place = Place { names, resource: resource_index, scope: scope_index, item: index };
                item(decoded, &owner, place, message)
            })
        })?;
        let (accepted, rejected) = (decoded.accepted() - before.0, decoded.rejected() - before.1);
        let counts = Counted { accepted, rejected, bytes: group.len() as u64 };
        decoded.gathered.end(&mut decoded.services, resource, service, counts);
        Ok(())
    })
}

/// Calls `each` with index and bytes of the messages in repeated field `number`.
fn each_child<'a>(
    message: &'a [u8],
    number: u32,
    name: &'static str,
    mut each: impl FnMut(usize, &'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    let mut index = 0;
    while let Some((found, raw)) = reader.next_field()? {
        if found == number {
            bytes(raw).and_then(|child| each(index, child)).within_item(name, index)?;
            index += 1;
        }
    }
    Ok(())
}

/// The resource or scope of `group`, checked, with the schema URL beside it: the bytes as sent where that is enough.
/// A message field given twice is the two merged, which in the wire format is one after the other.
fn owner<'a>(
    group: &'a [u8],
    name: &'static str,
    check: fn(&[u8]) -> Result<(), Malformed>,
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Malformed> {
    scratch.clear();
    let mut sent: &[u8] = &[];
    let mut schema_url = "";
    let mut reader = Reader::new(group);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => {
                let message = bytes(raw).within(name)?;
                check(message).within(name)?;
                scratch.extend_from_slice(sent);
                sent = message;
            }
            3 => schema_url = text(raw).within("schema_url")?,
            _ => {}
        }
    }
    if scratch.is_empty() && schema_url.is_empty() && !has_schema_url(sent) {
        return Ok(sent);
    }
    scratch.extend_from_slice(sent);
    if has_schema_url(scratch) {
        *scratch = without_schema_url(scratch);
    }
    if !schema_url.is_empty() {
        put_bytes_field(scratch, SCHEMA_URL_FIELD, schema_url.as_bytes());
    }
    Ok(scratch)
}

/// Whether the message has a field, unknown to OTLP, that would pass for its schema URL.
fn has_schema_url(message: &[u8]) -> bool {
    let mut reader = Reader::new(message);
    while let Ok(Some((number, _))) = reader.next_field() {
        if number == SCHEMA_URL_FIELD {
            return true;
        }
    }
    false
}

fn without_schema_url(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut reader = Reader::new(message);
    let mut rest = message;
    while let Ok(Some((number, _))) = reader.next_field() {
        let (field, after) = rest.split_at(rest.len() - reader.rest().len());
        if number != SCHEMA_URL_FIELD {
            kept.extend_from_slice(field);
        }
        rest = after;
    }
    kept
}

fn check_resource(message: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    let mut index = 0;
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => {
                bytes(raw).and_then(check_key_value).within_item("attributes", index)?;
                index += 1;
            }
            2 => drop(uint32(raw).within("dropped_attributes_count")?),
            _ => {}
        }
    }
    Ok(())
}

fn check_scope(message: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    let mut index = 0;
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => drop(text(raw).within("name")?),
            2 => drop(text(raw).within("version")?),
            3 => {
                bytes(raw).and_then(check_key_value).within_item("attributes", index)?;
                index += 1;
            }
            4 => drop(uint32(raw).within("dropped_attributes_count")?),
            _ => {}
        }
    }
    Ok(())
}
