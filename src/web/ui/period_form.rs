//! The choice of a period and a zone, as links and a plain form. It works without JavaScript, and keeps what was
//! typed even if it is wrong.

use leptos::{
    prelude::*,
    tachys::{
        html::property::IntoProperty,
        renderer::{Rndr, types::Element},
    },
};

use super::{any_views, optional_view};
use crate::{
    domain::{
        address::{Refused, escaped},
        range::{Range, RangeStep},
    },
    web::text,
};

/// The path and parameters of a page that shows a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub path: &'static str,
    /// Names and values as they were given.
    pub values: Vec<(&'static str, String)>,
}

impl Address {
    /// Takes the parameters in `names` that the address has.
    pub fn read(path: &'static str, names: &[&'static str], get: impl Fn(&str) -> Option<String>) -> Self {
        let values = names.iter().filter_map(|name| Some((*name, get(name).filter(|value| !value.is_empty())?)));
        Self { path, values: values.collect() }
    }

    pub fn get(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone())
    }

    /// Returns the address without a parameter.
    pub fn without(&self, name: &str) -> String {
        match self.values.iter().find(|(of, _)| *of == name) {
            Some((name, _)) => self.with(&[(*name, None)]),
            None => self.with(&[]),
        }
    }

    /// Returns the address with changed parameters. A name whose new value is `None` is left out.
    pub fn with(&self, changes: &[(&'static str, Option<&str>)]) -> String {
        let kept = self.values.iter().filter(|(name, _)| !changes.iter().any(|(of, _)| of == name));
        let kept = kept.map(|(name, value)| (*name, value.as_str()));
        let set = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let pairs: Vec<String> = kept.chain(set).map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if pairs.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }
}

/// Zones that are offered as suggestions. Any zone of the zone database is accepted.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York",
    "America/Denver",
    "America/Los_Angeles",
    "Asia/Tokyo",
];

/// Draws the form. `wrong` says what was wrong with the last choice.
pub fn period_form(address: &Address, zone: &str, wrong: Option<&Refused>) -> AnyView {
    let range = Range::read(|name| address.get(name)).ok();
    let presets = Range::OFFERED.map(|offered| {
        let last = format!("{}d", offered.len());
        // A step that is too fine for the period would be refused.
        let step = address.get("by").filter(|by| RangeStep::of_name(by).is_none_or(|step| step.fits(offered.len())));
        let href = address.with(&[("from", None), ("to", None), ("last", Some(&last)), ("by", step.as_deref())]);
        choice(href, text::charts::range(offered), range == Some(offered))
    });
    let hidden = address.values.iter().filter(|(name, _)| !matches!(*name, "from" | "to" | "last" | "zone"));
    let hidden = hidden.map(|(name, value)| view! { <input type="hidden" name=*name value=value.clone() /> });
    let date = |name: &'static str, word: &'static str| {
        let value = address.get(name).unwrap_or_default();
        view! {
            <label>
                <span>{word}</span>
                <input type="date" name=name value=value.clone() prop:value=DrawnForm(value) />
            </label>
        }
    };
    let chosen = address.get("zone").unwrap_or_else(|| zone.to_owned());
    let other = (!ZONES.contains(&zone)).then(|| zone.to_owned());
    let zones = other.into_iter().chain(ZONES.map(str::to_owned));
    view! {
        <form class="period" method="get" action=address.path>
            <nav class="tabs" aria-label=text::charts::PERIOD>{any_views(presets)}</nav>
            <div class="fields">
                {date("from", text::charts::FROM)}
                {date("to", text::charts::TO)}
                <label>
                    <span>{text::charts::ZONE}</span>
                    <input
                        name="zone"
                        value=chosen.clone()
                        prop:value=DrawnForm(chosen)
                        list="zones"
                        maxlength="64"
                        spellcheck="false"
                        autocapitalize="off"
                        autocomplete="off"
                    />
                </label>
                <datalist id="zones">{any_views(zones.map(|zone| view! { <option value=zone></option> }))}</datalist>
                {any_views(hidden)}
                <button class="button" type="submit">{text::charts::SHOW}</button>
            </div>
            {optional_view(wrong, |wrong| parameter_refused(address, wrong))}
        </form>
    }
    .into_any()
}

/// The error of a refused parameter, with a link to the page without it.
pub fn parameter_refused(address: &Address, Refused { name, why }: &Refused) -> AnyView {
    view! {
        <p class="alert" role="alert">
            {why.clone()} " " <a href=address.without(name)>{text::without(name)}</a>
        </p>
    }
    .into_any()
}

/// The value of a field when it is drawn. Hydration leaves the field as it is, because someone may have begun to
/// type.
#[derive(Clone)]
struct DrawnForm(String);

impl IntoProperty for DrawnForm {
    type State = Element;
    type Cloneable = Self;
    type CloneableOwned = Self;

    fn hydrate<const FROM_SERVER: bool>(self, element: &Element, name: &str) -> Element {
        if FROM_SERVER { element.clone() } else { self.build(element, name) }
    }

    fn build(self, element: &Element, name: &str) -> Element {
        let mut drawn = element.clone();
        self.rebuild(&mut drawn, name);
        drawn
    }

    fn rebuild(self, element: &mut Element, name: &str) {
        Rndr::set_property_or_value(element, name, &self.0.into());
    }

    fn into_cloneable(self) -> Self {
        self
    }

    fn into_cloneable_owned(self) -> Self {
        self
    }
}

/// One of several choices, as a link.
pub fn choice(href: String, word: impl Into<String>, chosen: bool) -> AnyView {
    let current = if chosen { "true" } else { "false" };
    view! { <a href=href aria-current=current>{word.into()}</a> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_where_it_is_told_to() {
        let values = [("last", "7d"), ("zone", "Europe/London"), ("by", "")];
        let get = |name: &str| values.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        let address = Address::read("/analytics", &["last", "zone", "by", "against"], get);
        assert_eq!(address.with(&[("by", Some("day"))]), "/analytics?last=7d&zone=Europe/London&by=day");
        assert_eq!(address.with(&[("last", None), ("zone", None)]), "/analytics");
    }

    #[test]
    fn what_was_typed_stays_when_it_is_wrong() {
        let given = [("from", "2018-02-30"), ("by", "hour")];
        let get = |name: &str| given.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        let address = Address::read("/analytics", &["from", "to", "by"], get);
        let html = Owner::new()
            .with(|| period_form(&address, "Europe/London", Some(&Refused::new("from", "no date"))).to_html());
        for part in ["value=\"2018-02-30\"", "role=\"alert\"", "<a href=\"/analytics?by=hour\">Show without “from”</a>"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(html.contains("href=\"/analytics?last=7d&amp;by=hour\""), "a step stays where it fits: {html}");
        assert!(html.contains("href=\"/analytics?last=90d\""), "a step that is too fine does not: {html}");
    }
}
