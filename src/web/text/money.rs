//! Amounts of money, with the currency's symbol if it is unambiguous, else its code.

use super::numbers::fixed;
use crate::{
    domain::money::{Currency, Money},
    web::charts::ChartUnit,
};

/// `£7.24`, `−€3.10`, `SEK 120.00`, with the digits of the currency's minor unit.
pub fn money(amount: &Money) -> String {
    let exponent = amount.currency.exponent();
    let number = fixed(amount.minor, exponent, exponent);
    let (sign, digits) = number.strip_prefix('\u{2212}').map_or(("", number.as_str()), |rest| ("\u{2212}", rest));
    match symbol(&amount.currency) {
        Some(symbol) => format!("{sign}{symbol}{digits}"),
        None => format!("{sign}{}\u{a0}{digits}", amount.currency),
    }
}

/// The unit of a currency in charts, which draw its major unit.
pub fn money_unit(currency: &Currency) -> ChartUnit {
    let digits = currency.exponent();
    match symbol(currency) {
        Some(symbol) => ChartUnit { name: symbol.to_owned(), format: format!("{symbol}{{value:{digits}}}") },
        None => ChartUnit { name: currency.to_string(), format: format!("{currency}\u{a0}{{value:{digits}}}") },
    }
}

/// Only symbols that no other currency of charging networks shares. `$` alone is the US dollar.
fn symbol(currency: &Currency) -> Option<&'static str> {
    Some(match currency.0.as_str() {
        "AUD" => "A$",
        "BRL" => "R$",
        "CAD" => "CA$",
        "CNY" => "CN¥",
        "EUR" => "€",
        "GBP" => "£",
        "HKD" => "HK$",
        "ILS" => "₪",
        "INR" => "₹",
        "JPY" => "¥",
        "KRW" => "₩",
        "MXN" => "MX$",
        "NZD" => "NZ$",
        "PHP" => "₱",
        "TRY" => "₺",
        "TWD" => "NT$",
        "UAH" => "₴",
        "USD" => "$",
        "VND" => "₫",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_the_digits_of_their_currency() {
        let text = |minor, code: &str| money(&Money { minor, currency: Currency(code.into()) });
        assert_eq!(text(724, "GBP"), "£7.24");
        assert_eq!(text(-310, "EUR"), "\u{2212}€3.10");
        assert_eq!(text(123_456, "JPY"), "¥123,456");
        assert_eq!(text(1_234_567, "KWD"), "KWD\u{a0}1,234.567");
        assert_eq!(text(-5, "SEK"), "\u{2212}SEK\u{a0}0.05");
        assert_eq!(text(i64::MIN, "USD"), "\u{2212}$92,233,720,368,547,758.08");
    }

    #[test]
    fn charts_write_amounts_alike() {
        let format = |code: &str| money_unit(&Currency(code.into())).format;
        assert_eq!(["GBP", "JPY", "KWD"].map(format), ["£{value:2}", "¥{value:0}", "KWD\u{a0}{value:3}"]);
    }
}
