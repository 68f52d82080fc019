use std::collections::BTreeSet;

use model::{AttrsBuf, Value};
use proptest::prelude::*;

use super::*;

fn series(name: &str, attributes: &[(&str, &str)], service: &str) -> (SeriesId, Owned) {
    let mut attrs = AttrsBuf::new();
    attributes.iter().for_each(|(key, value)| attrs.push(key, Value::Str(value)));
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Value::Str(service));
    let owned = Owned { name: name.to_owned(), attrs, resource };
    (owned.describe().id(), owned)
}

struct Owned {
    name: String,
    attrs: AttrsBuf,
    resource: AttrsBuf,
}

impl Owned {
    fn describe(&self) -> Series<'_> {
        let resource = Resource::new(self.resource.as_bytes());
        Series {
            name: &self.name,
            unit: "s",
            description: "",
            kind: MetricKind::Gauge,
            temporality: Temporality::Unspecified,
            monotonic: false,
            attrs: self.attrs.as_attrs(),
            attr_bytes: self.attrs.as_bytes(),
            service: resource.service_name(),
            resource,
            scope: Scope::default(),
        }
    }
}

/// A metric's name, attributes, and a service's name.
type Described<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

fn index(all: &[Described<'_>]) -> SeriesIndex {
    let index = SeriesIndex::default();
    for (number, (name, attributes, service)) in all.iter().enumerate() {
        let (id, owned) = series(name, attributes, service);
        index.insert(id, &owned.describe(), number as i64, number as i64);
    }
    index
}

/// What `found` is: the metric's name and the value of its attribute `a`.
fn texts(found: &[Arc<StoredSeries>]) -> Vec<String> {
    let text = |it: &Arc<StoredSeries>| format!("{} {}", it.name, it.attrs().get_str("a").unwrap_or("-"));
    found.iter().map(text).collect()
}

#[test]
fn series_are_found_by_name_attribute_and_resource() {
    let index = index(&[
        ("m", &[("a", "1"), ("b", "x")], "shop"),
        ("m", &[("a", "2"), ("b", "x")], "shop"),
        ("m", &[("a", "2"), ("b", "y")], "cart"),
        ("k", &[("a", "1"), ("c", "z")], "cart"),
        ("k", &[], "cart"),
    ]);
    let keys = |keys: &[&str]| keys.iter().map(|key| Arc::from(*key)).collect::<Vec<_>>();
    let has = |key: &str, value| Condition::Attribute { keys: keys(&[key]), value };
    let words = ["2".to_owned(), "3".to_owned()];
    let cases: [(Vec<Condition<'_>>, &[&str]); 8] = [
        (vec![], &["k 1", "k -", "m 1", "m 2", "m 2"]),
        (vec![has("a", Some(WantedLabel::Is("1")))], &["k 1", "m 1"]),
        (vec![has("a", Some(WantedLabel::OneOf(&words)))], &["m 2", "m 2"]),
        (
            vec![has("a", Some(WantedLabel::Is("2"))), has("b", Some(WantedLabel::Passing(&|text| text > "x")))],
            &["m 2"],
        ),
        (vec![has("c", None)], &["k 1"]),
        (vec![Condition::Attribute { keys: keys(&["b", "c"]), value: None }], &["k 1", "m 1", "m 2", "m 2"]),
        (vec![Condition::Resource(&|resource| resource.service_name() == "shop")], &["m 1", "m 2"]),
        (vec![has("d", None)], &[]),
    ];
    for (conditions, expected) in cases {
        assert_eq!(texts(&index.select(|_| true, &conditions)), expected);
    }
    assert_eq!(texts(&index.select(|name| name == "k", &[has("a", Some(WantedLabel::Is("1")))])), ["k 1"]);
    assert_eq!(index.attribute_keys().iter().map(|key| key.to_string()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn values_that_are_too_long_to_be_listed_are_never_left_out() {
    let text = "long ".repeat(100);
    let index = index(&[("m", &[("a", &text)], "shop"), ("m", &[("a", "short")], "shop")]);
    let condition = Condition::Attribute { keys: vec!["a".into()], value: Some(WantedLabel::Is(&text)) };
    assert_eq!(index.select(|_| true, &[condition]).len(), 1);
    let condition = Condition::Attribute { keys: vec!["a".into()], value: Some(WantedLabel::Is("short")) };
    assert_eq!(index.select(|_| true, &[condition]).len(), 2);
}

#[test]
fn forgotten_series_leave_nothing_behind_and_their_numbers_are_used_again() {
    let all: Vec<(String, String)> = (0..100).map(|i| (format!("m{}", i % 7), format!("v{i}"))).collect();
    let index = SeriesIndex::default();
    for (time, (name, value)) in all.iter().enumerate() {
        let (id, owned) = series(name, &[("a", value), ("b", "same")], value);
        index.insert(id, &owned.describe(), time as i64, time as i64);
    }
    index.forget_before(60);
    assert_eq!((index.len(), index.all().len()), (40, 40));
    let same = Condition::Attribute { keys: vec!["b".into()], value: Some(WantedLabel::Is("same")) };
    assert_eq!(index.select(|_| true, &[same]).len(), 40);
    for (name, value) in &all[..60] {
        let (id, owned) = series(name, &[("a", value)], "other");
        index.insert(id, &owned.describe(), 200, 200);
    }
    assert_eq!(index.read().series.len(), 100);
    let gone = Condition::Attribute { keys: vec!["a".into()], value: Some(WantedLabel::Is("v3")) };
    assert_eq!(index.select(|_| true, &[gone]).len(), 1);
    index.forget_before(1000);
    let inner = index.read();
    assert!(inner.names.is_empty() && inner.attributes.is_empty() && inner.resources.is_empty());
}

#[test]
fn more_values_than_are_looked_at_in_one_step_are_all_found() {
    let index = SeriesIndex::default();
    for number in 0..5000 {
        let (id, owned) = series("m", &[("a", &format!("{number:05}"))], &format!("service {number}"));
        index.insert(id, &owned.describe(), 0, 0);
    }
    let even = |text: &str| text.ends_with(['0', '2', '4', '6', '8']);
    let condition = Condition::Attribute { keys: vec!["a".into()], value: Some(WantedLabel::Passing(&even)) };
    let resource = Condition::Resource(&|resource| !resource.service_name().ends_with("00"));
    assert_eq!(index.select(|_| true, &[condition, resource]).len(), 2500 - 49, "100, 200 and so on to 4900");
}

proptest! {
    #[test]
    fn conditions_leave_out_nothing_that_satisfies_them(
        all in prop::collection::vec((0u8..3, 0u8..4, 0u8..4, 0u8..3, 0i64..100), 0..60),
        (name, one, other, oldest) in (0u8..3, 0u8..4, 0u8..4, 0i64..100),
    ) {
        let index = SeriesIndex::default();
        let mut model = BTreeSet::new();
        for (name, one, other, service, time) in &all {
            let attributes = [("one", one.to_string()), ("other", other.to_string())];
            let attributes: Vec<_> = attributes.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let (id, owned) = series(&name.to_string(), &attributes, &service.to_string());
            index.insert(id, &owned.describe(), *time, *time);
        }
        index.forget_before(oldest);
        let last = |it: &(u8, u8, u8, u8, i64)| {
            let same = all.iter().filter(|other| (other.0, other.1, other.2, other.3) == (it.0, it.1, it.2, it.3));
            same.map(|other| other.4).max()
        };
        for it in all.iter().filter(|it| last(it) >= Some(oldest)) {
            if it.0 == name && it.1 == one && it.2 >= other {
                model.insert((it.0, it.1, it.2, it.3));
            }
        }
        let (one, other) = (one.to_string(), other.to_string());
        let conditions = [
            Condition::Attribute { keys: vec!["one".into()], value: Some(WantedLabel::Is(&one)) },
            Condition::Attribute { keys: vec!["other".into()], value: Some(WantedLabel::Passing(&|text| text >= &*other)) },
        ];
        let found = index.select(|it| it == name.to_string(), &conditions);
        let found: BTreeSet<_> = found.iter().map(|it| it.id).collect();
        prop_assert_eq!(found.len(), model.len());
    }
}
