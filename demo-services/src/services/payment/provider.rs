//! The payment provider as the payment service sees it: HTTP with a timeout and one retry, its failures as gRPC
//! statuses.

use std::time::Duration;

use tonic::Status;

use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_client::{Call, CallError, HttpClient, Reply};
use crate::name::ServiceName;
use crate::services::psp::{Authorisation, AuthorisationRequest};
use crate::telemetry::Telemetry;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the retry waits, in milliseconds: a random time between these two.
const RETRY_DELAY: std::ops::Range<u64> = 50..150;

/// Calls the provider; clones share the connection.
#[derive(Clone)]
pub(super) struct Provider {
    client: HttpClient,
}

impl Provider {
    pub(super) fn new(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Self, DemoError> {
        Ok(Self { client: HttpClient::new(telemetry, config.peer(ServiceName::Psp), TIMEOUT)? })
    }

    /// Asks for an authorisation. The reference makes a repeated request the same one for the provider.
    pub(super) async fn authorise(
        &self,
        reference: &str,
        minor_units: i64,
        currency: &str,
        card_token: &str,
    ) -> Result<Authorisation, Status> {
        let request = AuthorisationRequest {
            reference: reference.to_owned(),
            minor_units,
            currency: currency.to_owned(),
            card_token: card_token.to_owned(),
        };
        let call = || Call::post_json("/authorisations", "/authorisations".to_owned(), &request);
        let reply = self.with_one_retry(reference, call).await?;
        reply.json().map_err(|error| Status::internal(format!("the payment provider's answer cannot be read: {error}")))
    }

    /// Gives an authorisation up. The provider takes it as often as it is said.
    pub(super) async fn void(&self, authorisation: &str) -> Result<(), Status> {
        let call =
            || Call::post("/authorisations/{id}/void", format!("/authorisations/{authorisation}/void"), Vec::new());
        self.with_one_retry(authorisation, call).await.map(drop)
    }

    async fn with_one_retry(&self, reference: &str, call: impl Fn() -> Call) -> Result<Reply, Status> {
        let first = match judge(self.client.call(call()).await) {
            Attempt::Answered(result) => return result,
            Attempt::Retry(status) => status,
        };
        tracing::warn!(
            name: "payment.provider_retried",
            { boxoffice.booking.id = reference, exception.message = first.message() },
            "payment provider failed; trying once more"
        );
        tokio::time::sleep(Duration::from_millis(rand::random_range(RETRY_DELAY))).await;
        match judge(self.client.call(Call { resend_count: 1, ..call() }).await) {
            Attempt::Answered(result) => result,
            Attempt::Retry(status) => {
                tracing::error!(
                    name: "payment.provider_failed",
                    { boxoffice.booking.id = reference, exception.message = status.message() },
                    "payment provider failed twice"
                );
                Err(status)
            }
        }
    }
}

/// What one attempt came to.
#[derive(Debug)]
enum Attempt {
    Answered(Result<Reply, Status>),
    /// It failed in a way that another attempt may not.
    Retry(Status),
}

fn judge(result: Result<Reply, CallError>) -> Attempt {
    match result {
        Ok(reply) if reply.status.is_success() => Attempt::Answered(Ok(reply)),
        Ok(reply) if reply.status.is_server_error() => {
            Attempt::Retry(Status::unavailable(format!("the payment provider answered {}", reply.status)))
        }
        Ok(reply) => {
            Attempt::Answered(Err(Status::internal(format!("the payment provider refused: {}", reply.status))))
        }
        Err(CallError::Timeout(after)) => Attempt::Retry(Status::deadline_exceeded(format!(
            "the payment provider did not answer within {} ms",
            after.as_millis()
        ))),
        Err(error) => Attempt::Retry(Status::unavailable(format!("the payment provider cannot be reached: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use tonic::Code;

    fn answered(status: u16) -> Result<Reply, CallError> {
        Ok(Reply { status: StatusCode::from_u16(status).unwrap(), body: Vec::new() })
    }

    #[test]
    fn only_faults_of_the_provider_are_tried_again() {
        // (what one attempt came to, is it tried again, the status if it fails)
        let table = [
            (answered(200), false, None),
            (answered(204), false, None),
            (answered(400), false, Some(Code::Internal)),
            (answered(500), true, Some(Code::Unavailable)),
            (answered(503), true, Some(Code::Unavailable)),
            (Err(CallError::Timeout(TIMEOUT)), true, Some(Code::DeadlineExceeded)),
            (Err(CallError::Connect), true, Some(Code::Unavailable)),
            (Err(CallError::Broken("reset".into())), true, Some(Code::Unavailable)),
        ];
        for (result, retried, code) in table {
            let (found_retried, found_code) = match judge(result) {
                Attempt::Answered(Ok(_)) => (false, None),
                Attempt::Answered(Err(status)) => (false, Some(status.code())),
                Attempt::Retry(status) => (true, Some(status.code())),
            };
            assert_eq!((found_retried, found_code), (retried, code));
        }
    }
}
