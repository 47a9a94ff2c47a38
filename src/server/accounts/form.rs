//! How forms and queries of accounts are parsed.

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::FormRejection},
    http::{StatusCode, request::Parts},
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::server::{
    accounts::{
        pages::{Chosen, FieldErrors},
        text::accounts,
    },
    problem::Problem,
};

/// A URL without parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// Where to go afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextQuery {
    #[serde(default)]
    pub next: String,
}

/// What was just done, by the code in the URL.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneQuery {
    #[serde(default)]
    pub done: String,
}

impl DoneQuery {
    pub fn text(&self) -> Option<&'static str> {
        accounts::done(&self.done)
    }
}

/// The query of the URL. One with an unknown parameter, or with one twice, is refused. The answer does not repeat it,
/// because it may hold the secret of a link.
pub struct UrlQuery<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for UrlQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::new(rejection.status(), "bad_address", BAD_ADDRESS)),
        }
    }
}

const BAD_ADDRESS: &str = "The address has a parameter that this page does not know, lacks one, or has one twice.";

/// A form as it was sent. A body that is not this form is refused without a reason.
pub struct FormBody<T>(pub T);

impl<S, T> FromRequest<S> for FormBody<T>
where
    S: Send + Sync,
    Form<T>: FromRequest<S, Rejection = FormRejection>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Form::from_request(request, state).await {
            Ok(Form(sent)) => Ok(Self(sent)),
            Err(rejection) => Err(Problem::of(rejection.status())),
        }
    }
}

/// A password as it came with a form.
#[derive(Clone, Default)]
pub struct Secret(pub SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// A password that was entered twice, if both are the same.
///
/// # Errors
/// If they differ.
pub fn same_twice(password: Secret, again: &Secret) -> Result<SecretString, FieldErrors> {
    if password.0.expose_secret() == again.0.expose_secret() {
        Ok(password.0)
    } else {
        Err(FieldErrors::new(Chosen::AGAIN, accounts::NOT_THE_SAME))
    }
}

/// Shows the page again with 422, because something that was entered is wrong.
pub fn again(mut page: Response) -> Response {
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn refusal<T: DeserializeOwned>(url: &str) -> Option<Problem> {
        let (mut parts, ()) = Request::get(url).body(()).unwrap().into_parts();
        UrlQuery::<T>::from_request_parts(&mut parts, &()).await.err()
    }

    #[tokio::test]
    async fn an_unknown_parameter_is_refused_and_not_repeated() {
        let refused = Some(Problem::new(StatusCode::BAD_REQUEST, "bad_address", BAD_ADDRESS));
        assert_eq!(refusal::<DoneQuery>("/account?station=S1").await, refused);
        assert_eq!(refusal::<DoneQuery>("/account?done=role&done=role").await, refused);
        assert_eq!(refusal::<NextQuery>("/login?next=/users&station=S1").await, refused);
        assert_eq!(refusal::<NoParameters>("/users?station=S1").await, refused);
        for none in [
            refusal::<DoneQuery>("/account?done=role").await,
            refusal::<NextQuery>("/login?next=/users").await,
            refusal::<NextQuery>("/login").await,
            refusal::<NoParameters>("/users").await,
        ] {
            assert_eq!(none, None);
        }
    }
}
