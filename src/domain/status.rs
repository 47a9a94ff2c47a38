//! Statuses, each with the role in which it is drawn. A status unknown to us is kept as it is.

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
        }
    }
}
