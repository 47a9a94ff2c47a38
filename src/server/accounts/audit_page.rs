//! `/audit` and `/api/v1/audit.csv`: the audit log for admins, as a page and as a file.

use std::time::Instant;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use bson::DateTime;
use futures_util::TryStreamExt;
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::documents::AccountPages;
use crate::{
    domain::time::UtcMs,
    server::{
        accounts::{
            pages::audit_log::{AuditPage, FilterOption, PATH, audit_log},
            text::audit_log as labels,
        },
        auth::{
            CurrentAdmin, Unavailable,
            audit_log::{Action, Actor, AuditFilter, AuditRecord, Cursor, EntriesPage},
        },
        csv::{self, CsvField},
        mongo::{TIME_EXPIRED, error_code},
        problem::Problem,
    },
    web::text,
};

pub const FILE: &str = "/api/v1/audit.csv";

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditForm {
    action: String,
    who: String,
    from: String,
    to: String,
    result: String,
    /// Where the page begins.
    after: String,
}

type GivenForm = Result<Query<AuditForm>, QueryRejection>;

/// A field whose value cannot be followed, and why.
type Wrong = (&'static str, &'static str);

/// The page. It shows what is wrong with a filter that cannot be followed. The log is read in the account's turn, as a
/// list of documents is.
///
/// # Errors
/// 400 for a URL that no form produces, 429 for an account over its budget, 503 while MongoDB is away.
pub async fn page(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    asked: GivenForm,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| bad_address())?;
    let after = match asked.after.as_str() {
        "" => None,
        after => Some(after.parse::<Cursor>().map_err(|_| bad_address())?),
    };
    let (read, wrong) = match filter(&asked, &documents.network.time_zone) {
        Ok(filter) => (Some(entries(&documents, &admin, filter, after).await?), None),
        Err(wrong) => (None, Some(wrong)),
    };
    let accounts = documents.auth.users.list().await?.into_iter().map(|user| user.email).collect();
    let choice = choice(asked);
    let (records, next) = read.map(|page| (page.records, page.next)).unwrap_or_default();
    let older = next.map(|cursor| {
        let address = choice.address(PATH);
        format!("{address}{}after={cursor}", if address.contains('?') { '&' } else { '?' })
    });
    let zone = documents.network.time_zone.clone();
    let csv = choice.address(FILE);
    let page = AuditPage { choice, wrong, accounts, records, zone, later: after.is_some(), older, csv };
    Ok(documents.framed(&admin, PATH, text::AUDIT_LOG, |_| audit_log(page)))
}

async fn entries(
    documents: &AccountPages,
    admin: &CurrentAdmin,
    filter: AuditFilter,
    after: Option<Cursor>,
) -> Result<EntriesPage, Problem> {
    let (asker, log) = (documents.budgets.of(admin.user), documents.auth.audit.clone());
    let looked_at = log.looks_at(&filter, after).await.map_err(Unavailable::from)?;
    let read = async move {
        let began = Instant::now();
        let page = log.page(&filter, after).await;
        (page, began.elapsed())
    };
    let (page, took) = asker.in_turn(looked_at, read).await?;
    asker.settle(looked_at, took, 0).await;
    page.map_err(not_read)
}

fn not_read(error: mongodb::error::Error) -> Problem {
    if error_code(&error) == Some(TIME_EXPIRED) {
        return Problem::takes_too_long();
    }
    Unavailable::from(error).into()
}

/// All entries that match the filter, as a file. It costs all entries, and is one of the few exports that an admin may
/// have under way, so it does not wait for the account's turn.
///
/// # Errors
/// 400 for a filter that cannot be followed, 429 for an account over its budget, 503 while MongoDB is away.
pub async fn file(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    asked: GivenForm,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| bad_address())?;
    let filter = filter(&asked, &documents.network.time_zone)
        .map_err(|(_, why)| Problem::new(StatusCode::BAD_REQUEST, "bad_choice", why))?;
    let log = &documents.auth.audit;
    documents.budgets.of(admin.user).pay(log.size().await.map_err(Unavailable::from)?).await?;
    let records = log.all(&filter).await.map_err(not_read)?;
    let head = HEAD.map(CsvField::text).to_vec();
    let head = futures_util::stream::once(std::future::ready(Ok(head)));
    let rows = futures_util::StreamExt::chain(head, records.map_ok(|record| fields(&record)));
    Ok(csv::streamed("chargedeck-audit.csv", HEAD.len(), rows))
}

const HEAD: [&str; 15] = [
    "at",
    "action",
    "result",
    "reason",
    "actor",
    "actor_id",
    "actor_email",
    "subject_id",
    "subject_email",
    "address",
    "user_agent",
    "request_id",
    "before",
    "after",
    "entry",
];

/// The values as they are stored, for programs; times are UTC.
fn fields(record: &AuditRecord) -> Vec<CsvField> {
    let text = |text: Option<String>| text.map_or(CsvField::Missing, CsvField::Text);
    let json = |document: &Option<bson::Document>| {
        text(document.clone().map(|document| bson::Bson::Document(document).into_relaxed_extjson().to_string()))
    };
    let (actor, actor_id, actor_email) = match &record.actor {
        Some(Actor::User { id, email }) => ("user", Some(id.to_string()), Some(email.clone())),
        Some(Actor::CommandLine) => ("command_line", None, None),
        Some(Actor::Nobody) => ("nobody", None, None),
        None => ("", None, None),
    };
    let subject = record.subject.as_ref();
    vec![
        CsvField::text(UtcMs(record.at.timestamp_millis()).to_string()),
        CsvField::text(record.action.as_ref().map_or_else(String::as_str, |action| action.name())),
        CsvField::text(if record.refused { "refused" } else { "ok" }),
        text(record.reason.as_ref().map(|reason| match reason {
            Ok(reason) => reason.name().to_owned(),
            Err(unknown) => unknown.clone(),
        })),
        CsvField::text(actor),
        text(actor_id),
        text(actor_email),
        text(subject.and_then(|subject| subject.id).map(|id| id.to_string())),
        text(subject.map(|subject| subject.email.clone())),
        text(record.address.clone()),
        text(record.user_agent.clone()),
        text(record.request_id.clone()),
        json(&record.before),
        json(&record.after),
        CsvField::text(record.id.to_hex()),
    ]
}

/// Days are in the network's time zone. The first and the last day are both included.
fn filter(asked: &AuditForm, zone: &TimeZone) -> Result<AuditFilter, Wrong> {
    let day = |field: &'static str, text: &str, next: bool| -> Result<Option<DateTime>, Wrong> {
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = (field, labels::NOT_A_DAY);
        let day: Date = text.parse().map_err(|_| wrong)?;
        let day = if next { day.tomorrow().map_err(|_| wrong)? } else { day };
        let begin = day.to_zoned_datetime(zone.clone()).map_err(|_| wrong)?;
        Ok(Some(DateTime::from_millis(begin.timestamp().as_millisecond())))
    };
    let action = match asked.action.as_str() {
        "" => None,
        name => Some(Action::of_name(name).ok_or(("action", labels::CHOICE_WRONG))?),
    };
    let refused = match asked.result.as_str() {
        "" => None,
        "ok" => Some(false),
        "refused" => Some(true),
        _ => return Err(("result", labels::CHOICE_WRONG)),
    };
    let who = asked.who.trim().to_lowercase();
    Ok(AuditFilter {
        action,
        who: (!who.is_empty()).then_some(who),
        from: day("from", &asked.from, false)?,
        before: day("to", &asked.to, true)?,
        refused,
    })
}

fn choice(asked: AuditForm) -> FilterOption {
    let AuditForm { action, who, from, to, result, .. } = asked;
    FilterOption { action, who, from, to, result }
}

fn bad_address() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_address",
        "The address of this page was changed or cut. Begin at the audit log.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> AuditForm {
        AuditForm { from: from.into(), to: to.into(), ..AuditForm::default() }
    }

    #[test]
    fn days_are_those_of_the_networks_zone_and_the_last_one_counts() {
        let zone = TimeZone::get("Europe/London").unwrap();
        // The clocks go back on 25 October: the day has 25 hours.
        let chosen = filter(&asked("2026-10-25", "2026-10-25"), &zone).unwrap();
        let at = |text| Some(DateTime::parse_rfc3339_str(text).unwrap());
        assert_eq!((chosen.from, chosen.before), (at("2026-10-24T23:00:00Z"), at("2026-10-26T00:00:00Z")));
        assert_eq!(filter(&asked("", ""), &zone), Ok(AuditFilter::default()));
        for (from, to, field) in [("yesterday", "", "from"), ("", "2026-13-01", "to"), ("{\"$gt\":1}", "", "from")] {
            assert_eq!(filter(&asked(from, to), &zone).unwrap_err().0, field);
        }
        let odd = |action: &str, result: &str| AuditForm {
            action: action.into(),
            result: result.into(),
            ..AuditForm::default()
        };
        assert_eq!(filter(&odd("$where", ""), &zone).unwrap_err().0, "action");
        assert_eq!(filter(&odd("", "$ne"), &zone).unwrap_err().0, "result");
    }
}
