//! Two traces as one flame graph: a box for each path that either has, as wide as the longer of the two takes, below the box
//! of its parent.

use askama::Template;
use askama::filters::HtmlSafe;

use super::{Change, Path};
use crate::format::{self, clip};
use crate::parts::written_out;

/// Boxes drawn, and levels of them.
const MAX_BOXES: usize = 600;
const MAX_LEVELS: usize = 40;
/// Narrower boxes are not drawn, in percent of the whole, and those narrower than the other have no words.
const LEAST_WIDTH: f64 = 0.15;
const LEAST_WORDS: f64 = 4.0;
/// Height of a level in pixels.
const LEVEL: usize = 21;

/// The drawing. The table of paths says the same.
#[derive(Template)]
#[template(path = "parts/union_flame.html")]
pub(crate) struct UnionFlame {
    height: usize,
    boxes: Vec<Frame>,
    pub(crate) n_more: usize,
}

impl HtmlSafe for UnionFlame {}

struct Frame {
    x: String,
    width: String,
    y: usize,
    change: &'static str,
    title: String,
    /// Empty where there is no room.
    words: String,
}

impl UnionFlame {
    /// Of paths that come a parent before its children.
    pub(crate) fn new(paths: &[Path<'_>]) -> Self {
        let weights: Vec<f64> = paths.iter().map(|path| path.longer() as f64).collect();
        // The sum of what is directly below each, and of the roots.
        let (mut below, mut whole) = (vec![0.0; paths.len()], 0.0);
        for (index, path) in paths.iter().enumerate() {
            match path.parent {
                Some(parent) => below[parent] += weights[index],
                None => whole += weights[index],
            }
        }
        let mut flame = UnionFlame { height: 0, boxes: Vec::new(), n_more: 0 };
        // By path where its box begins, how wide it is, and where its next child begins.
        let mut places: Vec<(f64, f64, f64)> = Vec::with_capacity(paths.len());
        let mut next = 0.0;
        for (index, path) in paths.iter().enumerate() {
            // Children that ran at the same time may be longer than their parent: then they share its width.
            let room = match path.parent {
                Some(parent) => (places[parent].1, weights[parent].max(below[parent]), &mut places[parent].2),
                None => (100.0, whole, &mut next),
            };
            let (width, of, at) = room;
            let (x, width) = (*at, if of > 0.0 { width * weights[index] / of } else { 0.0 });
            *at += width;
            places.push((x, width, x));
            flame.add(path, x, width);
        }
        flame
    }

    fn add(&mut self, path: &Path<'_>, x: f64, width: f64) {
        if width < LEAST_WIDTH || path.depth >= MAX_LEVELS || self.boxes.len() == MAX_BOXES {
            self.n_more += 1;
            return;
        }
        self.height = self.height.max((path.depth + 1) * LEVEL);
        let (service, name) = (written_out(&clip(path.service, 60)), written_out(&clip(path.name, 120)));
        let sides = [("A", path.a), ("B", path.b)].into_iter();
        let sides = sides.filter_map(|(letter, side)| Some(format!("{letter} {}", format::duration(side?.total))));
        let sides: Vec<String> = sides.collect();
        self.boxes.push(Frame {
            x: format!("{x:.3}"),
            width: format!("{width:.3}"),
            y: path.depth * LEVEL,
            change: path.change.name(),
            title: format!("{service} › {name}: {}{}", sides.join(", "), path.change.after_comma()),
            words: if width < LEAST_WORDS { String::new() } else { format!("{}{name}", sign(path.change)) },
        });
    }
}

/// The change before a name, so that it is not told by colour alone.
fn sign(change: Change) -> &'static str {
    match change {
        Change::Added => "+ ",
        Change::Removed => "− ",
        Change::Slower => "▲ ",
        Change::Faster => "▼ ",
        Change::Alike => "",
    }
}
