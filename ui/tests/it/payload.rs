//! Reads what the page of a trace loads: typed columns behind a header.

use axum::Router;
use model::TraceId;
use serde_json::Value;

use crate::get;

/// A payload, read by its own header.
pub(crate) struct Data {
    pub(crate) header: Value,
    pub(crate) body: Vec<u8>,
}

impl Data {
    pub(crate) async fn get(router: &Router, id: TraceId) -> Self {
        let answer = get(router, &format!("/traces/{id}/data")).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(&answer.body[..8], b"haechi  ");
        let length = usize::try_from(u64::from_le_bytes(answer.body[8..16].try_into().unwrap())).unwrap();
        let header = serde_json::from_slice(&answer.body[16..16 + length]).unwrap();
        Data { header, body: answer.body[16 + length..].to_vec() }
    }

    /// The bytes of a column, and how many each value takes.
    fn column(&self, name: &str) -> (&[u8], usize) {
        let mut at = 0;
        for column in self.header["columns"].as_array().unwrap() {
            let size = match column[1].as_str().unwrap() {
                "u8" => 1,
                "u32" => 4,
                _ => 8,
            };
            let length = size * usize::try_from(column[2].as_u64().unwrap()).unwrap();
            if column[0] == name {
                return (&self.body[at..at + length], size);
            }
            at += length.next_multiple_of(8);
        }
        panic!("no column {name}");
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.column(name).0
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<usize> {
        let (bytes, size) = self.column(name);
        assert_eq!(size, 4, "{name}");
        bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()) as usize).collect()
    }

    pub(crate) fn times(&self, name: &str) -> Vec<f64> {
        let (bytes, size) = self.column(name);
        assert_eq!(size, 8, "{name}");
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.bytes("kind").len()
    }

    pub(crate) fn text(&self, index: usize) -> &str {
        self.header["texts"][index].as_str().unwrap()
    }

    pub(crate) fn depths(&self) -> Vec<usize> {
        let mut depths: Vec<usize> = Vec::new();
        for (row, up) in self.numbers("up").into_iter().enumerate() {
            depths.push(if up == 0 { 0 } else { depths[row - up] + 1 });
        }
        depths
    }

    /// The rows as text: depth in dots, `*` for a fold, `?` for a missing parent, and the name.
    pub(crate) fn shape(&self) -> Vec<String> {
        let rows = self.depths().into_iter().zip(self.bytes("kind")).zip(self.numbers("name"));
        let line = |((depth, kind), name): ((usize, &u8), usize)| {
            format!("{}{}{}", ".".repeat(depth), ["", "*", "?"][usize::from(*kind)], self.text(name))
        };
        rows.map(line).collect()
    }

    pub(crate) fn flags(&self, name: &str) -> Vec<u8> {
        let names = self.numbers("name");
        let rows = (0..self.n_rows()).filter(|row| self.bytes("kind")[*row] == 0 && self.text(names[*row]) == name);
        rows.map(|row| self.bytes("flags")[row]).collect()
    }
}
