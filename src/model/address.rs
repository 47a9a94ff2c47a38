//! Texts within addresses.

use std::fmt::Write;

/// The text as a value of an address's query: what means nothing there stays readable, as in `Europe/London`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/,:@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Nothing can go wrong when a text is written to.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(escaped("Europe/London"), "Europe/London");
        assert_eq!(escaped("Etc/GMT+1"), "Etc/GMT%2B1");
        assert_eq!(escaped("a&b=ü #"), "a%26b%3D%C3%BC%20%23");
    }
}
