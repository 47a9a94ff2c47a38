//! The options that first draw the page's charts, with the data that they begin with. Later data comes through the
//! board.

use std::collections::BTreeMap;

use super::{
    course::{Measure, Pieces, course, currencies},
    drawn::Drawn,
    parts,
};
use crate::domain::{
    analytics::{hours_of, payments_of},
    fields::Fields,
    money::Currency,
    range::Step,
    time::Zone,
};

/// Returns the options by the charts' names, and the currency of the revenue. That is the one asked for, even without
/// revenue in it; else the network's if it has revenue, or the first that has some.
pub fn options(
    fields: &Fields,
    step: Step,
    zone: &Zone,
    asked: Option<Currency>,
    network: &Currency,
) -> (Currency, BTreeMap<String, String>) {
    let pieces = Pieces::read(fields);
    let offered = currencies(&pieces);
    let known = |currency: &Currency| offered.contains(currency);
    let currency = asked.or_else(|| Some(network.clone()).filter(known)).or(offered.first().cloned());
    let currency = currency.unwrap_or_else(|| network.clone());
    let of_time = |measure: &Measure| course(measure, &pieces, step, zone);
    let drawn: [(&str, Drawn); 7] = [
        ("energy", of_time(&Measure::Energy)),
        ("sessions", of_time(&Measure::Sessions)),
        ("revenue", of_time(&Measure::Revenue(currency.clone()))),
        // These follow the Overview's figures, which the page already has.
        ("power", parts::power(None, None, [0, 0])),
        ("evses", parts::evses(Vec::new())),
        ("payments", parts::payments(&payments_of(fields), pieces.period(), zone)),
        ("week", parts::week(&hours_of(fields), pieces.period(), zone)),
    ];
    let option = |(name, drawn): (&str, Drawn)| Some((name.to_owned(), drawn.chart?.option()));
    (currency, drawn.into_iter().filter_map(option).collect())
}
