//! Links that work once. The token gives its holder access, so only its hash is stored.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::server::hex::hex;

/// 256 random bits in hex, fit for a URL.
pub struct Token(SecretString);

impl Token {
    pub fn new() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(hex(&bytes).into())
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }

    /// The token's text, which only the person it is meant for may see.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of a token, in hex. A token has too many values to be guessed, so it needs no slow hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    /// Hashes any text that claims to be a token.
    pub fn of(text: &str) -> Self {
        Self(hex(&Sha256::digest(text)))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_and_its_hash_does_not_show_it() {
        let (one, other) = (Token::new(), Token::new());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 64);
        assert_eq!(one.hash(), TokenHash::of(one.expose()));
        assert_ne!(one.hash().to_string(), one.expose());
    }
}
