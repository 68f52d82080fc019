//! The JSON Schema of SLO files (draft 2020-12), for editors that complete and check while one types.

/// The schema, as published in `docs/slo.schema.json`. It is laxer than [`crate::spec::parse`] where a schema cannot say
/// what holds, and never stricter.
pub const SCHEMA: &str = include_str!("../../docs/slo.schema.json");

#[cfg(test)]
mod tests {
    use jsonschema::Validator;
    use serde_json::Value;

    use super::SCHEMA;
    use crate::spec::bad_files::bad_files;
    use crate::spec::parse::SLO_KEYS;
    use crate::spec::tests::{FULL, KINDS};

    /// What only the parser knows: a part of its message, and why a schema cannot.
    const BEYOND: &[(&str, &str)] = &[
        ("not valid YAML", "nothing is left that could be checked"),
        ("must be at least", "the length of a duration is no property of its text"),
        ("must be more than 0s", "the length of a duration is no property of its text"),
        ("must be whole minutes", "the length of a duration is no property of its text"),
        ("must be shorter than `long`", "one value against another"),
        ("must be later than `from`", "one value against another"),
        ("must not be before `from`", "one value against another"),
        ("can never be exceeded", "one value against another"),
        ("severity and windows together are unique", "two values in different notations"),
        ("names are unique", "no property of a single SLO"),
        ("would be the label", "it depends on how a key is written as a label"),
        ("a list of 1 to 4 different ones, got \"a_b\"", "it depends on how a key is written as a label"),
        ("no events that could be counted", "the guards are elsewhere than the indicator"),
        ("got the number NaN", "JSON has no such number"),
        ("got the number inf", "JSON has no such number"),
        ("a time zone of the IANA database", "the database is not in the schema"),
        ("must be a date, such as 2026-01-31, got \"2026-02-30\"", "the calendar is not in the schema"),
        ("name: missing", "a name can be made of most services"),
    ];

    fn validator() -> Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    /// Files that have everything there is, those of the demo, and the examples of the documentation.
    fn good_files() -> impl Iterator<Item = &'static str> {
        let demo = [
            include_str!("../../haechi/src/demo/booking-availability.yaml"),
            include_str!("../../haechi/src/demo/browse-latency.yaml"),
        ];
        let blocks = include_str!("../../docs/slos.md").split("```yaml\n").skip(1);
        let examples = blocks.filter_map(|block| block.split("```").next());
        [FULL, KINDS].into_iter().chain(demo).chain(examples.filter(|text| text.contains("objective:")))
    }

    fn value(text: &str) -> Option<Value> {
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).ok()
    }

    #[test]
    fn the_schema_takes_every_good_file() {
        let validator = validator();
        for text in good_files() {
            crate::spec::parse("f.yaml", text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            let value = value(text).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}\n{text}");
        }
    }

    #[test]
    fn the_schema_refuses_every_bad_file_that_a_schema_can() {
        let validator = validator();
        let (mut refused, mut beyond, mut taken) = (0, std::collections::BTreeSet::new(), String::new());
        for (text, message) in bad_files() {
            if value(&text).is_some_and(|value| !validator.is_valid(&value)) {
                refused += 1;
                continue;
            }
            let reason = BEYOND.iter().find(|(part, _)| message.contains(part));
            match reason {
                Some((part, _)) => _ = beyond.insert(*part),
                None => taken.push_str(&format!("{message}\n")),
            }
        }
        assert!(taken.is_empty(), "the schema takes what the parser refuses:\n{taken}");
        assert!(refused >= 60, "{refused}");
        let unused: Vec<_> = BEYOND.iter().filter(|(part, _)| !beyond.contains(part)).collect();
        assert!(unused.is_empty(), "no bad file shows these: {unused:?}");
    }

    #[test]
    fn both_know_the_same_keys() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut keys: Vec<&str> =
            schema["$defs"]["slo"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = SLO_KEYS.to_vec();
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known);
    }
}
