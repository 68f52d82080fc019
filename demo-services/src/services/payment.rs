//! `payment`: authorises and voids payments over gRPC, in front of a provider that is slow and fails at times.
//! Idempotent per key: a payment that is asked for twice is made once.

mod ledger;
mod provider;

use std::time::Duration;

use futures::FutureExt;
use opentelemetry::metrics::Counter;
use opentelemetry::trace::{FutureExt as _, SpanBuilder, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use proto::boxoffice::payment::v1::authorise_response::Outcome;
use proto::boxoffice::payment::v1::payment_service_server::{PaymentService, PaymentServiceServer};
use proto::boxoffice::payment::v1::{AuthoriseRequest, AuthoriseResponse, Money, VoidRequest, VoidResponse};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use self::ledger::{Ledger, Opened, Payment};
use self::provider::Provider;
use super::Parts;
use super::psp::Authorisation;
use crate::clock;
use crate::config::ServiceConfig;
use crate::database::{Database, DatabaseError};
use crate::error::DemoError;
use crate::http_server;
use crate::rpc::{self, Method};
use crate::telemetry::Telemetry;
use crate::telemetry::attributes::{BOOKING_ID, OUTCOME};

const SERVICE: &str = "boxoffice.payment.v1.PaymentService";
pub(crate) const AUTHORISE: Method = Method { service: SERVICE, full: "boxoffice.payment.v1.PaymentService/Authorise" };
pub(crate) const VOID: Method = Method { service: SERVICE, full: "boxoffice.payment.v1.PaymentService/Void" };

/// How often old payments are forgotten, and how many are kept.
const UPKEEP: Duration = Duration::from_secs(30);
const KEPT: u32 = 5_000;

#[derive(Clone)]
struct PaymentApi {
    ledger: Ledger,
    provider: Provider,
    telemetry: Telemetry,
    payments: Counter<u64>,
}

pub(super) fn build(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Parts, DemoError> {
    let ledger = Ledger::new(Database::open(config, telemetry, ledger::SCHEMA)?);
    let api = PaymentApi {
        ledger: ledger.clone(),
        provider: Provider::new(config, telemetry)?,
        telemetry: telemetry.clone(),
        payments: telemetry.counter("boxoffice.payments", "{payment}", "Authorisations asked for, by outcome."),
    };
    // gRPC and the health route share a port; the calls have spans of their own.
    let router =
        Routes::new(PaymentServiceServer::new(api)).into_axum_router().merge(http_server::health(config.service));
    let telemetry = telemetry.clone();
    let upkeep = async move {
        loop {
            let context = telemetry.start_under(&Context::new(), SpanBuilder::from_name("payment upkeep"));
            if let Err(error) = ledger.prune(KEPT).with_context(context.clone()).await {
                tracing::error!(
                    name: "payment.upkeep_failed",
                    { exception.message = %error },
                    "upkeep of payments failed"
                );
            }
            context.span().end();
            tokio::time::sleep(UPKEEP).await;
        }
    };
    Ok(Parts { router, tasks: vec![upkeep.boxed()] })
}

#[tonic::async_trait]
impl PaymentService for PaymentApi {
    async fn authorise(&self, request: Request<AuthoriseRequest>) -> Result<Response<AuthoriseResponse>, Status> {
        // On a task of its own: a caller who gives up must not leave a payment half made.
        let api = self.clone();
        rpc::answer(&self.telemetry, AUTHORISE, request, |message| {
            on_own_task(async move { api.authorise_once(message).await })
        })
        .await
    }

    async fn void(&self, request: Request<VoidRequest>) -> Result<Response<VoidResponse>, Status> {
        let api = self.clone();
        rpc::answer(&self.telemetry, VOID, request, |message| on_own_task(async move { api.void_once(message).await }))
            .await
    }
}

async fn on_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    tokio::spawn(work.with_current_context())
        .await
        .unwrap_or_else(|_| Err(Status::internal("the payment was interrupted")))
}

impl PaymentApi {
    async fn authorise_once(&self, request: AuthoriseRequest) -> Result<AuthoriseResponse, Status> {
        let AuthoriseRequest { idempotency_key: key, amount, card_token } = request;
        let Some(Money { minor_units, currency }) = amount.filter(|amount| amount.minor_units > 0) else {
            return Err(Status::invalid_argument("amount: more than 0 minor units are allowed"));
        };
        if !(1..=64).contains(&key.len()) {
            return Err(Status::invalid_argument("idempotency_key: 1 to 64 bytes are allowed"));
        }
        Context::current().span().set_attribute(KeyValue::new(BOOKING_ID, key.clone()));
        let opened = self
            .ledger
            .open(&key, minor_units, &currency, clock::unix_seconds())
            .await
            .map_err(|error| failed(&error))?;
        match opened {
            Opened::New => {}
            Opened::Known(Payment::Authorised { authorisation }) => return Ok(approved(authorisation)),
            Opened::Known(Payment::Declined { reason }) => return Ok(declined(reason)),
            Opened::Known(Payment::Voided) => return Err(voided()),
        }

        let answer = self.provider.authorise(&key, minor_units, &currency, &card_token).await.inspect_err(|_| {
            self.payments.add(1, &[KeyValue::new(OUTCOME, "failed")]);
        })?;
        match answer {
            Authorisation::Approved { id } => {
                let payment = Payment::Authorised { authorisation: id.clone() };
                if !self.ledger.close(&key, payment).await.map_err(|error| failed(&error))? {
                    // Voided while the provider was asked: nobody wants the money any more.
                    self.provider.void(&id).await?;
                    return Err(voided());
                }
                self.payments.add(1, &[KeyValue::new(OUTCOME, "approved")]);
                tracing::info!(
                    name: "payment.authorised",
                    { boxoffice.booking.id = key, psp.authorisation = id },
                    "payment authorised"
                );
                Ok(approved(id))
            }
            Authorisation::Declined { reason } => {
                self.payments.add(1, &[KeyValue::new(OUTCOME, "declined")]);
                tracing::info!(
                    name: "payment.declined",
                    { boxoffice.booking.id = key, reason },
                    "card declined: {reason}"
                );
                let payment = Payment::Declined { reason: reason.clone() };
                if !self.ledger.close(&key, payment).await.map_err(|error| failed(&error))? {
                    return Err(voided());
                }
                Ok(declined(reason))
            }
        }
    }

    async fn void_once(&self, request: VoidRequest) -> Result<VoidResponse, Status> {
        let key = request.idempotency_key;
        if !(1..=64).contains(&key.len()) {
            return Err(Status::invalid_argument("idempotency_key: 1 to 64 bytes are allowed"));
        }
        Context::current().span().set_attribute(KeyValue::new(BOOKING_ID, key.clone()));
        let authorisation = self.ledger.authorisation(&key).await.map_err(|error| failed(&error))?;
        // The provider first: when it fails, the ledger still tells what there is to void.
        if let Some(authorisation) = &authorisation {
            self.provider.void(authorisation).await?;
        }
        let missed = self.ledger.void(&key, clock::unix_seconds()).await.map_err(|error| failed(&error))?;
        // An authorisation that came in between the two.
        if let Some(missed) = missed.filter(|missed| Some(missed) != authorisation.as_ref()) {
            self.provider.void(&missed).await?;
        }
        tracing::info!(name: "payment.voided", { boxoffice.booking.id = key }, "payment voided");
        Ok(VoidResponse { was_authorised: authorisation.is_some() })
    }
}

fn approved(authorisation_id: String) -> AuthoriseResponse {
    AuthoriseResponse { outcome: Outcome::Approved.into(), authorisation_id, decline_reason: String::new() }
}

fn declined(decline_reason: String) -> AuthoriseResponse {
    AuthoriseResponse { outcome: Outcome::Declined.into(), authorisation_id: String::new(), decline_reason }
}

fn voided() -> Status {
    Status::aborted("the payment was voided")
}

fn failed(error: &DatabaseError) -> Status {
    tracing::error!(name: "payment.database_failed", { exception.message = %error }, "the ledger failed");
    Status::internal("the ledger failed")
}
