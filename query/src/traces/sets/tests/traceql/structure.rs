//! Sets of spans, how they stand to each other, and pipelines.

use super::{ALL, Case, check, check_sets};

#[test]
fn sets_together() {
    let cases: &[Case] = &[
        ("{ resource.cloud.region = \"eu-1\" } && { resource.cloud.region = \"us-2\" }", &[1]),
        ("{ resource.cloud.region = \"eu-1\" && resource.cloud.region = \"us-2\" }", &[]),
        ("{ kind = producer } || { kind = consumer }", &[4, 5]),
        ("{ status = error } && { kind = internal }", &[1, 7]),
        ("{ status = error } && { kind = producer }", &[]),
        ("{ kind = producer } || { kind = consumer } && { status = error }", &[]), // from the left
        ("{ status = error } || ({ kind = producer } && { duration > 1s })", &[1, 7]),
        ("({ status = error } || { kind = producer }) && { }", &[1, 5, 7]),
        ("{ name = \"nobody\" } || { kind = producer }", &[5]),
        ("{ trace:duration > 1s } && { kind = client }", &[12]),
    ];
    check(cases);
}

#[test]
fn relations() {
    let cases: &[Case] = &[
        ("{ resource.service.name = \"gateway\" } >> { status = error }", &[1]),
        ("{ name = \"call booking\" } > { name = \"POST /book\" }", &[1]),
        ("{ name = \"GET /checkout\" } > { name = \"POST /book\" }", &[]),
        ("{ name = \"GET /checkout\" } >> { name = \"POST /book\" }", &[1]),
        ("{ status = error } << { resource.service.name = \"gateway\" }", &[1]),
        ("{ name = \"POST /book\" } < { name = \"call booking\" }", &[1]),
        ("{ name = \"POST /book\" } < { name = \"GET /checkout\" }", &[]),
        ("{ name = \"POST /book\" } < { name = \"POST /book\" }", &[]),
        ("{ status = ok } > { }", &[2]),
        ("{ } > { }", &[1, 2, 3, 7, 8, 10, 11, 12]),
        ("{ } >> { }", &[1, 2, 3, 7, 8, 10, 11, 12]),
        ("{ } > { } > { }", &[1, 8]),
        ("{ } > { } > { } > { } > { } > { }", &[8]),
        ("{ name = \"d1\" } >> { name = \"d4\" }", &[8]),
        ("{ name = \"d4\" } >> { name = \"d1\" }", &[]),
        ("{ name = \"d4\" } << { name = \"d1\" }", &[8]),
        ("{ span.item = 1 } ~ { span.item = 3 }", &[7]),
        ("{ span.item = 1 } ~ { span.item = 1 }", &[]), // not its own sibling
        ("{ name = \"call booking\" } ~ { name = \"render\" }", &[1]),
        ("{ } ~ { }", &[1, 7, 11]),
        // Tempo takes two roots for siblings.
        ("{ name = \"left\" } ~ { name = \"right\" }", &[]),
        ("{ } !< { resource.service.name = \"booking\" }", &[1, 3]),
        ("{ } !> { }", ALL),
        ("{ status = error } !< { status = error }", &[1, 7]),
        ("{ name = \"spread\" } !> { name = \"leaf\" }", &[]),
        ("{ name = \"left\" } !>> { name = \"right\" }", &[9]),
        ("{ kind = server } !>> { status = error }", &[7]),
        ("{ name = \"d5\" } !<< { name = \"d0\" }", &[]),
        ("{ name = \"d0\" } !<< { name = \"d5\" }", &[8]),
        ("{ span.item = 1 } !~ { span.item = 1 }", &[7]),
        ("{ span.item = 1 } !~ { span.item = 2 }", &[]),
        ("{ name = \"nobody\" } !> { kind = producer }", &[5]),
        ("{ status = error } &> { status = error }", &[1]),
        ("{ name = \"nobody\" } &> { status = error }", &[]),
        // A relation binds closer than `&&`.
        ("{ kind = client } && { name = \"spread\" } > { status = error }", &[]),
        ("{ kind = internal } && { name = \"spread\" } > { status = error }", &[7]),
        ("({ kind = server } | count() > 1) >> { name = \"charge\" }", &[1]),
        ("({ kind = server } | count() > 3) >> { name = \"charge\" }", &[]),
        ("(count() > 5 | { kind = internal }) > { kind = internal }", &[8]),
    ];
    check(cases);
}

#[test]
fn aggregates() {
    let cases: &[Case] = &[
        ("{ status = error } | count() > 2", &[1]),
        ("{ status = error } | count() = 2", &[7]),
        ("{ status = error } | count() != 2", &[1]),
        ("{ } | count() > 4", &[1, 7, 8, 11]),
        ("count() > 5", &[1, 8]),
        ("{ } | count() = 1", &[4, 5, 6]),
        ("{ } | 2 < count()", &[1, 7, 8, 11]),
        ("{ } | count() > 1 + 1 * 3", &[1, 7, 8, 11]),
        ("{ status = error } | count() = 0", &[]), // without spans there is no set
        ("{ } | avg(duration) > 1s", &[4, 12]),
        ("{ } | max(duration) >= 900ms", &[1, 4, 12]),
        ("{ } | min(duration) < 1ms", &[6]),
        ("{ } | sum(duration) > 3s", &[1, 12]),
        ("{ } | max(span.item) = 4", &[7]),
        ("{ } | max(1 + span.item) = 5", &[7]),
        ("{ } | max((1 + span.item) * 2) = 10", &[7]),
        ("{ } | sum(span.step) = 15", &[8]),
        ("{ } | avg(span.step) = 2.5", &[8]),
        ("{ } | min(span.nobody) < 5", &[]),
        ("{ name = \"leaf\" } | sum(span.item) = 10", &[7]),
        ("{ } | sum(span.n) = 10", &[11]), // of the numbers
        ("{ } | max(span:childCount) = 4", &[7, 11]),
        ("{ } | max(duration) - min(duration) > 800ms", &[1, 12]), // Tempo has no arithmetic here
        ("{ } | count() > 4 | { status = error }", &[1, 7]),
        ("count() = 1 | { kind = producer }", &[5]),
        ("{ } | { status = error }", &[1, 7]),
        ("{ kind = server } | count() > 1 | { status = error }", &[1]),
        ("max(duration) > 3s | { kind = client }", &[12]),
        ("{ } | count() > 4 | avg(duration) > 100ms", &[1]),
    ];
    check(cases);
}

#[test]
fn groups_and_hints() {
    let cases: &[Case] = &[
        ("{ } | by(resource.service.name) | count() > 3", &[7, 8, 11]),
        ("{ status = error } | by(resource.service.name) | count() > 1", &[1, 7]),
        ("{ } | by(name) | count() > 2", &[7, 11]),
        ("by(kind) | { kind = producer }", &[5]),
        ("{ } | by(status) | coalesce() | count() = 7", &[1]),
        ("{ } | by(status) | count() = 7", &[]),
        ("{ } | by(span.item) | max(duration) = 4ms", &[7]),
        ("{ span.item != nil } | by(span.item % 2) | count() = 2", &[7]),
        ("{ } | by(resource.service.name) | by(kind) | count() = 2 | { status = error }", &[1]),
        ("{ } | coalesce() | count() > 5", &[1, 8]),
        ("({ } | by(name) | coalesce()) > { name = \"leaf\" }", &[7]),
        ("{ status = error } | select(span.http.status_code, duration)", &[1, 7]),
        ("select(name)", ALL),
        ("{ status = error } with (most_recent=true)", &[1, 7]),
        ("{} | count() > 5 with (sample=0.1, other=\"x\")", &[1, 8]),
    ];
    check(cases);
}

#[test]
fn selected_spans() {
    let cases: &[(&str, &str)] = &[
        ("{ span.n = 5 }", "1101 1102"),
        ("{ span.n = \"5\" }", "1103"),
        ("{ span.n > 4 }", "1101 1102"),
        ("{ span.n = nil && resource.service.name = \"types\" }", "1100"),
        ("{ .k = \"res\" }", "1001"),
        ("{ resource.cloud.region = \"eu-1\" } && { resource.cloud.region = \"us-2\" }", "100 105"),
        ("{ kind = producer } || { kind = consumer }", "400; 500"),
        ("{ status = error } && { status = error }", "102 104 105; 702 704"),
        // The right side is what is found.
        ("{ name = \"GET /checkout\" } >> { status = error }", "102 104 105"),
        ("{ status = error } << { resource.service.name = \"gateway\" }", "100 101"),
        ("{ name = \"GET /checkout\" } > { }", "101 106"),
        ("{ name = \"charge\" } < { }", "102"),
        ("{ name = \"charge\" } ~ { }", "103"),
        ("{ } !< { resource.service.name = \"booking\" }", "103; 301"),
        ("{ status = error } !< { status = error }", "105; 702 704"),
        ("{ kind = server } !>> { status = error }", "702 704"),
        ("{ span.item = 1 } !~ { name = \"leaf\" }", "701"),
        ("{ } > { } > { } > { } > { }", "105; 804 805"),
        // Both sides.
        ("{ status = error } &> { status = error }", "102 104 105"),
        ("{ name = \"spread\" } &> { status = error }", "700 702 704"),
        ("{ name = \"d4\" } &<< { name = \"d1\" }", "801 804"),
        ("{ span.item = 1 } &~ { span.item = 3 }", "701 703"),
        ("{ resource.service.name = \"payment\" } &< { kind = client }", "104 105"),
        ("{ } &>> { name = \"d2\" }", "800 801 802"),
        ("{ nestedSetParent < 0 && kind = server }", "100; 1200; 200; 900 901"),
        // One set for each group, and one again.
        (
            "{ status = error } | by(resource.service.name)",
            "resource.service.name=Text(\"booking\") 102 104; resource.service.name=Text(\"fan\") 702 704; \
             resource.service.name=Text(\"payment\") 105",
        ),
        ("{ status = error } | by(name) | count() > 1", "name=Text(\"leaf\") 702 704"),
        ("{ span.item > 0 } | by(span.item % 2)", "span.item % 2=Int(0) 702 704; span.item % 2=Int(1) 701 703"),
        ("{ status = error } | by(name) | coalesce() | count() = 3", "102 104 105"),
        ("{ } | count() > 5 | { span.step >= 4 }", "804 805"),
    ];
    check_sets(cases);
}
