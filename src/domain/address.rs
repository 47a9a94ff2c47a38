//! Texts within addresses, and their parameters. Each parameter is followed, or refused with the reason.

use std::fmt::Write;

/// A choice in an address that cannot be followed. It holds the reason, in words for the person who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadChoice(pub String);

impl BadChoice {
    /// The error for a name in an address that no choice of the page has.
    pub fn unknown(name: &str) -> Self {
        Self(format!("This page has no option “{}”.", clip(name)))
    }

    /// The error for a name that no column of reports has.
    pub fn unsortable(name: &str) -> Self {
        Self(format!("Reports cannot be sorted by “{}”.", clip(name)))
    }
}

/// Cuts a text to 60 characters and drops control characters, so that it can be shown to the person who wrote it.
pub fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// A parameter of an address that cannot be followed: which one, and why, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    pub name: String,
    pub why: String,
}

impl Refused {
    pub fn new(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), why: why.into() }
    }

    /// The error for a value that the parameter does not take. `instead` says what to give.
    pub fn value(name: &str, value: &str, instead: &str) -> Self {
        Self::new(name, format!("“{name}” cannot be “{}”: {instead}", clip(value)))
    }

    /// Turns what is wrong with a parameter's value into an error that names the parameter.
    pub fn of(name: &'static str) -> impl Fn(BadChoice) -> Self {
        move |BadChoice(why)| Self::new(name, why)
    }
}

/// The longest zone name that is looked up, in bytes.
const ZONE_MAX: usize = 64;

/// Reads the parameter `zone`. Without it, the network's is used.
///
/// # Errors
/// The name is too long to be looked up.
pub fn zone(get: impl Fn(&str) -> Option<String>, network: &str) -> Result<String, Refused> {
    let zone = get("zone").filter(|zone| !zone.is_empty()).unwrap_or_else(|| network.to_owned());
    if zone.len() > ZONE_MAX {
        return Err(Refused::new("zone", "No time zone has such a long name."));
    }
    Ok(zone)
}

/// The parameters of an address by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Takes what an address gives, if all of it can be followed. An empty value counts as missing, because forms
    /// also send fields that were not filled in.
    ///
    /// # Errors
    /// If a name is not one of `names`, or stands twice.
    pub fn read<N: AsRef<str>>(given: impl IntoIterator<Item = (N, String)>, names: &[&str]) -> Result<Self, Refused> {
        let mut all = Self::default();
        for (name, value) in given {
            let name = name.as_ref();
            if !names.contains(&name) {
                let (name, names) = (clip(name), names.join(", "));
                return Err(Refused::new(&name, format!("There is no parameter “{name}” here. There are {names}.")));
            }
            if all.get(name).is_some() {
                return Err(Refused::new(name, format!("“{name}” may be given only once.")));
            }
            if !value.is_empty() {
                all.0.push((name.to_owned(), value));
            }
        }
        Ok(all)
    }

    pub fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
    }
}

/// Escapes a text as a value in an address's query. Characters without a meaning there stay readable, as in
/// `Europe/London`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/,:@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_followed_or_refused() {
        let read = |given: &[(&str, &str)]| {
            let given = given.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Params::read(given, &["by", "zone"]).map_err(|refused| (refused.name, refused.why))
        };
        let params = read(&[("by", "day"), ("zone", "")]).unwrap();
        assert_eq!((params.get("by").as_deref(), params.get("zone")), (Some("day"), None));
        let (name, why) = read(&[("by", "day"), ("station", "50340")]).unwrap_err();
        assert_eq!(
            (name.as_str(), why.as_str()),
            ("station", "There is no parameter “station” here. There are by, zone.")
        );
        assert_eq!(read(&[("by", "day"), ("by", "day")]).unwrap_err().0, "by");
    }

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(escaped("Europe/London"), "Europe/London");
        assert_eq!(escaped("Etc/GMT+1"), "Etc/GMT%2B1");
        assert_eq!(escaped("a&b=ü #"), "a%26b%3D%C3%BC%20%23");
    }
}
