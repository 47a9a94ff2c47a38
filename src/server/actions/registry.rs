//! All actions.

use super::{
    action::Action,
    block::{BLOCK, UNBLOCK},
};

pub static ALL: [&Action; 2] = [&BLOCK, &UNBLOCK];
