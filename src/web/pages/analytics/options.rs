//! How the page's charts are drawn first, built with the data that they begin with. Later data comes by the board.

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

/// The options by the charts' names, and the currency that the revenue is shown in: the one asked for, also where there was
/// none; else the network's, or what there is.
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
        // These follow the Overview's figures, which the page has already.
        ("power", parts::power(None, None, [0, 0])),
        ("evses", parts::evses(Vec::new())),
        ("payments", parts::payments(&payments_of(fields), pieces.period(), zone)),
        ("week", parts::week(&hours_of(fields), pieces.period(), zone)),
    ];
    let option = |(name, drawn): (&str, Drawn)| Some((name.to_owned(), drawn.chart?.option()));
    (currency, drawn.into_iter().filter_map(option).collect())
}
