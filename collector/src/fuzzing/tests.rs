//! The fuzz targets over the inputs that once found something, and over 5,000 drawn ones.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Runs `target` over the files of `fuzz/regressions/NAME`.
fn regressions(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions").join(name);
    let Ok(files) = folder.read_dir() else { return };
    for file in files {
        let path = file.unwrap().path();
        println!("{}", path.display());
        target(&std::fs::read(path).unwrap());
    }
}

#[test]
fn what_was_found_once_stays_mended() {
    regressions("otlp_protobuf", otlp_protobuf);
    regressions("otlp_json", otlp_json);
    regressions("compressed", compressed);
    regressions("remote_write", remote_write);
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        // Generated requests, most of them damaged, are what finds something in so few cases.
        9 => (128_u8.., prop::collection::vec(any::<u8>(), 0..1500)).prop_map(|(selector, mut data)| {
            data.insert(0, selector);
            data
        }),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn protobuf_of_any_bytes(data in data()) {
        otlp_protobuf(&data);
    }

    #[test]
    fn json_of_any_bytes(data in data()) {
        otlp_json(&data);
    }
}
