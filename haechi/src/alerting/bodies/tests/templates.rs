//! Bodies by templates of users.

use super::*;

fn text(template: &str, json: bool) -> Result<String, String> {
    template::body(template, json, &stored(&two())).map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn values_are_escaped_as_json_and_not_elsewhere() {
    let table = [
        (true, "{\"text\": {{ status }}}", "{\"text\": \"firing\"}"),
        (true, "{{ commonLabels }}", "{\"alertname\":\"ErrorBudgetBurn\",\"service\":\"shop\",\"slo\":\"booking\"}"),
        (true, "{\"n\": {{ alerts | length }}}", "{\"n\": 2}"),
        // What is not there is null, at any depth.
        (true, "{\"a\": {{ commonAnnotations.summary }}, \"b\": {{ commonLabels.a.b }}}", "{\"a\": null, \"b\": null}"),
        (
            true,
            "[{% for alert in alerts if alert.status == 'firing' %}{{ alert.annotations.summary ~ '\"' }}{% endfor %}]",
            "[\"booking burns & burns\\\"\"]",
        ),
        (
            false,
            "{{ status|upper }}: {{ alerts[1].labels.http_route }}",
            "FIRING: <!channel> @here [x](http://evil) *a*",
        ),
        (false, "{{ commonAnnotations.summary }}.", "."),
        (false, "{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
    ];
    for (json, template, expected) in table {
        assert_eq!(text(template, json).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn mistakes_have_their_line_and_no_value_of_the_notification() {
    let table = [
        (
            true,
            "{\"a\": \"{{ status }}\"}",
            "makes no JSON: line 1, column 9 of its output; values stand there without quotes",
        ),
        (true, "{\n\"a\": {{ status }\n}", "line 2: syntax error"),
        (
            true,
            "{\"a\": {{ commonLables.slo }}}",
            "there is no \"commonLables\"; a template has receiver, status, alerts,",
        ),
        (true, "{{ status | shout }}", "line 1: unknown filter"),
        (true, "{{ status + 1 }}", "line 1: invalid operation"),
        (true, "{% include 'other' %}", "line 1: syntax error"),
    ];
    for (json, template, expected) in table {
        let error = text(template, json).unwrap_err();
        assert!(error.starts_with(expected) && !error.contains("firing"), "{template}: {error}");
    }
}

#[test]
fn steps_size_and_depth_have_limits() {
    let table = [
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "takes too many steps"),
        ("{{ 'x' * 1000000000 }}", "takes too many steps"),
        ("{{ 'x' * 2000000 }}", "makes more than 1024 KiB"),
        ("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "line 1: "),
    ];
    for (template, expected) in table {
        let error = text(template, false).unwrap_err();
        assert!(error.starts_with(expected), "{template}: {error}");
    }
}
