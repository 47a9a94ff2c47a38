//! The cards of the Overview. Each leads to the list behind its figure.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    live::FigureStore,
    model::{
        figures::{DaySeries, Open, Revenue},
        ids::Collection,
        money::{Watt, Wh},
        status::{EvseStatus, Role},
        time::Period,
    },
    ui::{
        Badge, Bar, Clock, FigureCard, Sparkline, page, per_mille,
        words::{self, Quantity},
    },
};

#[component]
pub fn Cards() -> impl IntoView {
    view! {
        <section class="cards" aria-label=words::FIGURES>
            <ActiveSessions />
            <LivePower />
            <EnergyToday />
            <RevenueToday />
            <SessionsToday />
            <Clients />
            <OpenPayments />
            <FailedPayments />
        </section>
    }
}

const SESSIONS: &str = page(Collection::ChargingSessions);
const PAYMENTS: &str = page(Collection::Payments);

fn figures() -> FigureStore {
    expect_context()
}

/// A plain count.
fn counted(name: &'static str) -> Signal<Option<Quantity>> {
    let n = figures().get::<i64>(name);
    Signal::derive(move || n.get().map(|n| Quantity::bare(words::count(n))))
}

#[component]
fn ActiveSessions() -> impl IntoView {
    let active = figures().get::<i64>("active_sessions");
    let split = figures().get::<Vec<(EvseStatus, i64)>>("evse_split");
    let evses = Memo::new(move |_| split.get().map(|split| split.iter().map(|(_, n)| n).sum::<i64>()));
    let share = Memo::new(move |_| per_mille(active.get()?, evses.get()?));
    view! {
        <FigureCard name="active_sessions" title="Active sessions" href=SESSIONS figure=counted("active_sessions")
            note=Signal::derive(move || evses.get().map(words::on_evses))>
            <Bar share />
        </FigureCard>
    }
}

#[component]
fn LivePower() -> impl IntoView {
    let power = figures().get::<Watt>("live_power");
    let installed = figures().get::<Watt>("installed_power");
    let share = Memo::new(move |_| per_mille(power.get()?.0, installed.get()?.0));
    view! {
        <FigureCard name="live_power" title="Power now" href=SESSIONS
            figure=Signal::derive(move || power.get().map(words::power_figure))
            note=Signal::derive(move || installed.get().map(words::installed))>
            <Bar share />
        </FigureCard>
    }
}

#[component]
fn EnergyToday() -> impl IntoView {
    let today = figures().get::<Wh>("energy_today");
    let before = figures().get::<Wh>("energy_week_before");
    let day = figures().get::<Period>("day");
    let series = figures().get::<DaySeries>("energy_series");
    let clock = Clock::expect();
    let hourly = Signal::derive(move || {
        series
            .with(|s| s.as_ref().map(|s| s.today.chunks(4).map(|hour| hour.iter().sum()).collect()).unwrap_or_default())
    });
    let note = move || {
        let (today, before, day) = (today.get()?, before.get()?, day.get()?);
        Some(clock.with_zone(|zone| words::against(before.0, today.0, words::weekday(zone, day.from))))
    };
    view! {
        <FigureCard name="energy_today" title="Energy today" href=SESSIONS
            figure=Signal::derive(move || today.get().map(words::energy_figure))
            note=Signal::derive(note)>
            <Sparkline values=hourly />
        </FigureCard>
    }
}

/// The first currency large, the others beside it; never added.
#[component]
fn RevenueToday() -> impl IntoView {
    let revenue = figures().get::<Vec<Revenue>>("revenue_today");
    let figure = Signal::derive(move || {
        revenue.get().map(|all| Quantity::bare(all.first().map_or_else(|| words::count(0), |r| words::money(&r.money))))
    });
    let note = Signal::derive(move || {
        let others: Vec<_> = revenue.get()?.into_iter().skip(1).map(|r| r.money).collect();
        Some(match revenue.with(|all| all.as_ref().is_none_or(Vec::is_empty)) {
            true => words::NOTHING_CAPTURED.to_owned(),
            false if others.is_empty() => words::CAPTURED_TODAY.to_owned(),
            false => words::and(&words::amounts(&others)),
        })
    });
    let badge = Signal::derive(move || {
        let derived = revenue.get()?.iter().any(|r| r.derived_minor != 0);
        derived.then(|| Badge::new(Role::Off, words::DERIVED).why(words::DERIVED_WHY))
    });
    view! { <FigureCard name="revenue_today" title="Revenue today" href=PAYMENTS figure note badge /> }
}

#[component]
fn SessionsToday() -> impl IntoView {
    let completed = figures().get::<i64>("completed_today");
    view! {
        <FigureCard name="sessions_today" title="Sessions today" href=SESSIONS figure=counted("sessions_today")
            note=Signal::derive(move || completed.get().map(words::completed)) />
    }
}

#[component]
fn Clients() -> impl IntoView {
    let documents = figures().get::<BTreeMap<Collection, i64>>("documents");
    let all = move || documents.get().map(|d| words::of_all(d.get(&Collection::Clients).copied().unwrap_or(0)));
    view! {
        <FigureCard name="clients" title="Active clients" href=page(Collection::Clients) figure=counted("clients")
            note=Signal::derive(all) />
    }
}

#[component]
fn OpenPayments() -> impl IntoView {
    let open = figures().get::<Open>("open_payments");
    let amounts = move || {
        open.get().map(|o| if o.amounts.is_empty() { words::NONE_OPEN.to_owned() } else { words::amounts(&o.amounts) })
    };
    view! {
        <FigureCard name="open_payments" title="Open payments" href=PAYMENTS
            figure=Signal::derive(move || open.get().map(|o| Quantity::bare(words::count(o.count))))
            note=Signal::derive(amounts) />
    }
}

#[component]
fn FailedPayments() -> impl IntoView {
    view! {
        <FigureCard name="failed_payments" title="Failed payments" href=PAYMENTS figure=counted("failed_payments")
            note=Signal::stored(Some(words::CREATED_TODAY.to_owned())) />
    }
}
