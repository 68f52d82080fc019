//! A summary as bytes; specified in `docs/formats/summary.md`.

use std::path::Path;

use model::wire::put_varint;
use model::{SpanKind, StatusCode};

use super::block::Block;
use super::bytes::{Cursor, put_list, put_signed, put_text};
use super::{Connection, Edge, End, Fact, Half, Operation, ServiceName, Side, Slots, SpanSummary, Trait};
use crate::error::ReadError;
use crate::files;
use crate::manifest::FileEntry;

pub(crate) const SUFFIX: &str = "summary";
const MAGIC: &[u8; 8] = b"HAECHIS1";
const LEVEL: i32 = 3;
/// The most bytes that names and halves may claim to have.
const MAX_HEAD: usize = 256 << 20;

impl SpanSummary {
    /// `magic | crc32 of the rest | bytes of the head before and after compression, u32 each | head | blocks`, little-endian.
    /// In minutes alone.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let head = self.head();
        let packed = zstd::bulk::compress(&head, LEVEL).ok().filter(|packed| packed.len() < head.len());
        let packed = packed.as_ref().unwrap_or(&head);
        let mut rest = Vec::with_capacity(packed.len() + self.blocks.iter().map(Block::memory).sum::<usize>());
        [head.len(), packed.len()].iter().for_each(|length| rest.extend_from_slice(&(*length as u32).to_le_bytes()));
        rest.extend_from_slice(packed);
        for block in &self.blocks {
            [block.slots.0, block.slots.1].iter().for_each(|slot| rest.extend_from_slice(&slot.to_le_bytes()));
            for (part, length) in block.parts.iter().zip(block.lengths) {
                rest.extend_from_slice(&length.to_le_bytes());
                rest.extend_from_slice(&(part.len() as u32).to_le_bytes());
            }
            block.parts.iter().for_each(|part| rest.extend_from_slice(part));
        }
        [&MAGIC[..], &crc32fast::hash(&rest).to_le_bytes(), &rest].concat()
    }

    /// Reads the file of `entry` in the data directory `dir`.
    pub(crate) fn load(dir: &Path, entry: &FileEntry) -> Result<Self, ReadError> {
        let path = dir.join(&entry.path);
        let bytes = files::read_whole(&path, entry.bytes, entry.crc32).map_err(|error| ReadError::new(&path, error))?;
        SpanSummary::from_bytes(&bytes).ok_or_else(|| ReadError::new(path, "the summary of spans is damaged"))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (crc, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut cursor = Cursor(rest);
        let [length, packed] = [cursor.array()?, cursor.array()?].map(|it| u32::from_le_bytes(it) as usize);
        let packed = cursor.take(packed)?;
        let head = match packed.len() == length {
            true => packed.to_vec(),
            false if length <= MAX_HEAD => zstd::bulk::decompress(packed, length).ok()?,
            false => return None,
        };
        let mut summary = SpanSummary::of_head(&head)?;
        while !cursor.0.is_empty() {
            let slots = (i64::from_le_bytes(cursor.array()?), i64::from_le_bytes(cursor.array()?));
            let mut block = Block { slots, lengths: [0; 3], parts: Default::default() };
            let mut packed = [0; 3];
            for (length, packed) in block.lengths.iter_mut().zip(&mut packed) {
                *length = u32::from_le_bytes(cursor.array()?);
                *packed = u32::from_le_bytes(cursor.array()?) as usize;
            }
            for (part, length) in block.parts.iter_mut().zip(packed) {
                *part = cursor.take(length)?.to_vec();
            }
            summary.blocks.push(block);
        }
        Some(summary)
    }

    /// Everything but the blocks.
    fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        [self.n_spans, self.n_other, self.n_unpaired].iter().for_each(|count| put_varint(&mut out, *count));
        put_list(&mut out, &self.services, |out, service| {
            put_text(out, &service.namespace);
            put_text(out, &service.name);
        });
        put_list(&mut out, &self.operations, |out, operation| {
            put_varint(out, operation.service.into());
            out.push(operation.kind as u8 | (operation.status as u8) << 3 | u8::from(operation.is_root) << 5);
            put_text(out, &operation.name);
        });
        put_list(&mut out, &self.peers, |out, peer| put_text(out, peer));
        put_list(&mut out, &self.edges, |out, edge| {
            out.push(edge.connection as u8);
            [edge.client, edge.server].iter().for_each(|end| put_end(out, *end));
        });
        put_list(&mut out, &self.facts, |out, fact| {
            put_varint(out, fact.service.into());
            out.push(fact.what as u8);
            put_signed(out, fact.slots.0);
            put_varint(out, fact.slots.1.abs_diff(fact.slots.0));
            put_text(out, &fact.value);
        });
        let mut slot = 0;
        put_list(&mut out, &self.halves, |out, half| {
            out.extend_from_slice(&half.key.to_le_bytes());
            put_varint(out, half.service.into());
            put_signed(out, half.slot.wrapping_sub(slot));
            slot = half.slot;
            put_varint(out, half.duration.max(0) as u64);
            let (is_server, is_message, is_paired, peer) = match half.side {
                Side::Client { peer, is_message, is_paired } => (false, is_message, is_paired, peer),
                Side::Server { is_message } => (true, is_message, false, None),
            };
            let traits = [half.is_error, is_server, is_message, is_paired];
            out.push(traits.iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(*bit)));
            put_varint(out, peer.map_or(0, |peer| u64::from(peer) + 1));
        });
        out
    }

    fn of_head(head: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(head);
        let [n_spans, n_other, n_unpaired] = [cursor.varint()?, cursor.varint()?, cursor.varint()?];
        let services = cursor.list(|cursor| Some(ServiceName { namespace: cursor.text()?, name: cursor.text()? }))?;
        let operations = cursor.list(|cursor| {
            let (service, traits) = (cursor.index(services.len())?, cursor.byte()?);
            Some(Operation {
                service,
                kind: SpanKind::from_number(u64::from(traits & 7)),
                status: StatusCode::from_number(u64::from(traits >> 3 & 3)),
                is_root: traits >> 5 & 1 == 1,
                name: cursor.text()?,
            })
        })?;
        let peers = cursor.list(Cursor::text)?;
        let edges = cursor.list(|cursor| {
            let connection = *Connection::ALL.get(usize::from(cursor.byte()?))?;
            let mut end = || end(cursor, services.len(), peers.len());
            Some(Edge { connection, client: end()?, server: end()? })
        })?;
        let facts = cursor.list(|cursor| {
            let service = cursor.index(services.len())?;
            let what = *Trait::ALL.get(usize::from(cursor.byte()?))?;
            let first = cursor.signed()?;
            let last = first.checked_add(i64::try_from(cursor.varint()?).ok()?)?;
            Some(Fact { service, what, slots: (first, last), value: cursor.text()? })
        })?;
        let mut slot = 0i64;
        let halves = cursor.list(|cursor| {
            let key = u64::from_le_bytes(cursor.array()?);
            let service = cursor.index(services.len())?;
            slot = slot.wrapping_add(cursor.signed()?);
            let duration = i64::try_from(cursor.varint()?).ok()?;
            let traits = cursor.byte()?;
            let [is_error, is_server, is_message, is_paired] = [0, 1, 2, 3].map(|bit| traits >> bit & 1 == 1);
            let peer = cursor.index(peers.len() + 1)?.checked_sub(1);
            let side =
                if is_server { Side::Server { is_message } } else { Side::Client { peer, is_message, is_paired } };
            Some(Half { key, service, slot, duration, is_error, side })
        })?;
        cursor.0.is_empty().then_some(SpanSummary {
            slots: Slots::MINUTES,
            services,
            operations,
            peers,
            edges,
            facts,
            halves,
            n_spans,
            n_other,
            n_unpaired,
            blocks: Vec::new(),
        })
    }
}

/// Services are even numbers, peers odd ones.
fn put_end(out: &mut Vec<u8>, end: End) {
    match end {
        End::Service(index) => put_varint(out, u64::from(index) << 1),
        End::Peer(index) => put_varint(out, u64::from(index) << 1 | 1),
    }
}

fn end(cursor: &mut Cursor<'_>, n_services: usize, n_peers: usize) -> Option<End> {
    let number = cursor.varint()?;
    let (index, is_peer) = (number >> 1, number & 1 == 1);
    let n = if is_peer { n_peers } else { n_services };
    let index = u32::try_from(index).ok().filter(|index| (*index as usize) < n)?;
    Some(if is_peer { End::Peer(index) } else { End::Service(index) })
}
