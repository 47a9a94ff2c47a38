use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;
use crate::{domain::money::Currency, server::mapping::Definition};

fn index(keys: Document, more: Document) -> Index {
    let mut listed = doc! {"name": name(&keys), "key": keys};
    listed.extend(more);
    Index::read(listed).unwrap()
}

fn mapped(names: &[(&str, &str)]) -> Mapping {
    let names: BTreeMap<_, _> = names.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let definition = Definition { names, ..Definition::default() };
    Mapping::new([(Collection::Payments, definition)].into(), &Currency("GBP".into()), &TimeZone::UTC)
}

#[test]
fn each_index_is_of_one_field_alone_or_before_the_id() {
    for collection in Collection::ALL {
        for keys in wanted(&Mapping::default(), collection) {
            let fields: Vec<_> = keys.keys().map(String::as_str).collect();
            assert!(matches!(fields[..], [_] | [_, "_id"]), "{collection} {keys}");
            let made = create(collection, &[keys]);
            let one = made.get_array("indexes").unwrap()[0].as_document().unwrap();
            assert_eq!(one.keys().collect::<Vec<_>>(), ["name", "key"], "nothing that could refuse a write");
        }
    }
}

#[test]
fn what_stands_in_one_place_has_one_index_and_an_element_of_a_list_has_none() {
    let mapping = mapped(&[
        ("payment_id", "_id"),
        ("captured_at", "at"),
        ("created_at", "at"),
        ("session_id", "meta.session"),
        ("client_id", "people.0.id"),
    ]);
    let wanted = wanted(&mapping, Collection::Payments);
    assert_eq!(wanted, [doc! {"at": 1, "_id": 1}, doc! {"meta.session": 1}, doc! {"status": 1}]);
}

#[test]
fn an_operators_own_index_serves_where_it_holds_every_document_in_that_order() {
    let (one, two) = (doc! {"session_id": 1}, doc! {"created_at": 1, "_id": 1});
    assert!(index(doc! {"session_id": -1, "x": 1}, doc! {}).serves(&one));
    assert!(index(doc! {"session_id": 1.0}, doc! {"unique": true}).serves(&one));
    assert!(index(doc! {"created_at": -1, "_id": -1_i64}, doc! {}).serves(&two));
    for (keys, more) in [
        (doc! {"session_id": "hashed"}, doc! {}),
        (doc! {"x": 1, "session_id": 1}, doc! {}),
        (doc! {"session_id": 1}, doc! {"sparse": true}),
        (doc! {"session_id": 1}, doc! {"hidden": true}),
        (doc! {"session_id": 1}, doc! {"collation": {"locale": "en"}}),
        (doc! {"session_id": 1}, doc! {"partialFilterExpression": {"session_id": {"$type": "string"}}}),
    ] {
        let index = index(keys, more);
        assert!(!index.serves(&one), "{index:?}");
    }
    for keys in [doc! {"created_at": 1}, doc! {"created_at": 1, "_id": -1}, doc! {"created_at": 1, "x": 1}] {
        assert!(!index(keys, doc! {}).serves(&two));
    }
}

#[test]
fn only_what_equals_an_earlier_one_in_all_is_taken_for_it() {
    let unique = |more: Document| {
        let mut options = doc! {"unique": true, "partialFilterExpression": {"reference": {"$type": "string"}}};
        options.extend(more);
        index(doc! {"reference": 1}, options)
    };
    let mapping = mapped(&[("payment_id", "reference")]);
    let is = |index: &Index| index.is_earlier(&mapping, Collection::Payments);
    assert!(is(&unique(doc! {})));
    assert!(!unique(doc! {}).is_earlier(&Mapping::default(), Collection::Payments), "of another mapping");
    assert!(unique(doc! {}).may_be_earlier(), "and said to be perhaps one");
    assert!(!is(&unique(doc! {"unique": false})) && !is(&unique(doc! {"name": "mine"})));
    assert!(!is(&unique(doc! {"sparse": true})) && !is(&unique(doc! {"expireAfterSeconds": 1})));
    assert!(!is(&unique(doc! {"partialFilterExpression": {"reference": {"$exists": true}}})));
    assert!(is(&index(doc! {"status": 1, "created_at": -1, "_id": -1}, doc! {})));
    assert!(!is(&index(doc! {"status": 1, "created_at": -1, "_id": -1}, doc! {"unique": true})));
    assert!(!is(&index(doc! {"status": 1, "created_at": 1}, doc! {})), "an operator's own");
    assert!(!index(doc! {"status": 1}, doc! {"unique": true}).may_be_earlier());
}

#[test]
fn room_is_left_for_the_operators_own() {
    assert!(has_room(46, 6) && !has_room(47, 6));
}
