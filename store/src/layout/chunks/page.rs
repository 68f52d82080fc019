//! Pages of pco: a chunk's metadata and its one page in pco's wrapped format, without the file header.

use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec};

use super::bytes::{Cursor, Damaged};

/// The header of a pco file: the version of its format, 4.1. Every page of this layout is of that version.
const HEADER: [u8; 2] = [4, 1];
/// At this level a page is as small as at the default of 8 and written in half of the time.
const LEVEL: usize = 4;
/// No page has more numbers than this: more would be several of pco's pages.
const MAX_NUMBERS: usize = 1 << 18;
/// What an encoder of pco emits at most; a page that says more asks for memory.
const MAX_WINDOW_LOG: u8 = 15;

/// Appends a page of `numbers`, of which there must be one at least. `delta` says what is tried of what lies between neighbours.
pub(super) fn put_page<T: Number>(out: &mut Vec<u8>, numbers: &[T], delta: DeltaSpec) {
    const WHY: &str = "the settings are valid, the numbers fit one page, and memory can be written to";
    assert!((1..=MAX_NUMBERS).contains(&numbers.len()), "a page of {} numbers", numbers.len());
    let config = ChunkConfig::default().with_compression_level(LEVEL).with_enable_8_bit(true).with_delta_spec(delta);
    let mut chunk = FileCompressor::default().chunk_compressor(numbers, &config).expect(WHY);
    chunk.write_meta(&mut *out).expect(WHY);
    chunk.write_page(0, &mut *out).expect(WHY);
}

/// The memory that decoding pages takes, to be used again.
#[derive(Default)]
pub(super) struct Scratch {
    pco: DecompressorScratch,
    bytes: Vec<u8>,
    shorts: Vec<u16>,
    words: Vec<u32>,
    longs: Vec<u64>,
}

impl Scratch {
    /// Fills `out` from the page at the cursor.
    pub(super) fn page<T: Number>(&mut self, from: &mut Cursor<'_>, out: &mut [T]) -> Result<(), Damaged> {
        read(&mut self.pco, from, out)
    }

    /// Feeds the `n` numbers of the page at the cursor, whose width is 8, 16, 32 or 64 bits for 0 to 3.
    pub(super) fn widened(
        &mut self,
        width: u8,
        from: &mut Cursor<'_>,
        n: usize,
        push: impl FnMut(u64),
    ) -> Result<(), Damaged> {
        fn feed<T: Number + Into<u64> + Default>(
            (pco, numbers): (&mut DecompressorScratch, &mut Vec<T>),
            from: &mut Cursor<'_>,
            n: usize,
            push: impl FnMut(u64),
        ) -> Result<(), Damaged> {
            numbers.resize(n, T::default());
            read(pco, from, numbers)?;
            numbers.iter().map(|number| (*number).into()).for_each(push);
            Ok(())
        }
        match width {
            0 => feed((&mut self.pco, &mut self.bytes), from, n, push),
            1 => feed((&mut self.pco, &mut self.shorts), from, n, push),
            2 => feed((&mut self.pco, &mut self.words), from, n, push),
            _ => feed((&mut self.pco, &mut self.longs), from, n, push),
        }
    }
}

fn read<T: Number>(scratch: &mut DecompressorScratch, from: &mut Cursor<'_>, out: &mut [T]) -> Result<(), Damaged> {
    if out.is_empty() || out.len() > MAX_NUMBERS {
        return Err(Damaged::new(format!("a page of {} numbers", out.len())));
    }
    refuse_what_asks_for_memory(from.0, size_of::<T>())?;
    let (file, _) = FileDecompressor::new(HEADER.as_slice()).map_err(Damaged::new)?;
    let (chunk, rest) = file.chunk_decompressor::<T, _>(from.0).map_err(Damaged::new)?;
    let mut page = chunk.page_decompressor_with_scratch(rest, out.len(), scratch).map_err(Damaged::new)?;
    page.read(out).map_err(Damaged::new)?;
    from.0 = page.into_src();
    Ok(())
}

/// Refuses the two things that let a few bytes claim hundreds of megabytes: a dictionary, which is never written here,
/// and a window of the past that is larger than a page.
///
/// From the lowest bit on, a page begins with its mode (4 bits), the mode's own number (none, one of the page's type, or
/// 8 bits), the kind of its delta encoding (4 bits), and for kind 2 the logarithm of its window less one (5 bits).
fn refuse_what_asks_for_memory(page: &[u8], number_bytes: usize) -> Result<(), Damaged> {
    let byte = |index: usize| page.get(index).copied().unwrap_or_default();
    let mode_bytes = match byte(0) & 15 {
        0 => 0,
        1 | 2 => number_bytes,
        3 => 1,
        other => return Err(Damaged::new(format!("a page of mode {other}"))),
    };
    let window_log = (byte(mode_bytes + 1) & 31) + 1;
    if byte(mode_bytes) >> 4 == 2 && window_log > MAX_WINDOW_LOG {
        return Err(Damaged::new(format!("a page with a window of 2^{window_log} numbers")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_of_the_version_that_the_header_says() {
        assert_eq!(FileCompressor::default().write_header(Vec::new()).unwrap(), HEADER);
    }

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let mut bytes = Vec::new();
        put_page(&mut bytes, &[1u16, 5, 2, 8], DeltaSpec::Auto);
        put_page(&mut bytes, &[0.5f64, -0.0], DeltaSpec::Auto);
        let (mut scratch, mut from) = (Scratch::default(), Cursor(&bytes));
        let (mut shorts, mut doubles) = ([0u16; 4], [0f64; 2]);
        scratch.page(&mut from, &mut shorts).unwrap();
        scratch.page(&mut from, &mut doubles).unwrap();
        assert_eq!((shorts, doubles.map(f64::to_bits)), ([1, 5, 2, 8], [0.5f64.to_bits(), (-0.0f64).to_bits()]));
        from.end().unwrap();
    }

    #[test]
    fn pages_that_ask_for_memory_are_refused() {
        let numbers: Vec<u64> = (0..1000).map(|i| i * 977 % 64 * 1_000_003).collect();
        let config = ChunkConfig::default().with_delta_spec(pco::DeltaSpec::TryLookback);
        let mut chunk = FileCompressor::default().chunk_compressor(&numbers, &config).unwrap();
        let mut page = chunk.write_meta(Vec::new()).unwrap();
        page = chunk.write_page(0, page).unwrap();
        let mut out = vec![0; numbers.len()];
        Scratch::default().page(&mut Cursor(&page), &mut out).unwrap();
        assert_eq!(out, numbers);

        let mode_bytes = if page[0] & 15 == 0 { 0 } else { 8 };
        assert_eq!(page[mode_bytes] >> 4, 2, "pco looks back");
        page[mode_bytes + 1] |= 31;
        let error = Scratch::default().page(&mut Cursor(&page), &mut out).unwrap_err();
        assert!(error.to_string().contains("window"), "{error}");
        let error = Scratch::default().page(&mut Cursor(&[4, 0xff, 0xff]), &mut out).unwrap_err();
        assert!(error.to_string().contains("mode 4"), "{error}");
    }
}
