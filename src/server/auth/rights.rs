//! What an account may do beyond signing in. Today only admins sign in, and an admin may do everything.

use super::user::UserRole;

/// Each right includes [`Read`](Self::Read).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See, export, and keep own views.
    Read,
    /// Act on stations, EVSEs and sessions, and write notes.
    Operate,
    /// Act on payments, and correct energy.
    Money,
    /// Act on clients, and give rights.
    Admin,
}

impl UserRole {
    /// Deny by default: an unknown role has no right.
    pub const fn grants(&self, right: Right) -> bool {
        match (self, right) {
            (Self::Admin, Right::Read | Right::Operate | Right::Money | Right::Admin) => true,
            (Self::Unknown(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_may_do_everything_and_nobody_else_anything() {
        for right in [Right::Read, Right::Operate, Right::Money, Right::Admin] {
            assert!(UserRole::Admin.grants(right), "{right:?}");
            for role in [UserRole::no_access(), UserRole::from("Admin".to_owned()), UserRole::from(String::new())] {
                assert!(!role.grants(right), "{role} {right:?}");
            }
        }
    }
}
