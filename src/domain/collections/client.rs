//! `clients`: the people and companies that charge.

use super::table::table;
use crate::domain::status::ClientStatus;

table! {
    Client by Newest(created_at) {
        client_id: Id "Number" [Reported] theirs("userid", "customerid", "driverid", "accountid", "id", "uuid", "number");
        name: Text "Client" [Reported] theirs("fullname", "displayname", "username");
        email: Text "E-mail" theirs("mail", "emailaddress");
        company: Text theirs("companyname", "organisation", "organization");
        client_type: Text "Type" theirs("type", "accounttype", "customertype", "segment");
        status: Status(ClientStatus) "Status" theirs("state");
        tokens: Count "Cards";
        country_code: Text "Country";
        locale: Text theirs("language", "lang", "preferredlanguage");
        currency: Currency theirs("currencycode");
        created_at: Date "Created" theirs("created", "timestamp", "date", "registeredat", "joinedat");
        last_session_at: Date "Last session" [Routine] theirs("lastsession", "lastchargeat", "lastcharge");
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
    }
    unread {
        phone: Text;
        source: Document;
    }
}
