//! Bodies in, bundle out.

use std::path::Path;

use tantivy::directory::{OwnedBytes, RamDirectory};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Directory, Index, IndexSettings, SingleSegmentIndexWriter, TantivyDocument, TantivyError};

use super::TextError;
use super::bundle;
use super::directory::{COMPONENTS, META};
use super::tokenizer::Scanner;

/// The longest body that is indexed, in bytes. Rows with longer ones are listed in the bundle and are candidates of
/// every search, so that one huge record costs a look at itself and no more.
pub const MAX_INDEXED_BODY: usize = 1 << 20;

/// The most memory that the tokens of a build may take, in bytes. Checked after each row, so one body can exceed it by
/// what its tokens take; the finished index and its copy in the bundle, each smaller than the tokens, come on top.
pub const MAX_BUILD_MEMORY: usize = 512 << 20;

/// Row numbers end where tantivy's do.
const MAX_ROWS: u32 = tantivy::TERMINATED - 1;

/// tantivy sizes its table of terms by a third of this; the table grows as needed.
const INITIAL_MEMORY: usize = 8 << 20;

/// The name of the one field, and of its tokenizer.
pub(super) const BODY: &str = "body";

/// Put in place of tantivy's random segment id, so that the same rows give the same bytes.
const SEGMENT_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the bundle of an index over `rows`, the n-th of them being row n. Same rows, same bytes.
///
/// # Errors
/// [`TextError::TooLarge`] when the rows take more than [`MAX_BUILD_MEMORY`], [`TextError::TooManyRows`] beyond 2³¹ - 2,
/// [`TextError::Build`] when tantivy fails.
pub fn build<'a>(rows: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, TextError> {
    build_within(rows, MAX_BUILD_MEMORY)
}

fn build_within<'a>(rows: impl Iterator<Item = &'a str>, limit: usize) -> Result<Vec<u8>, TextError> {
    let directory = RamDirectory::create();
    let (schema, body) = schema();
    let tokenizers = TokenizerManager::new();
    tokenizers.register(BODY, BodyTokenizer::default());
    // The dedicated thread would be for compressing stored documents; there are none.
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    let mut writer: SingleSegmentIndexWriter = Index::builder()
        .schema(schema)
        .settings(settings)
        .tokenizers(tokenizers)
        .single_segment_index_writer(directory.clone(), INITIAL_MEMORY)
        .map_err(failed)?;
    let mut count = 0;
    let mut unindexed = Vec::new();
    for text in rows {
        if count == MAX_ROWS {
            return Err(TextError::TooManyRows { limit: MAX_ROWS });
        }
        let mut document = TantivyDocument::new();
        if text.len() <= MAX_INDEXED_BODY {
            document.add_text(body, text);
        } else {
            unindexed.push(count);
        }
        writer.add_document(document).map_err(failed)?;
        let bytes = writer.mem_usage();
        if bytes > limit {
            return Err(TextError::TooLarge { row: count, bytes, limit });
        }
        count += 1;
    }
    let index = writer.finalize().map_err(failed)?;
    pack(&directory, &index, count, &unindexed)
}

fn failed(error: TantivyError) -> TextError {
    TextError::Build { message: error.to_string() }
}

fn schema() -> (Schema, Field) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(BODY)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let body = schema.add_text_field(BODY, TextOptions::default().set_indexing_options(indexing));
    (schema.build(), body)
}

/// Gathers the files of the finished index into a bundle.
fn pack(directory: &RamDirectory, index: &Index, rows: u32, unindexed: &[u32]) -> Result<Vec<u8>, TextError> {
    let build_error = |message: String| TextError::Build { message };
    let segments = index.searchable_segment_ids().map_err(failed)?;
    let [segment] = segments.as_slice() else {
        return Err(build_error(format!("the index has {} segments, not one", segments.len())));
    };
    let mut parts = Vec::with_capacity(COMPONENTS.len() + 1);
    for component in COMPONENTS {
        let path = format!("{}.{component}", segment.uuid_string());
        let file = directory.open_read(Path::new(&path)).map_err(|error| failed(error.into()))?;
        let bytes = file.read_bytes().map_err(|error| build_error(format!("{component}: {error}")))?;
        parts.push((component, if component == "store" { only_footer(bytes)? } else { bytes }));
    }
    let meta = directory.atomic_read(Path::new(META)).map_err(|error| failed(error.into()))?;
    let mut meta: serde_json::Value =
        serde_json::from_slice(&meta).map_err(|error| build_error(format!("{META}: {error}")))?;
    *meta.pointer_mut("/segments/0/segment_id").ok_or_else(|| build_error(format!("{META}: names no segment")))? =
        SEGMENT_ID.into();
    parts.push((META, OwnedBytes::new(meta.to_string().into_bytes())));
    Ok(bundle::encode(rows, unindexed, &parts))
}

/// Cuts a file down to the footer that tantivy closes it with: a JSON text, its length, and a magic number of 4 bytes.
///
/// Of the file of stored documents nothing else is ever read, and it would take 4 bytes a row though they are empty.
fn only_footer(file: OwnedBytes) -> Result<OwnedBytes, TextError> {
    let unknown = || TextError::Build { message: "store: ends in an unknown way".to_owned() };
    let (rest, _magic) = file.split_last_chunk::<4>().ok_or_else(unknown)?;
    let (rest, length) = rest.split_last_chunk::<4>().ok_or_else(unknown)?;
    let start = rest.len().checked_sub(u32::from_le_bytes(*length) as usize).ok_or_else(unknown)?;
    Ok(file.slice(start..file.len()))
}

/// The tokenizer as tantivy calls it.
#[derive(Clone, Default)]
struct BodyTokenizer {
    token: Token,
}

struct BodyTokens<'a> {
    scanner: Scanner<'a>,
    token: &'a mut Token,
}

impl Tokenizer for BodyTokenizer {
    type TokenStream<'a> = BodyTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> BodyTokens<'a> {
        // Positions and offsets are not indexed and stay zero.
        self.token.position = 0;
        BodyTokens { scanner: Scanner::new(text), token: &mut self.token }
    }
}

impl TokenStream for BodyTokens<'_> {
    fn advance(&mut self) -> bool {
        self.scanner.next(&mut self.token.text).is_some()
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_when_the_tokens_take_more_memory_than_allowed() {
        let bodies: Vec<String> = (0..200_000).map(|it| format!("word{it}")).collect();
        let limit = 16 << 20;
        let error = build_within(bodies.iter().map(String::as_str), limit).unwrap_err();
        let TextError::TooLarge { row, bytes, limit: told } = error else { panic!("{error}") };
        assert!((1_000..200_000).contains(&row) && bytes > limit && told == limit, "row {row}, {bytes} bytes");
    }

    #[test]
    fn one_body_of_the_largest_size_takes_less_than_32_times_its_size() {
        // Nearly every token is new, the dearest text there is.
        let mut worst = String::new();
        for number in 0u32.. {
            let digits = (0..4).map(|place| char::from_digit(number / 36u32.pow(place) % 36, 36).unwrap());
            worst.extend(digits.chain([' ']));
            if worst.len() + 5 > MAX_INDEXED_BODY {
                break;
            }
        }
        build_within([worst.as_str()].into_iter(), 32 * MAX_INDEXED_BODY).unwrap();
    }
}
