//! Without the log's compare-and-set the histories go wrong. This proves that they can see what they check.

use super::histories;
use crate::guards::{Guard, off};

#[test]
fn without_compare_and_set_a_number_is_given_twice() {
    let _off = off(Guard::CompareAndSet);
    assert!(histories::run(3000).is_err(), "nothing was missed");
}
