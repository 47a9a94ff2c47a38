//! Statuses, each with the role in which it is drawn. A status unknown to us is kept as it is. Figures name only so many
//! unknown ones, whatever a database holds.

use std::{cmp::Reverse, collections::BTreeMap};

/// The status under which figures count all unknown ones that they do not name. No list can be asked for it, because
/// no document tells which those are.
pub const REST: &str = "…";
/// How many unknown statuses a figure names: those that most have.
const NAMED: usize = 20;
/// A longer text is no word for a status.
const WORD_MAX: usize = 32;
/// A text with more digits is no word for a status, but an id, a date or a number.
const DIGITS_MAX: usize = 2;

/// How a state looks: always a shape and a word as well as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// disc
    Ok,
    /// bolt
    Busy,
    /// diamond
    Wait,
    /// triangle
    Bad,
    /// dashed ring
    Off,
}

/// The statuses of a standard, in its order, each with its role.
pub type States = &'static [(&'static str, Role)];

macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal $role:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($variant,)*
            /// Not in the standard; shown as it is.
            Other(String),
        }

        impl $name {
            /// The statuses of the standard, in its order.
            pub const KNOWN: &'static [$name] = &[$($name::$variant,)*];
            /// Sorts before every other status, because they sort in the standard's order, and those that it does not
            /// have after them.
            pub const LEAST: &'static $name = match Self::KNOWN {
                [least, ..] => least,
                [] => panic!("a standard has statuses"),
            };
            pub const STATES: States = &[$(($code, Role::$role),)*];

            pub fn code(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(code) => code,
                }
            }

            pub const fn role(&self) -> Role {
                match self {
                    $(Self::$variant => Role::$role,)*
                    Self::Other(_) => Role::Off,
                }
            }

            /// The status under which figures count this one. An unknown one that is no word counts as `…`.
            #[must_use]
            pub fn counted(&self) -> Self {
                match self {
                    Self::Other(code) if !is_word(code) => Self::Other(REST.to_owned()),
                    status => status.clone(),
                }
            }
        }

        impl From<String> for $name {
            fn from(code: String) -> Self {
                match code.as_str() {
                    $($code => Self::$variant,)*
                    _ => Self::Other(code),
                }
            }
        }

        impl From<$name> for String {
            fn from(status: $name) -> Self {
                status.code().to_owned()
            }
        }
    };
}

status! {
    /// OCPI 2.2.1 `Status` of an EVSE.
    EvseStatus {
        Available = "AVAILABLE" Ok,
        Charging = "CHARGING" Busy,
        Reserved = "RESERVED" Wait,
        Blocked = "BLOCKED" Wait,
        Planned = "PLANNED" Wait,
        OutOfOrder = "OUTOFORDER" Bad,
        Inoperative = "INOPERATIVE" Off,
        Unknown = "UNKNOWN" Off,
        Removed = "REMOVED" Off,
    }
}

status! {
    /// OCPI 2.2.1 `SessionStatus`. COMPLETED and INVALID are final.
    SessionStatus {
        Pending = "PENDING" Wait,
        Reservation = "RESERVATION" Wait,
        Active = "ACTIVE" Busy,
        Completed = "COMPLETED" Ok,
        Invalid = "INVALID" Bad,
    }
}

status! {
    /// OCPP 2.0.1 `ChargingStateEnumType`.
    ChargingState {
        Charging = "Charging" Busy,
        EvConnected = "EVConnected" Wait,
        SuspendedEv = "SuspendedEV" Wait,
        SuspendedEvse = "SuspendedEVSE" Wait,
        Idle = "Idle" Off,
    }
}

status! {
    /// A payment's status. OCPI 2.2.1 has none, so this joins those that payment systems in the field use.
    PaymentStatus {
        Pending = "PENDING" Wait,
        Authorized = "AUTHORIZED" Busy,
        Captured = "CAPTURED" Ok,
        PartiallyRefunded = "PARTIALLY_REFUNDED" Wait,
        Refunded = "REFUNDED" Off,
        Disputed = "DISPUTED" Wait,
        Failed = "FAILED" Bad,
        Cancelled = "CANCELLED" Off,
    }
}

status! {
    ClientStatus {
        Active = "ACTIVE" Ok,
        Pending = "PENDING" Wait,
        Inactive = "INACTIVE" Off,
        Blocked = "BLOCKED" Bad,
        Locked = "LOCKED" Bad,
    }
}

status! {
    /// Whether a station's connection to its management system is up.
    Connection {
        Online = "ONLINE" Ok,
        Offline = "OFFLINE" Bad,
        Unknown = "UNKNOWN" Off,
    }
}

impl PaymentStatus {
    /// Those that count as revenue (captured minus refunded).
    pub const REVENUE: &'static [Self] = &[Self::Captured, Self::PartiallyRefunded, Self::Refunded, Self::Disputed];
    /// Those whose money is expected but not captured yet.
    pub const OPEN: &'static [Self] = &[Self::Pending, Self::Authorized];

    pub fn is_revenue(&self) -> bool {
        Self::REVENUE.contains(self)
    }

    pub fn is_open(&self) -> bool {
        Self::OPEN.contains(self)
    }
}

/// Whether an unknown status can be one at all.
fn is_word(code: &str) -> bool {
    !code.trim().is_empty() && code.len() <= WORD_MAX && code.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_MAX
}

/// Whether a list can be asked for a status. In an address commas stand between statuses.
fn is_asked(code: &str) -> bool {
    code != REST && !code.contains(|c: char| c == ',' || c.is_control())
}

/// Counts by status with the known statuses, the 20 unknown ones that most have, and all others as `…`. Each that is
/// named has a list.
pub fn named<S: Ord + Clone + From<String> + Into<String>>(mut counts: BTreeMap<S, i64>) -> BTreeMap<S, i64> {
    // An unknown status sorts after all known ones.
    let unknown = counts.split_off(&S::from(String::new()));
    let (mut unknown, rest): (Vec<_>, Vec<_>) =
        unknown.into_iter().partition(|(status, _)| is_asked(&status.clone().into()));
    unknown.sort_by_key(|(_, n)| Reverse(*n));
    let rest = unknown.split_off(unknown.len().min(NAMED)).into_iter().chain(rest);
    let others = rest.fold(0, |sum: i64, (_, n)| sum.wrapping_add(n));
    counts.extend(unknown);
    if others != 0 {
        counts.insert(S::from(REST.to_owned()), others);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_statuses_begin_at_the_least() {
        let odd = EvseStatus::from(String::new());
        assert!(EvseStatus::KNOWN.iter().chain([&odd]).all(|status| EvseStatus::LEAST <= status));
    }

    #[test]
    fn unknown_codes_are_kept() {
        let odd = PaymentStatus::from("completed".to_owned());
        assert_eq!((odd.code(), odd.role()), ("completed", Role::Off));
        for known in EvseStatus::KNOWN {
            assert_eq!(&EvseStatus::from(known.code().to_owned()), known);
            assert_eq!(&known.counted(), known);
        }
    }

    #[test]
    fn an_unknown_status_counts_under_its_name_if_it_is_a_word() {
        let counted = |code: &str| SessionStatus::from(code.to_owned()).counted().code().to_owned();
        for word in ["completed", "settled?", "Préparation", "IN_USE_2", "50", "zwischengespeichert und bezahlt"] {
            assert_eq!(counted(word), word);
        }
        let long = "x".repeat(WORD_MAX + 1);
        for other in [" ", &long, "2026-06-01", "0e2c3b54-8c0b-4a7e-9c39-3c4c9b8e2f10", "order 4711", REST] {
            assert_eq!(counted(other), REST);
        }
    }

    #[test]
    fn however_many_statuses_there_are_a_few_have_a_name_and_none_is_lost() {
        let unknown = |n: i64| PaymentStatus::Other(char::from(u8::try_from(n).unwrap()).to_string().repeat(2));
        let most = (97..123).map(|n| (unknown(n), n));
        let counts: BTreeMap<PaymentStatus, i64> = most
            .chain([
                (PaymentStatus::Captured, 1),
                (PaymentStatus::Cancelled, 2),
                (PaymentStatus::Other(REST.into()), 5),
            ])
            .collect();
        let few = named(counts.clone());
        assert_eq!(few.len(), 2 + NAMED + 1);
        assert_eq!(few.values().sum::<i64>(), counts.values().sum::<i64>());
        assert_eq!((few[&PaymentStatus::Captured], few[&PaymentStatus::Cancelled]), (1, 2));
        assert_eq!((few.get(&unknown(102)), few.get(&unknown(103))), (None, Some(&103)), "those that most have");
        assert_eq!(named(few.clone()), few);
        let known: BTreeMap<PaymentStatus, i64> =
            PaymentStatus::KNOWN.iter().map(|status| (status.clone(), 1)).collect();
        assert_eq!(named(known.clone()), known, "all are known");
    }
}
