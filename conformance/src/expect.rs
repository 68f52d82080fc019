//! What a reply must be. Each function is one statement about a reply; rules name it.

use crate::protocol::{Protocol, Signal};
use crate::reply::{INTERNAL, INVALID_ARGUMENT, Partial, RESOURCE_EXHAUSTED, Reply, code_name};
use crate::rule::{Check, Miss};

/// The request was taken, all or parts of it: it is valid, so it is not answered by an error.
pub(crate) fn accepted(reply: &Reply) -> Check {
    if reply.is_accepted() { Ok(()) } else { Miss::broken("a valid request was refused") }
}

/// The partial success of an accepted request. One whose body cannot be read counts as none: that is a rule of its own.
fn partial(reply: &Reply) -> Result<Partial, Miss> {
    accepted(reply)?;
    Ok(reply.partial().ok().flatten().unwrap_or_default())
}

/// The request was taken and nothing of it rejected.
pub(crate) fn taken(reply: &Reply) -> Check {
    match partial(reply)? {
        Partial { rejected: 0, .. } => Ok(()),
        Partial { rejected, message } => Miss::broken(format!("{rejected} valid items were rejected: {message:?}")),
    }
}

/// The request was read: nothing of it was rejected, but for metrics, of whose kinds a receiver may reject what it does not keep.
pub(crate) fn decoded(reply: &Reply) -> Check {
    if reply.signal == Some(Signal::Metrics) { accepted(reply) } else { taken(reply) }
}

/// `N` items were rejected, and the others taken.
pub(crate) fn rejects<const N: i64>(reply: &Reply) -> Check {
    if !reply.is_accepted() {
        return Miss::broken(format!("the whole request was refused for {N} bad items"));
    }
    match partial(reply)?.rejected {
        rejected if rejected == N => Ok(()),
        rejected => Miss::broken(format!("{rejected} items were rejected, and {N} are bad")),
    }
}

/// If items were rejected, then the `BAD` bad ones or all `TOTAL`, in a reply that is a success.
pub(crate) fn counts<const BAD: i64, const TOTAL: i64>(reply: &Reply) -> Check {
    if !reply.is_accepted() {
        return Miss::not_applicable("the request was refused as a whole");
    }
    if reply.protocol != Protocol::Grpc && reply.http_status != 200 {
        return Miss::broken(format!("HTTP {} for a partial success", reply.http_status));
    }
    match reply.partial().map_err(Miss::Broken)?.unwrap_or_default().rejected {
        0 => Miss::not_applicable("nothing was rejected"),
        rejected if rejected == BAD || rejected == TOTAL => Ok(()),
        rejected => Miss::broken(format!("{rejected} of {TOTAL} items are said to be rejected, and {BAD} are bad")),
    }
}

/// A rejection has a message of more than one word.
pub(crate) fn explains(reply: &Reply) -> Check {
    let partial = partial(reply).unwrap_or_default();
    if partial.rejected == 0 {
        return Miss::not_applicable("nothing was rejected");
    }
    let n_words = partial.message.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
    if n_words > 1 { Ok(()) } else { Miss::broken(format!("error_message is {:?}", partial.message)) }
}

/// Full success: `partial_success` is unset.
pub(crate) fn full_success(reply: &Reply) -> Check {
    accepted(reply)?;
    match reply.partial().map_err(Miss::Broken)? {
        None => Ok(()),
        Some(Partial { rejected: 0, message }) if message.is_empty() => {
            Miss::broken("partial_success is set though it says nothing")
        }
        Some(partial) => Miss::broken(format!("partial_success is set for a valid request: {partial:?}")),
    }
}

/// The body of an accepted request is an `Export…ServiceResponse`.
pub(crate) fn response_message(reply: &Reply) -> Check {
    accepted(reply)?;
    reply.partial().map(drop).map_err(Miss::Broken)
}

/// The content type of the reply is that of the protocol.
pub(crate) fn same_content_type(reply: &Reply) -> Check {
    let (expected, found) = (reply.protocol.content_type(), reply.essence());
    if found == expected { Ok(()) } else { Miss::broken(format!("the reply's content type is {found:?}")) }
}

/// The request is refused as bad data: HTTP 400, or over gRPC a code that no client retries.
pub(crate) fn bad_data(reply: &Reply) -> Check {
    match reply.protocol {
        Protocol::Grpc if reply.is_accepted() => Miss::broken("bad data was acknowledged"),
        Protocol::Grpc => not_retryable(reply),
        _ if reply.is_accepted() => Miss::broken("bad data was acknowledged"),
        _ if reply.http_status == 400 => Ok(()),
        _ => Miss::broken(format!("HTTP {} for bad data", reply.http_status)),
    }
}

/// The request is refused in a way that clients do not repeat.
pub(crate) fn not_retryable(reply: &Reply) -> Check {
    if reply.protocol == Protocol::Grpc && reply.grpc_code().is_none() {
        return Miss::broken("the reply has no grpc-status");
    }
    if reply.is_accepted() {
        return Miss::broken("the request was acknowledged");
    }
    if reply.is_retryable() {
        return Miss::broken("the code is retryable, and the same bytes would fail again");
    }
    Ok(())
}

pub(crate) fn grpc_code<const CODE: i32>(reply: &Reply) -> Check {
    match reply.grpc_code() {
        Some(code) if code == CODE => Ok(()),
        Some(code) => Miss::broken(format!("{} instead of {}", code_name(code), code_name(CODE))),
        None => Miss::broken(format!("no grpc-status; {} is expected", code_name(CODE))),
    }
}

pub(crate) fn invalid_argument(reply: &Reply) -> Check {
    grpc_code::<INVALID_ARGUMENT>(reply)
}

/// Bad data is described by a `google.rpc.BadRequest`.
pub(crate) fn bad_request_detail(reply: &Reply) -> Check {
    bad_data(reply)?;
    let details = if reply.protocol == Protocol::Grpc { reply.grpc_details() } else { reply.http_details() };
    match details {
        Some(status) if status.has_detail("BadRequest") => Ok(()),
        Some(_) => Miss::broken("the Status has no BadRequest among its details"),
        None => Miss::broken("the reply has no google.rpc.Status"),
    }
}

/// The request is refused for its size, for good.
pub(crate) fn too_large(reply: &Reply) -> Check {
    match reply.protocol {
        Protocol::Grpc => grpc_code::<RESOURCE_EXHAUSTED>(reply),
        _ if reply.is_accepted() => Miss::broken("a request over the limit was acknowledged"),
        _ => http_status::<413>(reply),
    }
}

pub(crate) fn no_retry_info(reply: &Reply) -> Check {
    too_large(reply)?;
    let retry_info = reply.grpc_details().is_some_and(|status| status.has_detail("RetryInfo"));
    if retry_info { Miss::broken("RetryInfo makes the code retryable") } else { Ok(()) }
}

pub(crate) fn http_status<const STATUS: u16>(reply: &Reply) -> Check {
    match reply.http_status {
        status if status == STATUS => Ok(()),
        status => Miss::broken(format!("HTTP {status} instead of {STATUS}")),
    }
}

/// A refusal has a `google.rpc.Status` for a body.
pub(crate) fn status_body(reply: &Reply) -> Check {
    if reply.http_status < 400 {
        return Miss::not_applicable("the request was not refused");
    }
    match reply.http_details() {
        Some(_) => Ok(()),
        None => Miss::broken(format!("the body of HTTP {} is no google.rpc.Status", reply.http_status)),
    }
}

/// A refusal has a `Status` in the encoding of the request.
pub(crate) fn status_in_kind(reply: &Reply) -> Check {
    status_body(reply)?;
    same_content_type(reply)
}

pub(crate) fn status_message(reply: &Reply) -> Check {
    status_body(reply)?;
    let empty = reply.http_details().is_none_or(|status| status.message.trim().is_empty());
    if empty { Miss::broken("Status.message is empty") } else { Ok(()) }
}

/// Any answer but a fault of the receiver: for requests on which sources leave room.
pub(crate) fn answered(reply: &Reply) -> Check {
    match reply.protocol {
        Protocol::Grpc => match reply.grpc_code() {
            Some(2 | 13) => {
                Miss::broken(format!("{} is a fault of the receiver", code_name(reply.grpc_code().unwrap_or(2))))
            }
            Some(_) => Ok(()),
            None => Miss::broken("the reply has no grpc-status"),
        },
        _ if reply.http_status >= 500 => Miss::broken(format!("HTTP {} is a fault of the receiver", reply.http_status)),
        _ => Ok(()),
    }
}

/// As [`answered`], for bodies that a decoder may find fault with: libraries of gRPC answer INTERNAL to a request that cannot
/// be parsed.
pub(crate) fn answered_or_undecoded(reply: &Reply) -> Check {
    match reply.grpc_code() {
        Some(INTERNAL) if reply.protocol == Protocol::Grpc => Ok(()),
        _ => answered(reply),
    }
}

/// What is wrong is not passed over in silence: refused, rejected or warned of.
pub(crate) fn noticed(reply: &Reply) -> Check {
    answered(reply)?;
    if !reply.is_accepted() {
        return Ok(());
    }
    match partial(reply)? {
        Partial { rejected: 0, message } if message.is_empty() => Miss::broken("it was acknowledged without a word"),
        _ => Ok(()),
    }
}

/// Rejected, or refused for good: not taken, and not asked for again.
pub(crate) fn not_taken(reply: &Reply) -> Check {
    if !reply.is_accepted() {
        return not_retryable(reply);
    }
    match partial(reply)?.rejected {
        0 => Miss::broken("it was acknowledged as valid"),
        _ => Ok(()),
    }
}
