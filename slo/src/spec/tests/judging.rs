//! Which spans count, and which of those are good.

use super::*;

#[test]
fn judges_spans_by_status_and_duration() {
    let latency = |errors| GoodSpan::Faster { threshold: 100, errors };
    let table = [
        (GoodSpan::NoError, false, 1_000, Some(true)),
        (GoodSpan::NoError, true, 1, Some(false)),
        (latency(ErrorsAre::Bad), false, 99, Some(true)),
        (latency(ErrorsAre::Bad), false, 100, Some(false)),
        (latency(ErrorsAre::Bad), true, 1, Some(false)),
        (latency(ErrorsAre::Excluded), true, 1, None),
        (latency(ErrorsAre::Excluded), false, 100, Some(false)),
        (latency(ErrorsAre::Timed), true, 99, Some(true)),
        (latency(ErrorsAre::Timed), true, 100, Some(false)),
    ];
    for (good, is_error, duration, expected) in table {
        let Indicator::Spans(sli) = spans(None, good) else { unreachable!() };
        for status in [None, Some(200), Some(404), Some(429), Some(500)] {
            assert_eq!(sli.judge(is_error, duration, status), expected, "{good:?} {is_error} {duration} {status:?}");
        }
    }
}

/// (client_errors, rate_limited), then for 404 and 429 of a fast span: without and with status error.
#[test]
fn client_errors_and_rate_limits_count_as_the_file_says() {
    use Answer::{Bad, ByStatus, Excluded, Good};
    let (yes, no) = (Some(true), Some(false));
    let table = [
        (ByStatus, ByStatus, [yes, no], [yes, no]),
        (Good, Good, [yes, yes], [yes, yes]),
        (Good, Bad, [yes, yes], [no, no]),
        (Bad, Excluded, [no, no], [None, None]),
        (Excluded, ByStatus, [None, None], [yes, no]),
    ];
    for good in [GoodSpan::NoError, GoodSpan::Faster { threshold: 100, errors: ErrorsAre::Bad }] {
        for (client_errors, rate_limited, of_404, of_429) in table {
            let http = HttpAnswers { client_errors, rate_limited };
            let Indicator::Spans(sli) = spans(None, good) else { unreachable!() };
            let sli = SpanSli { http, ..sli };
            let judge = |status| [false, true].map(|is_error| sli.judge(is_error, 1, Some(status)));
            assert_eq!((judge(404), judge(429)), (of_404, of_429), "{http:?}");
            assert_eq!((judge(500), judge(302)), ([yes, no], [yes, no]), "{http:?}");
        }
    }
    // A good answer must still be fast where that is what is promised.
    let Indicator::Spans(sli) = spans(None, GoodSpan::Faster { threshold: 100, errors: ErrorsAre::Bad }) else {
        unreachable!()
    };
    let sli = SpanSli { http: HttpAnswers { client_errors: Good, rate_limited: Good }, ..sli };
    assert_eq!(sli.judge(true, 100, Some(404)), no);
}
