//! The options that first draw the page's charts, with the data that they begin with. Later data comes through the
//! board.

use std::collections::BTreeMap;

use super::{
    chart_view::ChartView,
    parts,
    time_series::{ChartMeasure, Pieces, currencies, time_series},
};
use crate::domain::{
    analytics::{hours_of, payments_of},
    fields::Fields,
    money::Currency,
    range::RangeStep,
    time::Zone,
};

/// Returns the options by the charts' names, and the currency of the revenue. That is the one asked for, even without
/// revenue in it; else the network's if it has revenue, or the first that has some.
pub fn options(
    fields: &Fields,
    step: RangeStep,
    zone: &Zone,
    asked: Option<Currency>,
    network: &Currency,
) -> (Currency, BTreeMap<String, String>) {
    let pieces = Pieces::read(fields);
    let offered = currencies(&pieces);
    let known = |currency: &Currency| offered.contains(currency);
    let currency = asked.or_else(|| Some(network.clone()).filter(known)).or(offered.first().cloned());
    let currency = currency.unwrap_or_else(|| network.clone());
    let of_time = |measure: &ChartMeasure| time_series(measure, &pieces, step, zone);
    let drawn: [(&str, ChartView); 7] = [
        ("energy", of_time(&ChartMeasure::Energy)),
        ("sessions", of_time(&ChartMeasure::Sessions)),
        ("revenue", of_time(&ChartMeasure::Revenue(currency.clone()))),
        // These follow the Overview's figures, which the page already has.
        ("power", parts::power(None, None, [None; 2])),
        ("evses", parts::evses(Vec::new())),
        ("payments", parts::payments(&payments_of(fields), pieces.period(), zone)),
        ("week", parts::week(&hours_of(fields), pieces.period(), zone)),
    ];
    let option = |(name, drawn): (&str, ChartView)| Some((name.to_owned(), drawn.chart?.option()));
    (currency, drawn.into_iter().filter_map(option).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::text;
    use serde_json::json;

    #[test]
    fn revenue_is_of_the_currency_that_was_asked_for() {
        let of = |revenue: serde_json::Value, asked: Option<&str>, network: &str| {
            let sums = json!({"energy": 0, "started": 1, "completed": 0, "revenue": revenue});
            let fields = json!({"piece:000000000000": {"from": 0, "to": 86_400_000, "sums": sums}});
            let fields: Fields = serde_json::from_value(fields).unwrap();
            let currency = |code: &str| Currency(code.to_owned());
            let (currency, options) =
                options(&fields, RangeStep::Day, &Zone::default(), asked.map(currency), &currency(network));
            assert!(options["revenue"].contains(text::money_unit(&currency).format.as_str()), "{}", options["revenue"]);
            currency.0
        };
        let both = || json!({"EUR": 5, "GBP": 7});
        assert_eq!(of(both(), Some("EUR"), "GBP"), "EUR");
        assert_eq!(of(both(), Some("CHF"), "GBP"), "CHF", "the chosen currency stays, even without any revenue in it");
        assert_eq!(of(both(), None, "GBP"), "GBP", "the network's");
        assert_eq!(of(both(), None, "CHF"), "EUR", "or the first that has some");
        assert_eq!(of(json!({}), None, "CHF"), "CHF");
    }
}
