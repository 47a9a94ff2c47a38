//! Addresses of the network.

use std::net::{IpAddr, Ipv6Addr};

/// The addresses that one client can have, named by the first of them: one IPv4 address, or the IPv6 /64 of a line.
pub fn line(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_one_client_whatever_address_it_takes() {
        for (address, of) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(line(address.parse().unwrap()).to_string(), of);
        }
    }

    proptest! {
        #[test]
        fn every_address_is_of_one_line(address: IpAddr, end: u64) {
            let of = line(address);
            prop_assert_eq!(line(of), of);
            prop_assert_eq!(of.is_ipv4(), address.to_canonical().is_ipv4());
            if let IpAddr::V6(first) = of {
                let neighbour = Ipv6Addr::from_bits(first.to_bits() | u128::from(end));
                prop_assume!(neighbour.to_ipv4_mapped().is_none());
                prop_assert_eq!(line(neighbour.into()), of);
            }
        }
    }
}
