//! Lines between the boxes of a drawing, and where the words on them go so that they can be read.

/// How far along its line a label is best: nearer to what is called, where lines of one caller have parted.
const BEST: f64 = 0.6;
/// Places along a line that are tried.
const PLACES: usize = 17;
/// Sizes of the words in pixels.
const CHARACTER: f64 = 6.2;
const HEIGHT: f64 = 12.0;

/// A cubic Bézier curve by its four points, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve(pub(crate) [(usize, usize); 4]);

impl Curve {
    /// As the data of an SVG path.
    pub(crate) fn path(&self) -> String {
        let Curve([(x1, y1), (x2, y2), (x3, y3), (x4, y4)]) = self;
        format!("M{x1} {y1}C{x2} {y2} {x3} {y3} {x4} {y4}")
    }

    /// The point at `share` of the way by its parameter, between 0 and 1.
    fn at(&self, share: f64) -> (f64, f64) {
        let rest = 1.0 - share;
        let weights =
            [rest * rest * rest, 3.0 * rest * rest * share, 3.0 * rest * share * share, share * share * share];
        let sum = |of: fn(&(usize, usize)) -> usize| {
            self.0.iter().zip(weights).map(|(point, weight)| of(point) as f64 * weight).sum()
        };
        (sum(|point| point.0), sum(|point| point.1))
    }
}

/// A box by its upper left and its lower right corner, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    pub(crate) fn new(x: usize, y: usize, width: usize, height: usize) -> Self {
        let (left, top) = (x as f64, y as f64);
        Area { left, top, right: left + width as f64, bottom: top + height as f64 }
    }

    fn of_words(text: &str, (x, y): (f64, f64)) -> Self {
        let half = text.chars().count() as f64 * CHARACTER / 2.0;
        Area { left: x - half, top: y - HEIGHT / 2.0, right: x + half, bottom: y + HEIGHT / 2.0 }
    }

    fn covers(&self, other: &Area) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// Words on lines. Who comes first has the choice.
pub(crate) struct Labels {
    taken: Vec<Area>,
}

impl Labels {
    /// On a drawing with `boxes`, which no word may cover.
    pub(crate) fn among(boxes: impl Iterator<Item = Area>) -> Self {
        Labels { taken: boxes.collect() }
    }

    /// The middle of `text` where on `curve` it covers neither a box nor other words; `None` when it would everywhere.
    pub(crate) fn place(&mut self, text: &str, curve: &Curve) -> Option<(usize, usize)> {
        let mut shares: Vec<f64> = (1..=PLACES).map(|step| step as f64 / (PLACES + 1) as f64).collect();
        shares.sort_by(|a, b| (a - BEST).abs().total_cmp(&(b - BEST).abs()));
        let free = shares.into_iter().map(|share| curve.at(share)).find(|&point| {
            let words = Area::of_words(text, point);
            words.left >= 0.0 && !self.taken.iter().any(|taken| taken.covers(&words))
        });
        free.map(|(x, y)| {
            self.taken.push(Area::of_words(text, (x, y)));
            (x.round() as usize, y.round() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_begins_and_ends_at_its_ends() {
        let curve = Curve([(10, 20), (60, 20), (60, 80), (110, 80)]);
        assert_eq!((curve.at(0.0), curve.at(0.5), curve.at(1.0)), ((10.0, 20.0), (60.0, 50.0), (110.0, 80.0)));
        assert_eq!(curve.path(), "M10 20C60 20 60 80 110 80");
    }

    #[test]
    fn no_words_cover_others_or_a_box() {
        // Forty lines from one point to places that are nearer to each other than words are high.
        let boxes = [Area::new(0, 0, 100, 400), Area::new(300, 0, 100, 400)];
        let mut labels = Labels::among(boxes.into_iter());
        let curves = (0..40).map(|i| Curve([(100, 200), (200, 200), (200, i * 10), (300, i * 10)]));
        let placed: Vec<Option<(usize, usize)>> = curves.map(|curve| labels.place("12.5/s", &curve)).collect();
        let n_placed = placed.iter().flatten().count();
        assert!((20..40).contains(&n_placed), "{n_placed}");
        for (i, a) in labels.taken.iter().enumerate() {
            assert!(labels.taken[..i].iter().all(|b| !a.covers(b)), "{a:?}");
        }
    }

    #[test]
    fn words_alone_are_near_to_what_is_called() {
        let mut labels = Labels::among(std::iter::empty());
        let (x, y) = labels.place("1/s", &Curve([(100, 0), (200, 0), (200, 90), (300, 90)])).unwrap();
        assert!((200..260).contains(&x) && (45..80).contains(&y), "{x} {y}");
        assert_eq!(labels.place(&"x".repeat(1_000), &Curve([(0, 0); 4])), None);
    }
}
