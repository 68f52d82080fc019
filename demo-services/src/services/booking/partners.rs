//! The services that carry out the saga's steps, and how their answers read as replies.

use std::time::Duration;

use http::StatusCode;
use proto::boxoffice::payment::v1::authorise_response::Outcome;
use proto::boxoffice::payment::v1::payment_service_client::PaymentServiceClient;
use proto::boxoffice::payment::v1::{AuthoriseRequest, Money, VoidRequest};
use tonic::transport::{Channel, Endpoint};

use super::domain::{Booking, Price, Reply, SeatRefusal, Step};
use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_client::{Call, HttpClient};
use crate::name::ServiceName;
use crate::peer::Peer;
use crate::rpc;
use crate::services::catalogue::wire::{Held, SeatRequest};
use crate::services::payment::{AUTHORISE, VOID};
use crate::telemetry::Telemetry;

const CATALOGUE_TIMEOUT: Duration = Duration::from_secs(4);
/// Longer than two attempts of the payment service at its provider.
const PAYMENT_DEADLINE: Duration = Duration::from_secs(6);

/// `catalogue` and `payment`, as the saga sees them.
#[derive(Clone)]
pub(super) struct Partners {
    catalogue: HttpClient,
    payment: PaymentServiceClient<Channel>,
    payment_peer: Peer,
    telemetry: Telemetry,
}

impl Partners {
    /// Returns the partners; connections are made when they are first needed.
    pub(super) fn new(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Self, DemoError> {
        let payment_peer = config.peer(ServiceName::Payment).clone();
        let channel = Endpoint::from_shared(payment_peer.to_string())
            .expect("a peer's URL is a URL")
            .connect_timeout(PAYMENT_DEADLINE)
            .connect_lazy();
        Ok(Self {
            catalogue: HttpClient::new(telemetry, config.peer(ServiceName::Catalogue), CATALOGUE_TIMEOUT)?,
            payment: PaymentServiceClient::new(channel),
            payment_peer,
            telemetry: telemetry.clone(),
        })
    }

    /// Carries out a step and returns what came of it.
    pub(super) async fn carry_out(&self, step: Step, id: &str, booking: &Booking) -> Reply {
        let result = match step {
            Step::HoldSeat => self.hold(id, booking).await,
            Step::AuthorisePayment => self.authorise(id, booking).await,
            Step::SellSeat => self.sell(id, booking).await,
            Step::VoidPayment => self.void(id).await,
            Step::ReleaseSeat => self.release(id, booking).await,
        };
        result.unwrap_or_else(|reason| Reply::Unavailable { reason })
    }

    async fn hold(&self, id: &str, booking: &Booking) -> Result<Reply, String> {
        let (status, held) = self.seat(id, booking, "/shows/{show}/seats/{seat}/hold", "hold").await?;
        match status {
            StatusCode::OK => {
                let Held { price } = serde_json::from_slice(&held).map_err(|error| format!("catalogue: {error}"))?;
                let price = Price { minor_units: price.minor_units, currency: price.currency };
                Ok(Reply::SeatHeld { price })
            }
            StatusCode::NOT_FOUND => Ok(Reply::SeatRefused { refusal: SeatRefusal::Unknown }),
            StatusCode::CONFLICT if is_show_closed(&held) => {
                Ok(Reply::SeatRefused { refusal: SeatRefusal::ShowClosed })
            }
            StatusCode::CONFLICT => Ok(Reply::SeatRefused { refusal: SeatRefusal::Taken }),
            other => Err(format!("catalogue answered {other}")),
        }
    }

    async fn sell(&self, id: &str, booking: &Booking) -> Result<Reply, String> {
        match self.seat(id, booking, "/shows/{show}/seats/{seat}/sell", "sell").await?.0 {
            StatusCode::OK => Ok(Reply::SeatSold),
            StatusCode::NOT_FOUND => Ok(Reply::SeatRefused { refusal: SeatRefusal::Unknown }),
            StatusCode::CONFLICT => Ok(Reply::SeatRefused { refusal: SeatRefusal::Taken }),
            other => Err(format!("catalogue answered {other}")),
        }
    }

    async fn release(&self, id: &str, booking: &Booking) -> Result<Reply, String> {
        match self.seat(id, booking, "/shows/{show}/seats/{seat}/release", "release").await?.0 {
            // A seat that is no more is as free as it can be.
            StatusCode::OK | StatusCode::NOT_FOUND => Ok(Reply::SeatReleased),
            other => Err(format!("catalogue answered {other}")),
        }
    }

    async fn seat(
        &self,
        id: &str,
        booking: &Booking,
        template: &'static str,
        action: &str,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let path = format!("/shows/{}/seats/{}/{action}", booking.order.show, booking.order.seat);
        let call = Call::post_json(template, path, &SeatRequest { booking_id: id.to_owned() }).expecting(&[404, 409]);
        let reply = self.catalogue.call(call).await.map_err(|error| format!("catalogue: {error}"))?;
        Ok((reply.status, reply.body))
    }

    async fn authorise(&self, id: &str, booking: &Booking) -> Result<Reply, String> {
        let price = booking.price.as_ref().ok_or("the price is not known")?;
        let message = AuthoriseRequest {
            idempotency_key: id.to_owned(),
            amount: Some(Money { minor_units: price.minor_units, currency: price.currency.clone() }),
            card_token: booking.order.card_token.clone(),
        };
        let mut client = self.payment.clone();
        let send = |request| async move { client.authorise(request).await };
        let answer = rpc::call(&self.telemetry, &self.payment_peer, AUTHORISE, PAYMENT_DEADLINE, message, send)
            .await
            .map_err(|status| payment_failure(&status))?;
        match answer.outcome() {
            Outcome::Approved => Ok(Reply::PaymentAuthorised { authorisation: answer.authorisation_id }),
            Outcome::Declined => Ok(Reply::PaymentDeclined { reason: answer.decline_reason }),
            Outcome::Unspecified => Err("payment answered without an outcome".to_owned()),
        }
    }

    async fn void(&self, id: &str) -> Result<Reply, String> {
        let mut client = self.payment.clone();
        let send = |request| async move { client.void(request).await };
        let message = VoidRequest { idempotency_key: id.to_owned() };
        rpc::call(&self.telemetry, &self.payment_peer, VOID, PAYMENT_DEADLINE, message, send)
            .await
            .map_err(|status| payment_failure(&status))?;
        Ok(Reply::PaymentVoided)
    }
}

fn payment_failure(status: &tonic::Status) -> String {
    format!("payment: {}", status.message())
}

fn is_show_closed(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body["error"]["code"] == "show_closed")
}
