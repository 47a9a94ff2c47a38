//! The cards of the Overview. Each leads to the list of exactly the documents behind its figure; one without a list does
//! not compile.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    domain::{
        collections::Collection,
        figures::{DaySeries, LONG_H, LongActive, Open, Revenue, in_service, listed, sum},
        money::{Watt, Wh},
        status::{EvseStatus, Role},
        time::Period,
    },
    web::{
        text::{self, Quantity, card},
        ui::{Badge, Clock, Draw, Figure, FigureCard, Picture, figure},
    },
};

#[component]
pub fn Cards() -> impl IntoView {
    view! {
        <section class="cards" aria-label=text::FIGURES>
            <FigureCard listed=const { listed("active_sessions") } title=card::ACTIVE_SESSIONS figure=active_sessions() />
            <FigureCard listed=const { listed("live_power") } title=card::LIVE_POWER figure=live_power() />
            <FigureCard listed=const { listed("energy_today") } title=card::ENERGY_TODAY figure=energy_today() />
            <FigureCard listed=const { listed("revenue_today") } title=card::REVENUE_TODAY figure=revenue_today() />
            <FigureCard listed=const { listed("sessions_today") } title=card::SESSIONS_TODAY figure=sessions_today() />
            <FigureCard listed=const { listed("clients") } title=card::CLIENTS figure=clients() />
            <FigureCard listed=const { listed("open_payments") } title=card::OPEN_PAYMENTS figure=open_payments() />
            <FigureCard listed=const { listed("failed_payments") } title=card::FAILED_PAYMENTS figure=failed_payments() />
        </section>
    }
}

fn counted(n: Option<i64>) -> Option<Quantity> {
    n.map(|n| Quantity::bare(text::count(n)))
}

/// Draws nothing if a value is not known or there is no whole, because an empty bar would mean zero.
fn share(part: Option<i64>, whole: Option<i64>) -> Picture {
    let share = part.zip(whole).and_then(|(part, whole)| text::per_mille(part, whole));
    share.map_or(Picture::None, Picture::Share)
}

/// The remark beside a figure, if it concerns any documents.
fn remark(n: Option<i64>, what: &str, why: &'static str) -> Option<Badge> {
    n.filter(|n| *n > 0).map(|n| Badge::new(Role::Wait, text::remark(n, what)).why(why))
}

fn active_sessions() -> Draw {
    let active = figure::<i64>("active_sessions");
    let (long, longest) = (figure::<i64>("running_over_8h"), figure::<LongActive>("long_active"));
    let pending = figure::<i64>("pending_sessions");
    let split = figure::<Vec<(EvseStatus, i64)>>("evse_split");
    Box::new(move || {
        let evses = split().map(|split| in_service(&split));
        Figure {
            value: counted(active()),
            note: evses.map(text::on_evses),
            some: [
                long().map(|n| (n, text::running_over(n, LONG_H), const { listed("running_over_8h") })),
                longest().map(|long| (long.count, text::long_active(long.count), const { listed("long_active") })),
                pending().map(|n| (n, text::pending(n), const { listed("pending_sessions") })),
            ]
            .into_iter()
            .flatten()
            .filter(|(n, ..)| *n > 0)
            .map(|(_, text, listed)| (text, listed.counted))
            .collect(),
            picture: share(active(), evses),
            ..Figure::default()
        }
    })
}

fn live_power() -> Draw {
    let power = figure::<Watt>("live_power");
    let installed = figure::<Watt>("installed_power");
    let (power_unknown, rating_unknown) = (figure::<i64>("power_unknown"), figure::<i64>("rating_unknown"));
    Box::new(move || {
        let powers = remark(power_unknown(), text::NOT_KNOWN, text::NO_POWER_WHY);
        let ratings = remark(rating_unknown(), text::EVSES_NOT_KNOWN, text::NO_RATING_WHY);
        Figure {
            value: power().map(text::power_figure),
            note: installed().map(text::installed),
            badges: powers.into_iter().chain(ratings).collect(),
            picture: share(power().map(|w| w.0), installed().map(|w| w.0)),
            ..Figure::default()
        }
    })
}

fn energy_today() -> Draw {
    let today = figure::<Wh>("energy_today");
    let before = figure::<Wh>("energy_week_before");
    let day = figure::<Period>("day");
    let series = figure::<DaySeries>("energy_series");
    let unknown = figure::<i64>("energy_unknown");
    let (left_out, doubtful) = (figure::<i64>("energy_left_out"), figure::<i64>("energy_doubtful"));
    let clock = Clock::expect();
    Box::new(move || {
        let weekday = day().map(|day| clock.with_zone(|zone| text::weekday(zone, day.from)));
        let hours = series().map(|series| series.today.chunks(4).map(sum).collect());
        let remarks = [
            remark(unknown(), text::NOT_KNOWN, text::NO_ENERGY_WHY),
            remark(left_out(), text::LEFT_OUT, text::LEFT_OUT_WHY),
            remark(doubtful(), text::DOUBTFUL, text::DOUBTFUL_WHY),
        ];
        Figure {
            value: today().map(text::energy_figure),
            note: today().zip(before()).zip(weekday).map(|((now, then), day)| text::against(then.0, now.0, day)),
            badges: remarks.into_iter().flatten().collect(),
            picture: hours.map_or(Picture::None, Picture::TimeSeries),
            ..Figure::default()
        }
    })
}

/// The first currency is large, the others stand beside it, and they are never added. The first is the network's if
/// it has revenue.
fn revenue_today() -> Draw {
    let revenue = figure::<Vec<Revenue>>("revenue_today");
    let unknown = figure::<i64>("amount_unknown");
    Box::new(move || {
        revenue().map_or_else(Figure::default, |all| {
            let mut figure = revenue_figure(&all, unknown());
            figure.badges.extend(remark(unknown(), text::NOT_KNOWN, text::NO_AMOUNT_WHY));
            figure
        })
    })
}

/// Without any amount the figure is zero only if no payment was captured.
fn revenue_figure(all: &[Revenue], unknown: Option<i64>) -> Figure {
    let Some((first, others)) = all.split_first() else {
        return match unknown {
            Some(1..) => Figure { note: Some(text::CAPTURED_TODAY.to_owned()), ..Figure::default() },
            _ => Figure { value: counted(Some(0)), note: Some(text::NOTHING_CAPTURED.to_owned()), ..Figure::default() },
        };
    };
    let others: Vec<_> = others.iter().map(|r| r.money.clone()).collect();
    let derived = all.iter().any(|r| r.derived_minor != 0);
    Figure {
        value: Some(Quantity::bare(text::money(&first.money))),
        note: Some(if others.is_empty() {
            text::CAPTURED_TODAY.to_owned()
        } else {
            text::and(&text::amounts(&others))
        }),
        currency: others.is_empty().then(|| first.money.currency.clone()),
        badges: derived.then(|| Badge::new(Role::Off, text::DERIVED).why(text::DERIVED_WHY)).into_iter().collect(),
        ..Figure::default()
    }
}

fn sessions_today() -> Draw {
    let started = figure::<i64>("sessions_today");
    let completed = figure::<i64>("completed_today");
    let ahead = figure::<i64>("sessions_ahead");
    Box::new(move || Figure {
        value: counted(started()),
        note: completed().map(text::completed),
        badges: remark(ahead(), text::AHEAD, text::AHEAD_WHY).into_iter().collect(),
        ..Figure::default()
    })
}

fn clients() -> Draw {
    let (active, blocked) = (figure::<i64>("clients"), figure::<i64>("blocked_clients"));
    let documents = figure::<BTreeMap<Collection, i64>>("documents");
    Box::new(move || {
        let blocked = blocked().filter(|n| *n > 0).map(|n| (text::blocked(n), const { listed("blocked_clients") }));
        Figure {
            value: counted(active()),
            note: documents().map(|d| text::of_all(d.get(&Collection::Clients).copied().unwrap_or(0))),
            some: blocked.into_iter().map(|(text, listed)| (text, listed.counted)).collect(),
            ..Figure::default()
        }
    })
}

fn open_payments() -> Draw {
    let open = figure::<Open>("open_payments");
    Box::new(move || {
        let Some(open) = open() else { return Figure::default() };
        Figure {
            value: counted(Some(open.count)),
            note: Some(open_note(&open)),
            badges: remark(Some(open.unknown), text::NOT_KNOWN, text::NO_AMOUNT_WHY).into_iter().collect(),
            ..Figure::default()
        }
    })
}

fn open_note(open: &Open) -> String {
    match open.count {
        0 => text::NONE_OPEN.to_owned(),
        all if all == open.unknown => text::AMOUNT_NOT_KNOWN.to_owned(),
        // Open payments may have an amount of zero.
        _ => text::amounts(&open.amounts),
    }
}

fn failed_payments() -> Draw {
    let failed = figure::<i64>("failed_payments");
    Box::new(move || Figure {
        value: counted(failed()),
        note: Some(text::CREATED_TODAY.to_owned()),
        ..Figure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Currency, Money};

    #[test]
    fn currencies_stand_beside_each_other() {
        let revenue = |minor, code: &str, derived_minor| Revenue {
            money: Money { minor, currency: Currency(code.into()) },
            derived_minor,
        };
        let card = revenue_figure(&[revenue(41_820, "GBP", 0), revenue(3640, "EUR", 5)], Some(0));
        assert_eq!(card.value, Some(Quantity::bare("£418.20".into())));
        assert_eq!(card.note.as_deref(), Some("and €36.40"));
        assert_eq!(card.badges.len(), 1, "derived money is said to be");
        assert_eq!(revenue_figure(&[], Some(0)).value, Some(Quantity::bare("0".into())));
        assert_eq!(
            revenue_figure(&[], Some(2)).value,
            None,
            "captured money of which nobody knows how much is not zero"
        );
        assert!(revenue_figure(&[revenue(1, "GBP", 0)], Some(0)).badges.is_empty());
    }

    #[test]
    fn what_is_not_known_is_neither_drawn_nor_said_to_be_nothing() {
        assert_eq!(share(None, Some(7)), Picture::None);
        assert_eq!(share(Some(0), Some(7)), Picture::Share(0));
        assert_eq!(share(Some(7), Some(0)), Picture::None, "there is no whole");
        let open = |count, unknown| open_note(&Open { count, amounts: Vec::new(), unknown });
        assert_eq!([open(0, 0), open(2, 2)], [text::NONE_OPEN, text::AMOUNT_NOT_KNOWN]);
        assert_eq!(remark(Some(0), text::LEFT_OUT, ""), None);
        assert_eq!(
            remark(Some(3), text::LEFT_OUT, "").map(|badge| badge.word.into_owned()).as_deref(),
            Some("3 excluded")
        );
    }
}
