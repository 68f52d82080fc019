//! What documents name is there: paths, commands, routes, settings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::tree::{files, read, root};

/// The pieces of `text` between back quotes, code blocks left out.
fn quoted(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    for (index, block) in text.split("```").enumerate() {
        if index % 2 == 0 {
            pieces.extend(block.lines().flat_map(|line| line.split('`').skip(1).step_by(2)));
        }
    }
    pieces
}

/// Whether a quoted piece is a path in the repository: its first part is a folder or file here.
fn is_path(piece: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "./_-".contains(it);
    let first = piece.split('/').next().unwrap_or_default();
    let here = !first.is_empty() && !first.chars().all(|it| it == '.') && root().join(first).exists();
    piece.contains(['/', '.']) && piece.chars().all(plain) && here
}

#[test]
fn the_map_names_paths_that_exist() {
    for document in ["ARCHITECTURE.md", "README.md"] {
        let text = read(document);
        let paths: Vec<&str> = quoted(&text).into_iter().filter(|piece| is_path(piece)).collect();
        assert!(document != "ARCHITECTURE.md" || paths.len() > 20, "the map names its places: {paths:?}");
        for path in paths {
            assert!(root().join(path).exists(), "{document} names `{path}`, which is gone");
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in files(&[".md"]) {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = root().join(folder).join(target);
            assert!(path.exists(), "{document} links to {target}, which is not there");
        }
    }
}

#[test]
fn the_readme_has_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "cargo xtask test"] {
        assert!(readme.lines().any(|line| line.trim() == command), "README.md lacks `{command}` on a line of its own");
    }
}

/// The paths in `.route("…"` of the API's sources.
fn routes() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for file in files(&[".rs"]).iter().filter(|file| file.starts_with("haechi/src/api")) {
        let text = read(file);
        for (at, _) in text.match_indices(".route(") {
            let rest = text[at + ".route(".len()..].trim_start();
            let path = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
            routes.insert(path.unwrap_or_else(|| panic!("{file}: a route without a literal path")).to_owned());
        }
    }
    routes
}

#[test]
fn every_route_is_described() {
    let (document, routes) = (read("docs/api.md"), routes());
    assert!(routes.len() > 15, "{routes:?}");
    for route in routes.iter().filter(|route| *route != "/api/{*path}") {
        assert!(document.contains(&format!("`{route}`")), "docs/api.md does not describe `{route}`");
    }
}

#[test]
fn every_setting_is_described() {
    let (settings, document) = (read("haechi/src/config/settings.rs"), read("docs/configuration.md"));
    let keys: Vec<&str> = settings.split("key: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(keys.len() > 5, "{keys:?}");
    for key in keys {
        let (flag, variable) = (key.replace('_', "-"), key.to_uppercase());
        for name in [key.to_owned(), format!("--{flag}"), format!("HAECHI_{variable}")] {
            assert!(document.contains(&format!("`{name}`")), "docs/configuration.md does not describe `{name}`");
        }
    }
}

#[test]
fn every_format_has_its_page() {
    let pages = fs::read_dir(root().join("docs/formats")).unwrap().count();
    assert!(pages > 0);
}
