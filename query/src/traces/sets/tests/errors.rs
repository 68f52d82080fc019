//! Where a query is wrong and what was expected there.

use crate::QueryError;
use crate::traces::Language;

use super::{find, fixture, wanted};

fn check(language: Language, cases: &[(&str, usize, &str)]) {
    let store = fixture::store();
    let mut wrong = Vec::new();
    for (query, at, expected) in cases {
        let error = find(&store, &wanted(language, query)).expect_err(query);
        let QueryError::BadQuery { message, position, .. } = &error else { panic!("{query}: {error}") };
        if !message.contains(expected) || position != at {
            wrong.push(format!("{query}: at {position}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn of_traceql() {
    let deep = format!("{{ {}true{} }}", "(".repeat(51), ")".repeat(51));
    let many = format!("{{ {} true }}", "true || ".repeat(501));
    let long = "a".repeat(16 * 1024 + 1);
    check(
        Language::TraceQl,
        &[
            ("true", 0, "a set of spans in braces"),
            ("{ .a < 3", 0, "`{` is not closed"),
            ("{ (.a < 3 }", 2, "`(` is not closed"),
            ("} {", 0, "no open `{`"),
            ("{ . }", 3, "the key of an attribute is expected"),
            ("{ span. }", 7, "the key of an attribute is expected"),
            ("{ < }", 2, "a field such as span.KEY or duration, or a value is expected here, not `<`"),
            ("{ .a < }", 7, "is expected here, not `}`"),
            ("{ .a == 4 }", 6, "is expected here, not `=`"),
            ("{ .a 4 }", 5, "an operator or `}` is expected"),
            ("{ attribute = 4 }", 2, "attributes begin with a dot or a scope (`.attribute`, `span.attribute`)"),
            ("{ staus = error }", 2, "did you mean `status`?"),
            ("{ status = eror }", 11, "did you mean `error`?"),
            ("{ spam.a = 1 }", 2, "`spam.` is no scope"),
            ("{ .a = 'x' }", 7, "texts stand in double quotes"),
            ("{ .a = \"x }", 7, "the quote opened here is not closed"),
            ("{ .a = `x }", 7, "the quote opened here is not closed"),
            ("{ .a = \"\\d\" }", 8, "a backslash is written `\\\\`"),
            ("{ duration > 5parsecs }", 13, "no number and no duration"),
            ("{ trace:status = error }", 2, "`trace:` has duration, rootName, rootService, id, not `status`"),
            ("{ span:rootName = \"a\" }", 2, "not `rootName`"),
            ("{ resource:name = \"a\" }", 2, "`resource:` has no fields of its own"),
            ("{ parent.a = 1 }", 2, "`{ parent } > { child }`"),
            ("{ parent:id = \"1\" }", 2, "`parent` is not answered"),
            ("{ parent = 1 }", 2, "`parent` is not answered"),
            // Types.
            ("{ status }", 2, "a condition is expected in braces, not a status"),
            ("{ 1 + 1 }", 2, "a condition is expected in braces"),
            ("{ \"foo\" }", 2, "a condition is expected in braces, not a text"),
            ("{ 1 = \"foo\" }", 4, "must be of one type: the left is a number or a duration, the right a text"),
            ("{ rootName != 3.2 }", 11, "must be of one type"),
            ("{ traceDuration > \"test\" }", 16, "must be of one type"),
            ("{ status > ok }", 9, "a status has no `>`"),
            ("{ kind = error }", 7, "must be of one type"),
            ("{ true && 1.1 }", 10, "a number or a duration has no `&&`"),
            ("{ name + 1 = 2 }", 7, "a text has no `+`"),
            ("{ -name = \"foo\" }", 2, "`-` needs a number, not a text"),
            ("{ !status = ok }", 2, "`!` needs true or false, not a status"),
            ("{ duration =~ \"1.*\" }", 11, "only texts match regular expressions"),
            ("{ .a =~ 2 }", 8, "a regular expression in quotes is expected"),
            ("{ .a =~ \"[\" }", 8, "the regular expression is not valid"),
            ("{ .a =~ \"a)(b\" }", 8, "the regular expression is not valid"),
            ("{ .a > nil }", 5, "nil is compared with `=` and `!=` only"),
            ("{ status = nil }", 9, "this is never nil"),
            ("{ resource.service.name = nil }", 24, "this is never nil"),
            ("{ 5 / 0 = 1 }", 6, "divides by zero"),
            // Between sets, and pipelines.
            ("{ true } + { true }", 9, "`|`, an operator between sets of spans, or the end is expected"),
            ("{ true } = { true }", 9, "an operator between sets"),
            ("{ true } &&", 11, "a set of spans such as"),
            ("{ true } |", 10, "a set of spans such as"),
            ("{ } | count()", 13, "a comparison is expected after an aggregate"),
            ("{ } | count = 1", 12, "`(` is expected"),
            ("{ } | count(1) = 1", 12, "count() takes nothing"),
            ("{ } | max() = 1", 10, "is expected here, not `)`"),
            ("{ } | max(name) = 1", 10, "max() is computed from numbers, not from a text"),
            ("{ } | sum(3) = 2", 10, "a field of the span is expected"),
            ("{ } | max(duration) = ok", 22, "a number, a duration, or one of count()"),
            ("{ } | 3 > 2", 6, "one side must be computed from spans"),
            ("{ } | by()", 9, "is expected here, not `)`"),
            ("{ } | by(1)", 9, "a field of the span is expected"),
            ("{ } | selct(name)", 6, "did you mean `select`?"),
            ("{ } | select()", 13, "a field such as span.KEY or duration is expected"),
            ("{ } | select(1 + 1)", 13, "a field such as"),
            ("({ } | by(name)) > { }", 0, "`| coalesce()`"),
            ("{ } | rate()", 6, "`rate` makes a metric"),
            ("{ } with (1)", 10, "the name of a hint"),
            ("{ } with (a=b)", 12, "`b` is unknown"),
            (&deep, 51, "nested deeper than 50"),
            (&many, 3_999, "more than 1000 parts"),
            (&long, 16_384, "at most 16384 are allowed"),
        ],
    );
}

#[test]
fn of_the_search_language() {
    check(
        Language::Search,
        &[
            ("{ status=error", 0, "the brace opened here is not closed"),
            ("status=error }", 13, "no open brace"),
            ("{ (status=error }", 2, "the parenthesis opened here is not closed"),
            ("{ { a } }", 2, "braces do not stand within braces"),
            (
                "{ a } chld of { b }",
                6,
                "CHILD OF, DESCENDANT OF, SIBLING OF, PARENT OF or ANCESTOR OF is expected between sets, not `chld`; did you mean CHILD OF?",
            ),
            ("{ a } beside { b }", 6, "is expected between sets, not `beside`"),
            ("{ a } child { b }", 12, "OF is expected after CHILD"),
            ("{ a } CHILD OF", 14, "a set of spans is expected at the end"),
            ("{ a } AND", 9, "a set of spans is expected at the end"),
            ("{ a } OR OR { b }", 9, "a set of spans is expected here"),
            ("{ a } AND status=error", 10, "conditions stand in braces where there are braces"),
            ("status=error AND { a }", 0, "conditions stand in braces where there are braces"),
            ("{ a } status=error", 6, "conditions stand in braces where there are braces"),
            ("({ a }", 0, "the parenthesis opened here is not closed"),
            ("{ a AND }", 8, "a condition is expected before the closing brace"),
            ("{ kind=srever } AND { a }", 7, "internal, server, client"),
            ("(NOT { a }) CHILD OF { b }", 0, "must select spans"),
            ("trace.duration>fast", 15, "a duration such as 500ms"),
            ("link.trace_id=xyz", 14, "a trace id of up to 32 hex digits"),
        ],
    );
}

#[test]
fn what_is_nearly_a_field_is_noted() {
    let store = fixture::store();
    let notes = |language, query| find(&store, &wanted(language, query)).unwrap().notes;
    let note = "`staus` is looked for among the attributes; the field is `status`";
    assert_eq!(notes(Language::Search, "staus=error"), [note]);
    assert_eq!(notes(Language::Search, "{ staus=error } OR { \"staus\"=error }"), [note]);
    assert!(notes(Language::Search, "{ status=error } and { name=x } child of { kind=server }").is_empty());
    assert!(notes(Language::Search, "{ status=error and kind=server }")[0].contains("capital letters"));
    assert!(notes(Language::TraceQl, "{ .a = 1 || .b = 2 && .c = 3 }")[0].contains("bind equally"));
    assert!(notes(Language::TraceQl, "{ .a = 1 || (.b = 2 && .c = 3) }").is_empty());
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_at_a_position_within_it(
        text in "[ -~가-힣\n]{0,60}|(\\{|\\}|\\(|\\)|&&|\\|\\||!|>>|>|<<|&>|!~|~|=|=~|-|\\*|\\||\\.a|span:id|\"x\"|5|5ms|nil|count\\(\\)|by\\(|,| ){0,40}"
    ) {
        use crate::lang::{Plan, SpanTerms};
        let terms = SpanTerms { query: &text, ..SpanTerms::default() };
        for result in [Plan::traceql(&terms), Plan::search(&terms)] {
            if let Err(error) = result {
                let QueryError::BadQuery { position, .. } = error else { panic!("{error}") };
                proptest::prop_assert!(position <= text.len() && text.is_char_boundary(position), "{:?}: {}", text, position);
            }
        }
    }
}
