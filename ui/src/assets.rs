//! The bundled scripts, styles and fonts: embedded in the executable, named by their content, kept by browsers for ever.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file of the bundle that `build.rs` made.
struct Asset {
    /// The name templates ask for.
    name: &'static str,
    /// The name with the hash of its content, which the address has.
    file: &'static str,
    content_type: &'static str,
    body: &'static [u8],
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where the assets are.
const PREFIX: &str = "/assets/";

/// The address of the asset `name`. Panics for a name that the bundle lacks, which the tests of the pages would see.
pub(crate) fn address(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    format!("{PREFIX}{}", asset.expect("templates name assets of the bundle").file)
}

/// `GET /assets/{file}`
pub(crate) async fn serve(Path(file): Path<String>, request: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == file) else {
        return (StatusCode::NOT_FOUND, "no such asset\n").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    match asset.gzip.filter(|_| accepts_gzip(&request)) {
        Some(gzip) => (headers, [(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        None => (headers, asset.body).into_response(),
    }
}

/// Whether the request names gzip among its encodings without ruling it out (`gzip;q=0`).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT_ENCODING);
    accepted.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|encoding| {
        let (name, quality) = encoding.split_once(';').unwrap_or((encoding, "q=1"));
        let refused = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_named_by_its_content_and_compressed_to_what_it_is() {
        for asset in ASSETS {
            assert!(!asset.body.is_empty(), "{}", asset.file);
            assert!(asset.file.contains('-'), "{}", asset.file);
            let mut plain = Vec::new();
            if let Some(gzip) = asset.gzip {
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut plain).unwrap();
                assert_eq!(plain, asset.body, "{}", asset.file);
            }
        }
        for name in ["shell.js", "chart.js", "trace.js", "style.css", "icon.svg", "licences.txt"] {
            assert!(address(name).starts_with(PREFIX));
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        let table = [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ];
        for (value, expected) in table {
            let mut request = HeaderMap::new();
            request.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&request), expected, "{value}");
        }
    }
}
