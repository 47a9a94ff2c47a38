//! An action's page: whom it is about, what will be done, the reason, and the button; or why it cannot be done.

use bson::Document;
use leptos::prelude::*;

use super::{action::Action, attempt::ActionRefused, outlook::Outlook};
use crate::{
    domain::text,
    server::{
        accounts::{
            documents::Times,
            pages::{FieldErrors, FormField, done_note, facts},
        },
        auth::administration::timestamp,
    },
};

/// The field of the form that holds it.
pub const REASON: &str = "reason";
/// Names the whole form where an error concerns no single field.
pub const FORM: &str = "";

const NAME: &str = "Name";
const NUMBER: &str = "Number";
const STATUS: &str = "Status";
const AFTER: &str = "Afterwards";
const REASON_LABEL: &str = "Reason";
const REASON_HINT: &str = "It stands in the audit log, and here until it is taken back.";
const CANCEL: &str = "Cancel";

pub struct ActionPage {
    pub action: &'static Action,
    pub id: String,
    pub outlook: Outlook,
    /// As it was entered before.
    pub reason: String,
    pub wrong: Option<FieldErrors>,
    pub done: Option<&'static str>,
}

pub fn action(page: ActionPage, times: &Times) -> impl IntoView + use<> {
    let ActionPage { action, id, outlook: Outlook { row, mark, next, refused }, reason, wrong, done } = page;
    let value = |name: &str| row.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let status = value("status").map(|code| text::status(action.of, &code).into_owned());
    let of = |text: Option<String>| {
        text.map_or_else(|| text::MISSING.to_owned(), |text| text::displayable(text.into()).into_owned())
    };
    let next = next.map(|code| text::status(action.of, &code).into_owned());
    let blocked = mark.map(|mark| blocked(&mark, times));
    // What prevents the action comes first, because no other input removes it.
    let why = refused.as_ref().map(ActionRefused::sentence);
    let why = why.or_else(|| wrong.as_ref().filter(|wrong| wrong.field == FORM).map(|wrong| wrong.why.clone()));
    let key = format!("{:032x}", rand::random::<u128>());
    let field = FormField { value: Some(reason), first: done.is_none(), ..FormField::text(REASON_LABEL, REASON) };
    let to = action.address(&id);
    view! {
        {done_note(done)}
        <section class="panel">
            {facts([(NAME, of(value("name"))), (NUMBER, of(Some(id))), (STATUS, of(status)), (AFTER, of(next))])}
            {blocked.map(|blocked| facts([(action.words.marked, blocked)]))}
            <form class="form body" method="post" action=to>
                <p>{action.words.question}</p>
                {why.map(|why| view! { <p class="alert" role="alert" id="why">{why}</p> })}
                {field.with_hint(REASON_HINT).view(wrong.as_ref())}
                <input type="hidden" name="key" value=key />
                <p class="actions">
                    <button
                        class="button primary"
                        type="submit"
                        disabled=refused.is_some()
                        aria-describedby=refused.is_some().then_some("why")
                    >
                        {action.words.button}
                    </button>
                    <a class="button" href=action.of.page()>{CANCEL}</a>
                </p>
            </form>
        </section>
    }
}

/// `28 May, 21:26 by ada@example.org: owes money`
fn blocked(mark: &Document, times: &Times) -> String {
    let text = |name: &str| shown(mark.get_str(name).unwrap_or(text::MISSING).to_owned());
    let at = mark.get_datetime("at").map(|at| times.stamp(timestamp(*at)));
    format!("{} by {}: {}", at.unwrap_or_else(|_| text::MISSING.to_owned()), text("by"), text("reason"))
}

fn shown(text: String) -> String {
    text::displayable(text.into()).into_owned()
}
