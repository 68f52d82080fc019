//! Fields that every span has, and constants.

use super::{ALL, Case, check};

#[test]
fn constants() {
    let cases: &[Case] = &[
        ("", ALL),
        ("{}", ALL),
        ("{ true }", ALL),
        ("{ false }", &[]),
        ("{ !true }", &[]),
        ("{ true && false }", &[]),
        ("{ true || false }", ALL),
        ("{ 1 = 2 }", &[]),
        ("{ 1 != 2 }", ALL),
        ("{ 1 <= 1.1 }", ALL),
        ("{ 1 < 1h }", ALL),
        ("{ 1ns = 1 }", ALL),
        ("{ \"test\" = \"test\" }", ALL),
        ("{ \"test\" =~ \"te.*\" }", ALL),
        ("{ \"test\" !~ \"te.*\" }", &[]),
        ("{ 1 + 1 = 2 }", ALL),
        ("{ 1 + 2 * 3 = 7 }", ALL),
        ("{ (1 + 2) * 3 = 7 }", &[]),
        ("{ 1 / 10 = 0 }", ALL), // integers
        ("{ 1 / 10. = .1 }", ALL),
        ("{ 10 % 3 = 1 }", ALL),
        ("{ 2 ^ 3 ^ 2 = 512 }", ALL), // from the right
        ("{ -2 ^ 2 = -4 }", ALL),
        ("{ 2m + 2m = 4m }", ALL),
        ("{ nil = nil }", &[]), // nothing compares with nil
        ("{ nil != nil }", &[]),
    ];
    check(cases);
}

#[test]
fn names_kinds_and_status() {
    let cases: &[Case] = &[
        ("{ name = \"leaf\" }", &[7]),
        ("{ span:name = \"leaf\" }", &[7]),
        ("{ \"leaf\" = name }", &[7]),
        ("{ name = \"nobody\" }", &[]),
        ("{ name != \"leaf\" }", ALL),
        ("{ name =~ \"GET.*\" }", &[1, 2, 12]),
        ("{ name =~ \"GET\" }", &[]), // anchored at both ends
        ("{ name =~ \"GET /health|leaf\" }", &[2, 7]),
        ("{ name !~ \".*\" }", &[]),
        ("{ name =~ \"d[0-9]\" }", &[8]),
        ("{ name = `결제 \"x\"` }", &[6]),
        ("{ name = \"결제 \\\"x\\\"\" }", &[6]),
        ("{ name > \"s\" }", &[3, 6, 7, 11, 12]),
        ("{ name != nil }", ALL),
        ("{ kind = server }", &[1, 2, 3, 9, 12]),
        ("{ span:kind = client }", &[1, 12]),
        ("{ kind = producer }", &[5]),
        ("{ kind = consumer }", &[4]),
        ("{ kind = internal }", &[1, 2, 3, 6, 7, 8, 10, 11]),
        ("{ kind != internal }", &[1, 2, 3, 4, 5, 9, 12]),
        // Stored as internal, which the protocol says of it.
        ("{ kind = unspecified }", &[]),
        ("{ status = error }", &[1, 7]),
        ("{ error = status }", &[1, 7]),
        ("{ span:status = ok }", &[2]),
        ("{ status = unset }", ALL),
        ("{ status != error }", ALL),
        ("{ status != unset }", &[1, 2, 7]),
        ("{ statusMessage = \"declined\" }", &[1]),
        ("{ span:statusMessage =~ \"no .*\" }", &[1]),
        ("{ statusMessage != \"\" }", &[1, 7]),
        ("{ status = error && statusMessage = \"\" }", &[1]),
    ];
    check(cases);
}

#[test]
fn durations() {
    let cases: &[Case] = &[
        ("{ duration > 1s }", &[4, 12]),
        ("{ span:duration >= 2s }", &[4, 12]),
        ("{ duration > 2s }", &[12]),
        ("{ duration = 0s }", &[6]),
        ("{ duration < 1ms }", &[6]),
        ("{ duration < 2ms }", &[2, 6, 7, 11]),
        ("{ duration > 100ms && duration < 1s }", &[1]),
        ("{ duration > 500000000 }", &[1, 4, 12]), // nanoseconds
        ("{ duration >= 0.5s && duration < 0.6s }", &[1]),
        ("{ duration > 0.4999e9 && duration < 0.5001e9 }", &[1]),
        ("{ duration = 2m - 118s }", &[4]),
        ("{ duration * 2 > 3s }", &[4, 12]),
        ("{ duration > 1 * 1s }", &[4, 12]),
        ("{ -duration < -1s }", &[4, 12]),
        ("{ 1s < duration }", &[4, 12]),
        ("{ duration > 1h }", &[]),
        ("{ duration < 1d }", ALL),
        ("{ duration != 2s }", &[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]),
    ];
    check(cases);
}

#[test]
fn traces_and_ids() {
    let cases: &[Case] = &[
        ("{ trace:duration > 1s }", &[4, 12]),
        ("{ traceDuration = 900ms }", &[1]),
        ("{ trace:duration = 25ms }", &[9]), // from the start of the first to the end of the last
        ("{ trace:duration < 10ms }", &[2, 5, 6]),
        ("{ trace:duration > 500ms && kind = client }", &[1, 12]),
        ("{ trace:duration / 2 > 1s }", &[12]),
        ("{ rootName = \"GET /health\" }", &[2]),
        ("{ trace:rootName =~ \"GET .*\" }", &[1, 2, 12]),
        ("{ rootServiceName = \"gateway\" }", &[1, 2]),
        ("{ trace:rootService = \"gateway\" && status = error }", &[1]),
        ("{ trace:rootService = \"gateway\" && resource.service.name = \"payment\" }", &[1]),
        ("{ rootServiceName != \"gateway\" }", &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("{ rootName = \"\" }", &[3]),     // not there
        ("{ rootName = \"left\" }", &[9]), // the first of two
        ("{ rootName = \"right\" }", &[]),
        ("{ !(rootName = \"GET /health\") && kind = server }", &[1, 3, 9, 12]),
        ("{ trace:id = \"7\" }", &[7]),
        ("{ trace:id = \"0000000000000000000000000000000C\" }", &[12]),
        ("{ trace:id != \"7\" && status = error }", &[1]),
        ("{ trace:id =~ \"0.*b\" }", &[11]),
        ("{ trace:id = \"no id\" }", &[]),
        ("{ span:id = \"1f4\" }", &[5]),
        ("{ span:parentID = \"0000000000000064\" }", &[1]),
        ("{ span:childCount = 4 }", &[7, 11]),
        ("{ span:childCount = 0 }", ALL),
        ("{ span:childCount = 2 }", &[1]),
        ("{ span:childCount > 4 }", &[]),
        ("{ name = \"spread\" && span:childCount = 0 }", &[]),
        ("{ name = \"leaf\" && span:childCount = 0 }", &[7]),
        // How Grafana asks for roots.
        ("{ nestedSetParent < 0 }", &[1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("{ nestedSetParent = -1 }", &[1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("{ nestedSetParent<0 && kind = server }", &[1, 2, 9, 12]),
        ("{ nestedSetParent != -1 && kind = server }", &[1, 3]),
        ("{ nestedSetParent < 0 && status = error }", &[]),
        ("{ nestedSetParent = 0 }", &[3]), // the parent is not there
        ("{ nestedSetLeft > 10 }", &[1]),
        ("{ nestedSetRight = 14 }", &[1]),
    ];
    check(cases);
}
