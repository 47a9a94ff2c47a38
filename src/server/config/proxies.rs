//! The proxies that are trusted to name a client's address.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

/// Addresses and networks of proxies. Empty by default; then the peer is the client, whatever a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Parses `none`, or addresses and networks with commas or blanks between them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let address = part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            address.or_else(|_| part.parse()).map_err(|_| {
                format!(
                    "must be none, or the proxies' addresses and networks, such as 10.0.0.7, 10.1.0.0/16 or fd00::/8; \
                     {part:?} is neither"
                )
            })
        };
        Ok(Self(parts.map(network).collect::<Result<_, _>>()?))
    }

    /// The client behind `peer`. `forwarded` holds the values of `X-Forwarded-For` in their order. Each proxy appends
    /// the address that it got the request from. Read from the end, the first address that is not a trusted proxy is
    /// the last one that a trusted proxy vouches for. Everything before it is the client's own claim.
    ///
    /// An unreadable value ends the search. Then only the proxy that passed it on is known.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for heard in forwarded.rev() {
            if !self.trusts(client) {
                break;
            }
            match address(heard) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    /// Why the trusted networks are too wide, in words. A visitor who may claim any address escapes every limit by
    /// address.
    pub fn too_wide(&self) -> Option<String> {
        // No private network is wider: 10.0.0.0/8, fc00::/7.
        let is_wide = |network: &&IpNet| network.prefix_len() < if matches!(network, IpNet::V4(_)) { 8 } else { 7 };
        let network = self.0.iter().find(is_wide)?;
        Some(format!(
            "CHARGEDECK_TRUSTED_PROXIES holds {network}, more than any private network. A visitor from there may claim any \
             address, and escapes every limit by address. Name your proxies alone"
        ))
    }

    /// Whether this address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses an address with or without a port, as proxies write them.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_that_are_wider_than_private_ones_are_told() {
        for (trusted, wide) in [
            ("none", None),
            ("10.0.0.0/8, fc00::/7, 203.0.113.7", None),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("10.0.0.7, ::/0", Some("::/0")),
            ("0.0.0.0/1 128.0.0.0/1", Some("0.0.0.0/1")),
            ("2000::/3", Some("2000::/3")),
        ] {
            let warning = TrustedProxies::parse(trusted).unwrap().too_wide();
            assert_eq!(warning.is_some(), wide.is_some(), "{trusted}");
            assert!(wide.is_none_or(|wide| warning.unwrap_or_default().contains(wide)), "{trusted}");
        }
    }

    #[test]
    fn a_header_counts_as_far_as_trusted_proxies_vouch_for_it() {
        let none = "none";
        let two = "10.0.0.7, 10.1.0.0/16 fd00::/8";
        for (trusted, peer, forwarded, client) in [
            (none, "203.0.113.7", "", "203.0.113.7"),
            (none, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
            (none, "127.0.0.1", "198.51.100.1", "127.0.0.1"),
            // a peer that is no proxy may claim anything
            (two, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
            (two, "10.0.0.8", "198.51.100.1", "10.0.0.8"),
            (two, "10.0.0.7", "", "10.0.0.7"),
            (two, "10.0.0.7", "198.51.100.1", "198.51.100.1"),
            // the client wrote the first address itself
            (two, "10.0.0.7", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
            (two, "10.0.0.7", "10.1.2.3, 198.51.100.1", "198.51.100.1"),
            (two, "10.0.0.7", "127.0.0.1,198.51.100.1", "198.51.100.1"),
            // two proxies, one behind the other
            (two, "10.0.0.7", "192.0.2.66, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
            (two, "fd00::1", "2001:db8::1, 10.0.0.7", "2001:db8::1"),
            // requests that a proxy itself makes
            (two, "10.0.0.7", "10.1.2.3", "10.1.2.3"),
            // values that are no address
            (two, "10.0.0.7", "198.51.100.1, unknown", "10.0.0.7"),
            (two, "10.0.0.7", "198.51.100.1, , 10.1.2.3", "10.1.2.3"),
            // forms of one address
            (two, "::ffff:10.0.0.7", "198.51.100.1:4711", "198.51.100.1"),
            (two, "10.0.0.7", "[2001:db8::1]:443", "2001:db8::1"),
            (two, "10.0.0.7", "[2001:db8::1]", "2001:db8::1"),
            (two, "10.0.0.7", "::ffff:198.51.100.1", "198.51.100.1"),
            ("::ffff:10.0.0.7", "10.0.0.7", "198.51.100.1", "198.51.100.1"),
        ] {
            let heard = forwarded.split(',').filter(|_| !forwarded.is_empty());
            let found = TrustedProxies::parse(trusted).unwrap().client(peer.parse().unwrap(), heard);
            assert_eq!(found.to_string(), client, "{peer} says {forwarded:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_in_every_form_that_proxies_write(address: IpAddr, port: u16) {
            let [bare, with_port] = [address.to_string(), SocketAddr::new(address, port).to_string()];
            for text in [bare.clone(), format!(" {bare}\t"), with_port] {
                prop_assert_eq!(super::address(&text), Some(address.to_canonical()), "{}", text);
            }
        }

        /// Whatever a header says, the client is its sender or an address that stands in it, and a sender that is not
        /// trusted is the client.
        #[test]
        fn no_header_makes_up_a_client(
            peer: IpAddr, parts in prop::collection::vec(prop_oneof![".{0,20}", any::<IpAddr>().prop_map(|a| a.to_string())], 0..6),
            trusted: bool
        ) {
            let trusted = if trusted { "0.0.0.0/0 ::/0" } else { "none" };
            let client = TrustedProxies::parse(trusted).unwrap().client(peer, parts.iter().map(String::as_str));
            let heard = trusted != "none" && parts.iter().filter_map(|part| super::address(part)).any(|heard| heard == client);
            prop_assert!(client == peer.to_canonical() || heard, "{} of {:?}", client, parts);
        }

        #[test]
        fn any_text_is_a_list_of_proxies_or_refused(text in ".{0,40}", near in "[0-9a-f:./, ]{0,40}") {
            for text in [text, near] {
                if let Ok(proxies) = TrustedProxies::parse(&text) {
                    drop(proxies.too_wide());
                }
            }
        }
    }
}
