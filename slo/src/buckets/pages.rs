//! The cells of a ring, in pages that take no more room than their numbers ask for: none while all is zero, two bytes a
//! bucket for the few events a minute that a group mostly has. Each page knows its sum, so that a window is the sum of some
//! pages and of the cells at its two ends.

use super::{Cell, Count};

/// Buckets in a page.
const PAGE: usize = 256;

/// Good and total of each bucket of a page, as narrow as the largest total.
#[derive(Debug, Clone)]
enum Cells {
    Zero,
    Bytes(Box<[[u8; 2]; PAGE]>),
    Shorts(Box<[[u16; 2]; PAGE]>),
    Words(Box<[[u32; 2]; PAGE]>),
}

#[derive(Debug, Clone)]
struct Page {
    sum: Count,
    cells: Cells,
}

/// As many cells as a ring has places, zero at first.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    len: usize,
    pages: Vec<Page>,
}

impl Pages {
    pub(super) fn new(len: usize) -> Self {
        let page = Page { sum: Count::default(), cells: Cells::Zero };
        Self { len, pages: vec![page; len.div_ceil(PAGE)] }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, place: usize) -> Cell {
        self.pages[place / PAGE].cells.get(place % PAGE)
    }

    pub(super) fn set(&mut self, place: usize, cell: Cell) {
        let page = &mut self.pages[place / PAGE];
        let old = page.cells.get(place % PAGE);
        if old == cell {
            return;
        }
        page.sum = page.sum + Count::from(cell) - Count::from(old);
        page.cells.set(place % PAGE, cell);
        if page.sum.total == 0 {
            page.cells = Cells::Zero;
        }
    }

    /// The sum of the places `from..to`.
    pub(super) fn range(&self, from: usize, to: usize) -> Count {
        let mut sum = Count::default();
        let mut place = from;
        while place < to {
            let page = &self.pages[place / PAGE];
            let end = (place / PAGE + 1) * PAGE;
            if place.is_multiple_of(PAGE) && end.min(self.len) <= to {
                sum = sum + page.sum;
            } else {
                sum = sum + page.cells.range(place % PAGE, end.min(to) - place / PAGE * PAGE);
            }
            place = end;
        }
        sum
    }
}

impl Cells {
    fn get(&self, index: usize) -> Cell {
        let [good, total] = match self {
            Cells::Zero => [0, 0],
            Cells::Bytes(cells) => cells[index].map(u32::from),
            Cells::Shorts(cells) => cells[index].map(u32::from),
            Cells::Words(cells) => cells[index],
        };
        Cell { good, total }
    }

    fn set(&mut self, index: usize, cell: Cell) {
        let pair = [cell.good, cell.total];
        match self {
            Cells::Bytes(cells) => {
                if let (Ok(good), Ok(total)) = (cell.good.try_into(), cell.total.try_into()) {
                    cells[index] = [good, total];
                    return;
                }
            }
            Cells::Shorts(cells) => {
                if let (Ok(good), Ok(total)) = (cell.good.try_into(), cell.total.try_into()) {
                    cells[index] = [good, total];
                    return;
                }
            }
            Cells::Words(cells) => {
                cells[index] = pair;
                return;
            }
            Cells::Zero => {}
        }
        self.widen(cell.total);
        self.set(index, cell);
    }

    /// Makes room for `total` in a cell.
    fn widen(&mut self, total: u32) {
        let cells: Vec<Cell> = (0..PAGE).map(|index| self.get(index)).collect();
        *self = match total {
            0..=0xff => Cells::Bytes(Box::new([[0; 2]; PAGE])),
            0x100..=0xffff => Cells::Shorts(Box::new([[0; 2]; PAGE])),
            _ => Cells::Words(Box::new([[0; 2]; PAGE])),
        };
        for (index, cell) in cells.into_iter().enumerate() {
            self.set(index, cell);
        }
    }

    fn range(&self, from: usize, to: usize) -> Count {
        fn sum<T: Copy + Into<u64>>(cells: &[[T; 2]]) -> Count {
            cells.iter().fold(Count::default(), |sum, [good, total]| {
                sum + Count { good: (*good).into(), total: (*total).into() }
            })
        }
        match self {
            Cells::Zero => Count::default(),
            Cells::Bytes(cells) => sum(&cells[from..to]),
            Cells::Shorts(cells) => sum(&cells[from..to]),
            Cells::Words(cells) => sum(&cells[from..to]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_wide_as_its_largest_number() {
        let mut pages = Pages::new(2 * PAGE + 10);
        let width = |pages: &Pages| match &pages.pages[1].cells {
            Cells::Zero => 0,
            Cells::Bytes(_) => 1,
            Cells::Shorts(_) => 2,
            Cells::Words(_) => 4,
        };
        assert_eq!(width(&pages), 0);
        let mut sum = 0;
        for (place, total, expected) in [(PAGE, 0, 0), (PAGE, 255, 1), (PAGE + 7, 256, 2), (PAGE + 9, 65_536, 4)] {
            pages.set(place, Cell { good: total / 2, total });
            sum += u64::from(total);
            assert_eq!((width(&pages), pages.range(0, pages.len()).total), (expected, sum), "{total}");
        }
        assert_eq!(pages.get(PAGE + 7), Cell { good: 128, total: 256 });
        for place in PAGE..2 * PAGE {
            pages.set(place, Cell::default());
        }
        assert_eq!((width(&pages), pages.range(0, pages.len())), (0, Count::default()));
    }
}
