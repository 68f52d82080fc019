//! Parameters of a request: those of the query string and, of a form that is posted, those of its body.

use axum::Form;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{Method, header};

use super::error::ApiError;

/// Of an unknown name, an error shows so many characters.
const MAX_NAME_SHOWN: usize = 100;

/// Parameters in the order sent; names may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of `name`; `None` when it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An error when there is a parameter besides `names`. Not for the APIs of other systems, whose clients send more than is
    /// read here.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(MAX_NAME_SHOWN).collect();
                Err(ApiError::bad_parameter(&name, format!("it is unknown; {} are allowed", names.join(", "))))
            }
        }
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::bad_parameter(name, "it is missing"))
    }

    /// A count; `default` when it is missing.
    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize, ApiError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| ApiError::bad_parameter(name, "a whole number is expected")),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bad = |what: &str, error: String| {
            ApiError::new(axum::http::StatusCode::BAD_REQUEST, "bad_data", format!("{what}: {error}"))
        };
        let Query(mut params): Query<Vec<(String, String)>> =
            Query::try_from_uri(request.uri()).map_err(|error| bad("query string", error.body_text()))?;
        let content = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content.is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
        if request.method() == Method::POST && is_form {
            let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
            let Form(body) = form.map_err(|error| bad("form", error.body_text()))?;
            // As in Prometheus, the body goes before the query string.
            params.splice(0..0, body);
        }
        Ok(Params(params))
    }
}
