//! Documents that the server draws alone, sent with their content security policy: the pages of accounts.

use std::sync::Arc;

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use jiff::Timestamp;
use leptos::prelude::*;

use crate::{
    domain::time::{UtcMs, Zone},
    server::{
        accounts::document::{self, PageFrame},
        auth::{AuthService, CurrentAdmin},
        budget::Budgets,
        config::NetworkSettings,
        csp::{FORM_POLICY, FRAMED_POLICY},
        hub::zones,
    },
    web::text,
};

/// What the pages of accounts need.
#[derive(Clone)]
pub struct AccountPages {
    pub auth: AuthService,
    pub budgets: Budgets,
    pub network: Arc<NetworkSettings>,
    pub leptos: LeptosOptions,
}

impl AccountPages {
    /// A page of a signed-in admin at `path`, in the frame of the live pages.
    pub fn framed<V: IntoView + 'static>(
        &self,
        admin: &CurrentAdmin,
        path: &str,
        title: &'static str,
        draw: impl FnOnce(&Times) -> V,
    ) -> Response {
        let times = Times::now(&self.network);
        let frame = PageFrame {
            options: self.leptos.clone(),
            network: self.network.name.clone(),
            zone: times.zone.name.clone(),
            admin: admin.email.clone(),
            path: path.to_owned(),
            paper: self.paper(&times),
            title,
        };
        // The content is drawn within the owner, too, because parts of it may hold signals.
        answer(FRAMED_POLICY, || document::framed(frame, draw(&times).into_any()).to_html())
    }

    /// What a printed page says about itself.
    pub fn paper(&self, times: &Times) -> String {
        text::paper(&self.network.name, &times.zone, times.now)
    }

    /// A small box on an empty page, for visitors who are not signed in.
    pub fn gate<V: IntoView + 'static>(&self, title: &'static str, draw: impl FnOnce() -> V) -> Response {
        let options = self.leptos.clone();
        answer(FORM_POLICY, || document::gate(options, title, draw().into_any()).to_html())
    }
}

/// Instants as the clocks of the network's zone show them.
pub struct Times {
    zone: Zone,
    now: UtcMs,
}

impl Times {
    pub fn now(network: &NetworkSettings) -> Self {
        let now = UtcMs(Timestamp::now().as_millisecond());
        let zone = &network.time_zone;
        Self { zone: zones::zone(zone, zone.iana_name().unwrap_or("UTC"), now), now }
    }

    /// `14:02` for a time of today, else with the date.
    pub fn stamp(&self, at: Timestamp) -> String {
        text::stamp(&self.zone, UtcMs(at.as_millisecond()), text::local_day(&self.zone, self.now))
    }

    /// How long ago that was.
    pub fn age(&self, at: Timestamp) -> String {
        text::age(UtcMs(at.as_millisecond()), self.now)
    }
}

fn answer(policy: &'static str, draw: impl FnOnce() -> String) -> Response {
    let html = Owner::new_root(None).with(draw);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
