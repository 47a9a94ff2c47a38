//! The cards of the Overview. Each leads to the list of exactly the documents behind its figure.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    model::{
        figures::{DaySeries, LongActive, Open, Revenue},
        ids::Collection,
        money::{Money, Watt, Wh},
        selection::{Part, Selection, Wanted, is_currency},
        status::{EvseStatus, PaymentStatus, Role},
        time::Period,
    },
    ui::{
        Badge, Clock, Draw, Figure, FigureCard, Href, Picture, figure, page_of, per_mille,
        words::{self, Quantity},
    },
};

#[component]
pub fn Cards() -> impl IntoView {
    let revenue: Vec<_> = PaymentStatus::KNOWN.iter().filter(|s| s.is_revenue()).map(PaymentStatus::code).collect();
    let open: Vec<_> = PaymentStatus::KNOWN.iter().filter(|s| s.is_open()).map(PaymentStatus::code).collect();
    view! {
        <section class="cards" aria-label=words::FIGURES>
            <FigureCard name="active_sessions" href=sessions(&["ACTIVE"], None) figure=active_sessions() />
            <FigureCard name="live_power" href=sessions(&["ACTIVE"], None) figure=live_power() />
            <FigureCard name="energy_today" href=sessions(&["COMPLETED"], Some(Part::Ended)) figure=energy_today() />
            <FigureCard name="revenue_today" href=payments(&revenue, Some(Part::Captured)) figure=revenue_today() />
            <FigureCard name="sessions_today" href=sessions(&[], Some(Part::Started)) figure=sessions_today() />
            <FigureCard name="clients" href=behind(Collection::Clients, &["ACTIVE"], None) figure=clients() />
            <FigureCard name="open_payments" href=payments(&open, None) figure=open_payments() />
            <FigureCard name="failed_payments" href=payments(&["FAILED"], Some(Part::Created)) figure=failed_payments() />
        </section>
    }
}

fn sessions(statuses: &[&str], today: Option<Part>) -> Href {
    behind(Collection::ChargingSessions, statuses, today)
}

fn payments(statuses: &[&str], today: Option<Part>) -> Href {
    behind(Collection::Payments, statuses, today)
}

/// The list of the documents with one of these statuses, and with this date today. Of captured payments, those in the
/// currency of the figure where it has but one.
fn behind(collection: Collection, statuses: &[&str], today: Option<Part>) -> Href {
    let day = figure::<Period>("day");
    let revenue = figure::<Vec<Revenue>>("revenue_today");
    let any = Selection::default();
    let of_status = match statuses {
        [] => any,
        statuses => any.with(Part::Status, Wanted::one_of(statuses.iter().copied())),
    };
    Box::new(move || {
        let mut selection = of_status.clone();
        if let Some((part, day)) = today.zip(day()) {
            selection = selection.with(part, Wanted::Within(day));
        }
        if today == Some(Part::Captured)
            && let Some([Revenue { money: Money { currency, .. }, .. }]) = revenue().as_deref()
            && is_currency(&currency.0)
        {
            selection = selection.with(Part::Currency, Wanted::one_of([currency.0.as_str()]));
        }
        page_of(collection, &selection)
    })
}

fn counted(n: Option<i64>) -> Option<Quantity> {
    n.map(|n| Quantity::bare(words::count(n)))
}

fn share(part: Option<i64>, whole: Option<i64>) -> Picture {
    part.zip(whole).and_then(|(part, whole)| per_mille(part, whole)).map_or(Picture::Share(0), Picture::Share)
}

fn active_sessions() -> Draw {
    let active = figure::<i64>("active_sessions");
    let long = figure::<LongActive>("long_active");
    let split = figure::<Vec<(EvseStatus, i64)>>("evse_split");
    Box::new(move || {
        let evses = split().map(|split| split.iter().map(|(_, n)| n).sum::<i64>());
        Figure {
            value: counted(active()),
            note: evses.map(words::on_evses),
            some: long().filter(|long| long.count > 0).map(|LongActive { count, started }| {
                let active = Selection::default().with(Part::Status, Wanted::one_of(["ACTIVE"]));
                let these = active.with(Part::Started, Wanted::Within(started));
                (words::long_active(count), page_of(Collection::ChargingSessions, &these))
            }),
            picture: share(active(), evses),
            ..Figure::default()
        }
    })
}

fn live_power() -> Draw {
    let power = figure::<Watt>("live_power");
    let installed = figure::<Watt>("installed_power");
    Box::new(move || Figure {
        value: power().map(words::power_figure),
        note: installed().map(words::installed),
        picture: share(power().map(|w| w.0), installed().map(|w| w.0)),
        ..Figure::default()
    })
}

fn energy_today() -> Draw {
    let today = figure::<Wh>("energy_today");
    let before = figure::<Wh>("energy_week_before");
    let day = figure::<Period>("day");
    let series = figure::<DaySeries>("energy_series");
    let clock = Clock::expect();
    Box::new(move || {
        let weekday = day().map(|day| clock.with_zone(|zone| words::weekday(zone, day.from)));
        let hours = series().unwrap_or_default().today.chunks(4).map(|hour| hour.iter().sum()).collect();
        Figure {
            value: today().map(words::energy_figure),
            note: today().zip(before()).zip(weekday).map(|((now, then), day)| words::against(then.0, now.0, day)),
            picture: Picture::Course(hours),
            ..Figure::default()
        }
    })
}

/// The first currency large, the others beside it; never added.
fn revenue_today() -> Draw {
    let revenue = figure::<Vec<Revenue>>("revenue_today");
    Box::new(move || revenue().map_or_else(Figure::default, |all| revenue_figure(&all)))
}

fn revenue_figure(all: &[Revenue]) -> Figure {
    let Some((first, others)) = all.split_first() else {
        let note = Some(words::NOTHING_CAPTURED.to_owned());
        return Figure { value: counted(Some(0)), note, ..Figure::default() };
    };
    let others: Vec<_> = others.iter().map(|r| r.money.clone()).collect();
    let derived = all.iter().any(|r| r.derived_minor != 0);
    Figure {
        value: Some(Quantity::bare(words::money(&first.money))),
        note: Some(if others.is_empty() {
            words::CAPTURED_TODAY.to_owned()
        } else {
            words::and(&words::amounts(&others))
        }),
        badge: derived.then(|| Badge::new(Role::Off, words::DERIVED).why(words::DERIVED_WHY)),
        ..Figure::default()
    }
}

fn sessions_today() -> Draw {
    let started = figure::<i64>("sessions_today");
    let completed = figure::<i64>("completed_today");
    Box::new(move || Figure { value: counted(started()), note: completed().map(words::completed), ..Figure::default() })
}

fn clients() -> Draw {
    let active = figure::<i64>("clients");
    let documents = figure::<BTreeMap<Collection, i64>>("documents");
    Box::new(move || Figure {
        value: counted(active()),
        note: documents().map(|d| words::of_all(d.get(&Collection::Clients).copied().unwrap_or(0))),
        ..Figure::default()
    })
}

fn open_payments() -> Draw {
    let open = figure::<Open>("open_payments");
    Box::new(move || {
        let Some(open) = open() else { return Figure::default() };
        let amounts = words::amounts(&open.amounts);
        let note = if amounts.is_empty() { words::NONE_OPEN.to_owned() } else { amounts };
        Figure { value: counted(Some(open.count)), note: Some(note), ..Figure::default() }
    })
}

fn failed_payments() -> Draw {
    let failed = figure::<i64>("failed_payments");
    Box::new(move || Figure {
        value: counted(failed()),
        note: Some(words::CREATED_TODAY.to_owned()),
        ..Figure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Currency;

    #[test]
    fn currencies_stand_beside_each_other() {
        let revenue = |minor, code: &str, derived_minor| Revenue {
            money: Money { minor, currency: Currency(code.into()) },
            derived_minor,
        };
        let card = revenue_figure(&[revenue(41_820, "GBP", 0), revenue(3640, "EUR", 5)]);
        assert_eq!(card.value, Some(Quantity::bare("£418.20".into())));
        assert_eq!(card.note.as_deref(), Some("and €36.40"));
        assert!(card.badge.is_some(), "derived money is said to be");
        assert_eq!(revenue_figure(&[]).value, Some(Quantity::bare("0".into())));
        assert!(revenue_figure(&[revenue(1, "GBP", 0)]).badge.is_none());
    }
}
