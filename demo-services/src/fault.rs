//! Faults that can be switched on while the demo runs, and the small control API for it.
//!
//! `psp` serves the API: `GET /faults` lists them, `PUT /faults/{id}` with `{"on": true}` switches one. State is held
//! in memory: every fault is off after a restart.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::http_client::plain_client;
use crate::peer::Peer;
use crate::problem::{Problem, read_json};

/// How long a switch may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A fault of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The payment provider answers most authorisations with 503.
    PaymentErrors,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 1] = [Self::PaymentErrors];

    /// Returns the id as it is typed and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentErrors => "payment-errors",
        }
    }

    /// Returns one sentence about what happens while the fault is on.
    pub fn description(self) -> &'static str {
        match self {
            Self::PaymentErrors => "the payment provider answers most authorisations with 503",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let found = Self::ALL.into_iter().find(|fault| fault.as_str() == text);
        found.ok_or_else(|| FaultError::Unknown { given: text.to_owned() })
    }
}

/// Why a fault cannot be switched or listed.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    #[error("unknown fault `{given}`; known faults: {}", Fault::ALL.map(Fault::as_str).join(", "))]
    Unknown { given: String },
    #[error("no demo answers on {address}: is `haechi demo` running?")]
    NoDemo { address: SocketAddr },
    #[error("the demo on {address} refused: {reason}")]
    Refused { address: SocketAddr, reason: String },
}

/// Whether a fault is on, as the control API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultState {
    pub id: String,
    pub on: bool,
    pub description: String,
}

/// Switches a fault of the demo whose `psp` listens on `control`, and returns its state after that.
///
/// # Errors
/// [`FaultError`]; an unknown id is refused without asking the demo.
pub async fn set(control: SocketAddr, id: &str, on: bool) -> Result<FaultState, FaultError> {
    let fault: Fault = id.parse()?;
    let url = Peer::from(control).url(&format!("/faults/{fault}"));
    let request = client(control)?.put(url).timeout(TIMEOUT).json(&Switch { on });
    let body = answer(control, request).await?;
    serde_json::from_slice(&body).map_err(|error| refused(control, &error))
}

/// Returns the state of every fault of the demo whose `psp` listens on `control`.
///
/// # Errors
/// [`FaultError::NoDemo`] or [`FaultError::Refused`].
pub async fn list(control: SocketAddr) -> Result<Vec<FaultState>, FaultError> {
    let request = client(control)?.get(Peer::from(control).url("/faults")).timeout(TIMEOUT);
    let body = answer(control, request).await?;
    serde_json::from_slice(&body).map_err(|error| refused(control, &error))
}

fn client(address: SocketAddr) -> Result<reqwest::Client, FaultError> {
    plain_client().map_err(|error| refused(address, &error))
}

fn refused(address: SocketAddr, reason: &impl fmt::Display) -> FaultError {
    FaultError::Refused { address, reason: reason.to_string() }
}

async fn answer(address: SocketAddr, request: reqwest::RequestBuilder) -> Result<Vec<u8>, FaultError> {
    let response = request.send().await.map_err(|_| FaultError::NoDemo { address })?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| refused(address, &error))?;
    if !status.is_success() {
        let text: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        return Err(FaultError::Refused { address, reason: format!("{status} {text}") });
    }
    Ok(body.to_vec())
}

#[derive(Serialize, Deserialize)]
struct Switch {
    on: bool,
}

/// The faults of one process; clones share their state.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<[AtomicBool; Fault::ALL.len()]>);

impl Faults {
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.switch(fault).load(Ordering::Relaxed)
    }

    fn set(&self, fault: Fault, on: bool) -> FaultState {
        self.switch(fault).store(on, Ordering::Relaxed);
        self.state(fault)
    }

    fn state(&self, fault: Fault) -> FaultState {
        FaultState { id: fault.to_string(), on: self.is_on(fault), description: fault.description().to_owned() }
    }

    fn switch(&self, fault: Fault) -> &AtomicBool {
        let position = Fault::ALL.iter().position(|other| *other == fault);
        &self.0[position.expect("ALL holds every fault")]
    }
}

/// Returns the control API. It stands outside the traced routes: the demo's users do not see it.
pub(crate) fn router(faults: Faults) -> Router {
    Router::new().route("/faults", get(get_all)).route("/faults/{id}", put(put_one)).with_state(faults)
}

async fn get_all(State(faults): State<Faults>) -> Json<Vec<FaultState>> {
    Json(Fault::ALL.into_iter().map(|fault| faults.state(fault)).collect())
}

async fn put_one(
    State(faults): State<Faults>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<FaultState>, Problem> {
    let fault: Fault = id
        .parse()
        .map_err(|error: FaultError| Problem::new(StatusCode::NOT_FOUND, "unknown_fault", error.to_string()))?;
    let Switch { on } = read_json(&body)?;
    tracing::info!(name: "fault.switched", { fault.id = fault.as_str(), fault.on = on }, "fault switched");
    Ok(Json(faults.set(fault, on)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn every_fault_is_read_back_as_itself() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
    }

    #[test]
    fn unknown_fault_is_refused_with_the_known_ones() {
        for id in ["", "payment", "Payment-Errors", "payment-errors "] {
            let error = id.parse::<Fault>().unwrap_err().to_string();
            assert_eq!(error, format!("unknown fault `{id}`; known faults: payment-errors"));
        }
    }

    async fn demo() -> (SocketAddr, Faults) {
        let faults = Faults::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(faults.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, faults)
    }

    #[tokio::test]
    async fn a_fault_is_switched_on_listed_and_switched_off() {
        let (address, faults) = demo().await;
        assert!(!faults.is_on(Fault::PaymentErrors));
        assert!(set(address, "payment-errors", true).await.unwrap().on);
        assert!(faults.is_on(Fault::PaymentErrors));
        let listed = list(address).await.unwrap();
        assert_eq!(listed.len(), Fault::ALL.len());
        assert_eq!((listed[0].id.as_str(), listed[0].on), ("payment-errors", true));
        assert!(!set(address, "payment-errors", false).await.unwrap().on);
        assert!(!faults.is_on(Fault::PaymentErrors));
    }

    #[tokio::test]
    async fn the_api_refuses_unknown_faults_and_bad_bodies() {
        let (address, _) = demo().await;
        let client = plain_client().unwrap();
        for (path, body, status, text) in [
            ("/faults/nope", r#"{"on":true}"#, 404, "unknown fault `nope`; known faults: payment-errors"),
            ("/faults/payment-errors", "{}", 400, "missing field `on`"),
            ("/faults/payment-errors", "on", 400, "the body is not what is expected"),
        ] {
            let response = client.put(format!("http://{address}{path}")).body(body).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            let answer = response.text().await.unwrap();
            assert!(answer.contains(text), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_demo_that_is_not_there_is_said_so() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = set(address, "payment-errors", true).await.unwrap_err().to_string();
        assert_eq!(error, format!("no demo answers on {address}: is `haechi demo` running?"));
    }
}
