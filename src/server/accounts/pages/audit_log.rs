//! The audit log as a document: a filter form, a table, and a link to older entries.

use bson::{Bson, DateTime, Document};
use jiff::{Timestamp, tz::TimeZone};
use leptos::prelude::*;

use crate::server::accounts::text::device;
use crate::{
    domain::time::UtcMs,
    server::{
        accounts::text::audit_log as labels,
        auth::audit_log::{Action, AuditRecord},
    },
    web::{
        text,
        ui::{Empty, any_views, optional_view},
    },
};

/// The filter as it is in the URL, even if it cannot be followed.
#[derive(Clone, Debug, Default)]
pub struct FilterOption {
    pub action: String,
    pub who: String,
    pub from: String,
    pub to: String,
    pub result: String,
}

/// What is on the page.
pub struct AuditPage {
    pub choice: FilterOption,
    /// A field of the filter that cannot be followed, and why.
    pub wrong: Option<(&'static str, &'static str)>,
    /// Addresses of accounts, to choose from.
    pub accounts: Vec<String>,
    pub records: Vec<AuditRecord>,
    /// The network's time zone, in which times are shown.
    pub zone: TimeZone,
    /// Whether newer entries exist than these.
    pub later: bool,
    /// URL of the page after this one.
    pub older: Option<String>,
    /// URL of the CSV file.
    pub csv: String,
}

pub fn audit_log(page: AuditPage) -> impl IntoView {
    let chosen = page.choice.is_some();
    let newest = page.later.then(|| page.choice.address(PATH));
    let AuditPage { choice, wrong, accounts, records, zone, older, csv, .. } = page;
    // A wrong filter was not searched, so the page does not claim that nothing was found.
    let empty =
        (records.is_empty() && wrong.is_none()).then_some(if chosen { labels::NO_MATCH } else { labels::NO_ENTRIES });
    let records_are_none = records.is_empty();
    let rows = records.iter().map(|record| row(record, &zone)).collect::<Vec<_>>();
    let table = (!records_are_none).then(|| {
        view! {
            <table class="table entries">
                <thead>
                    <tr>
                        <th scope="col">{labels::WHEN}</th>
                        <th scope="col">{labels::WHAT}</th>
                        <th scope="col">{labels::WHO}</th>
                        <th scope="col">{labels::WHERE}</th>
                    </tr>
                </thead>
                <tbody>{any_views(rows)}</tbody>
            </table>
        }
    });
    let link = |href: Option<String>, word: &'static str| {
        optional_view(href, move |href| view! { <a class="button" href=href>{word}</a> })
    };
    view! {
        <section class="panel">
            {form(&choice, wrong, accounts)}
            <p class="about">{labels::about(zone.iana_name().unwrap_or("UTC"))} " " <a href=csv>{labels::DOWNLOAD}</a></p>
            {optional_view(table, |table| table)}
            {optional_view(empty, |words| view! { <Empty words /> })}
            <nav class="actions" aria-label=text::AUDIT_LOG>{link(newest, labels::NEWEST)} {link(older, labels::OLDER)}</nav>
        </section>
    }
}

/// The path of the page.
pub const PATH: &str = "/audit";

impl FilterOption {
    fn parts(&self) -> [(&'static str, &str); 5] {
        let Self { action, who, from, to, result } = self;
        [("action", action), ("who", who), ("from", from), ("to", to), ("result", result)]
    }

    fn is_some(&self) -> bool {
        self.parts().iter().any(|(_, value)| !value.is_empty())
    }

    /// The URL of this filter at another path.
    pub fn address(&self, path: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parts().into_iter().filter(|(_, value)| !value.is_empty()));
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

fn form(choice: &FilterOption, wrong: Option<(&'static str, &'static str)>, accounts: Vec<String>) -> AnyView {
    let options = |chosen: &str, all: Vec<(&'static str, &'static str)>| {
        let chosen = chosen.to_owned();
        any_views(all.into_iter().map(move |(value, word)| {
            view! { <option value=value selected=value == chosen>{word}</option> }
        }))
    };
    let actions = [("", labels::ANYTHING)].into_iter().chain(Action::all().map(|a| (a.name(), labels::action(a))));
    let results = vec![("", labels::ANY_RESULT), ("ok", labels::DONE), ("refused", labels::REFUSED)];
    let is_wrong = move |name| wrong.is_some_and(|(field, _)| field == name);
    let day = |name: &'static str, word: &'static str, value: &str| {
        let (wrong, value) = (is_wrong(name), value.to_owned());
        view! {
            <label>
                <span>{word}</span>
                <input
                    type="date"
                    name=name
                    value=value
                    aria-invalid=wrong.then_some("true")
                    aria-describedby=wrong.then_some(WRONG)
                    autofocus=wrong
                />
            </label>
        }
    };
    view! {
        <form class="period choice" method="get" action=PATH>
            <label>
                <span>{labels::WHAT}</span>
                <select name="action">{options(&choice.action, actions.collect())}</select>
            </label>
            <label>
                <span>{labels::WHO}</span>
                <input
                    name="who"
                    value=choice.who.clone()
                    title=labels::WHO_HINT
                    list="accounts"
                    maxlength="254"
                    spellcheck="false"
                    autocapitalize="none"
                    autocomplete="off"
                />
            </label>
            <datalist id="accounts">
                {any_views(accounts.into_iter().map(|email| view! { <option value=email></option> }))}
            </datalist>
            {day("from", labels::FROM_DAY, &choice.from)}
            {day("to", labels::TO_DAY, &choice.to)}
            <label>
                <span>{labels::RESULT}</span>
                <select name="result">{options(&choice.result, results)}</select>
            </label>
            <button class="button primary" type="submit">{labels::SHOW}</button>
            {optional_view(choice.is_some().then_some(PATH), |path| view! { <a class="button" href=path>{labels::SHOW_ALL}</a> })}
            {optional_view(wrong, |(_, why)| view! { <p class="alert" role="alert" id=WRONG>{why}</p> })}
        </form>
    }
    .into_any()
}

/// Element id of the message about a wrong field. The field refers to it.
const WRONG: &str = "wrong";

fn row(record: &AuditRecord, zone: &TimeZone) -> impl IntoView + use<> {
    let action = match &record.action {
        Ok(action) => labels::action(*action).to_owned(),
        Err(unknown) => unknown.clone(),
    };
    let reason = record.reason.as_ref().map(|reason| match reason {
        Ok(reason) => labels::reason(*reason).to_owned(),
        Err(unknown) => unknown.clone(),
    });
    let actor = labels::actor(record.actor.as_ref());
    let subject = record.subject.as_ref().map(|subject| subject.email.clone()).filter(|email| *email != actor);
    let address = record.address.clone().unwrap_or_else(|| text::MISSING.to_owned());
    let device = record.user_agent.as_deref().map(device);
    let class = if record.refused { "refused" } else { "" };
    let (at, time) = (UtcMs(record.at.timestamp_millis()).to_string(), local(record.at, zone));
    view! {
        <tr class=class>
            <td class="when"><time datetime=at>{time}</time></td>
            <td class="what">
                <strong>{action}</strong>
                {optional_view(reason, |reason| view! { <span>": " {reason}</span> })}
                {changes(record.before.as_ref(), record.after.as_ref(), zone)}
                {details(record)}
            </td>
            <td class="who">{actor} {optional_view(subject, |email| view! { <small>"→ " {email}</small> })}</td>
            <td class="where">{address} {optional_view(device, |device| view! { <small>{device}</small> })}</td>
        </tr>
    }
}

/// `28 May 2026 21:26:43`
fn local(at: DateTime, zone: &TimeZone) -> String {
    let utc = UtcMs(at.timestamp_millis());
    let at = Timestamp::from_millisecond(utc.0).map(|at| at.to_zoned_datetime(zone.clone()));
    // MongoDB's dates reach further than the calendar.
    at.map_or_else(|_| utc.to_string(), |at| at.strftime("%-d %b %Y %H:%M:%S").to_string())
}

/// The fields that differ from before, and those that are new.
fn changes(before: Option<&Document>, after: Option<&Document>, zone: &TimeZone) -> AnyView {
    let of = |document: Option<&Document>, name: &str| {
        document.and_then(|document| document.get(name)).map(|it| value(it, zone))
    };
    let names = |document: Option<&Document>| document.map(|d| d.keys().cloned().collect()).unwrap_or_default();
    let mut all: Vec<String> = names(before);
    all.extend(names(after).into_iter().filter(|name| before.is_none_or(|before| !before.contains_key(name))));
    let lines = all.iter().filter_map(|name| {
        let line = match (of(before, name), of(after, name)) {
            (Some(before), Some(after)) if before == after => return None,
            (Some(before), Some(after)) => format!("{before} → {after}"),
            (Some(before), None) => format!("{before} → {}", text::MISSING),
            (None, Some(after)) => after,
            (None, None) => return None,
        };
        let name = labels::field(name).to_owned();
        Some(view! { <li><span>{name} ": "</span> {line}</li> })
    });
    let lines = any_views(lines);
    optional_view((!lines.is_empty()).then_some(lines), |lines| view! { <ul aria-label=labels::CHANGED>{lines}</ul> })
}

fn value(value: &Bson, zone: &TimeZone) -> String {
    match value {
        Bson::String(text) => text.clone(),
        Bson::Boolean(yes) => labels::yes_no(*yes).to_owned(),
        Bson::DateTime(at) => local(*at, zone),
        other => other.clone().into_relaxed_extjson().to_string(),
    }
}

fn details(record: &AuditRecord) -> impl IntoView + use<> {
    let lines = [
        (labels::DEVICE, record.user_agent.clone()),
        (labels::REQUEST, record.request_id.clone()),
        (labels::ENTRY, Some(record.id.to_hex())),
    ];
    let lines = lines.into_iter().filter_map(|(word, text)| Some(view! { <li><span>{word} ": "</span> {text?}</li> }));
    view! {
        <details>
            <summary>{labels::DETAILS}</summary>
            <ul>{any_views(lines)}</ul>
        </details>
    }
}
