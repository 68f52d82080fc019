//! What is said of texts that are no queries.

use crate::QueryError;
use crate::lang::{LogFilter, LogTerms, Plan, SpanTerms, parse};

use super::span_filter;

#[test]
fn says_where_a_query_is_wrong_and_what_was_expected() {
    let deep = format!("{}a{}", "(".repeat(51), ")".repeat(51));
    let many = "a ".repeat(1_001);
    let long = "a".repeat(16 * 1024 + 1);
    let table: &[(&str, usize, &str)] = &[
        ("service=", 8, "a value is expected after `=`"),
        ("service= )", 9, "a value is expected after `=`"),
        ("service= AND x", 9, "a value is expected after `=`"),
        ("=booking", 0, "a field name is expected before `=`"),
        ("a AND", 5, "a condition is expected at the end"),
        ("AND a", 0, "a condition is expected before AND"),
        ("a OR OR b", 5, "a condition is expected before OR"),
        ("a AND AND b", 6, "a condition is expected before AND"),
        ("NOT", 3, "a condition is expected at the end"),
        ("(a OR b", 0, "the parenthesis opened here is not closed"),
        ("a) b", 1, "no open parenthesis"),
        ("()", 1, "a condition is expected before the closing parenthesis"),
        ("name=\"abc", 5, "the quote opened here is not closed"),
        ("x \"abc", 2, "the quote opened here is not closed"),
        ("duration > 500", 11, "a duration such as 500ms"),
        ("duration > fast", 11, "a duration such as 500ms"),
        ("duration =~ 5ms", 12, "a duration such as 500ms"),
        ("kind=srever", 5, "internal, server, client, producer or consumer is expected, not `srever`"),
        ("kind>server", 0, "only `=` and `!=`"),
        ("status=bad", 7, "unset, ok or error is expected"),
        ("trace_id=xyz", 9, "a trace id of up to 32 hex digits is expected, not `xyz`"),
        ("span_id=11111111111111111", 8, "a span id of up to 16 hex digits"),
        ("a=~\"(\"", 3, "the regular expression is not valid: unclosed group"),
        ("a =~ \"(\\w{900}){900}\"", 5, "too large"),
        ("size > big", 7, "a number such as 500"),
        ("a:(b c)", 5, "OR or a closing parenthesis is expected"),
        ("a:(b OR c=1)", 8, "a value is expected here"),
        ("a>(b OR c)", 2, "one value is expected after `>`"),
        ("결제 AND kind=x", 16, "internal, server"),
        (&deep, 50, "nested deeper than 50"),
        (&many, 2_000, "more than 1000 parts"),
        (&long, 16_384, "at most 16384 are allowed"),
    ];
    for (query, at, expected) in table {
        let error = span_filter(query).unwrap_err();
        let QueryError::BadQuery { message, position, .. } = &error else { panic!("{query}: {error}") };
        assert!(message.contains(expected), "{query}: {message}");
        assert_eq!(position, at, "{query}: {message}");
    }
    let error = LogFilter::new(&LogTerms { query: "severity>=loud", ..LogTerms::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "trace, debug, info, warn, error, fatal or a number from 1 to 24 is expected (line 1, column 11)"
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_at_a_position_within_it(text in "[ -~가-힣\n\"()]{0,60}|(AND|OR|NOT|-|\\(|\\)|a|a=b|a:|>|\"| ){0,40}") {
        for result in [
            parse(&text).map(drop),
            Plan::search(&SpanTerms { query: &text, ..SpanTerms::default() }).map(drop),
            LogFilter::new(&LogTerms { query: &text, ..LogTerms::default() }).map(drop),
        ] {
            if let Err(error) = result {
                let QueryError::BadQuery { position, .. } = error else { panic!("{error}") };
                assert!(position <= text.len() && text.is_char_boundary(position), "{text:?}: {position}");
            }
        }
    }
}
