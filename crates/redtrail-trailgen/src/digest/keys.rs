//! Keys to sign digests with. They are known to all and good for nothing but tests.

use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use sha2::{Digest, Sha256};

/// What stands before a 2048-bit RSAPublicKey in a SubjectPublicKeyInfo.
const SPKI_HEADER: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// A key that digests are signed with.
#[derive(Debug)]
pub struct SigningKey {
    pair: KeyPair,
    /// As ListPublicKeys has it.
    pub fingerprint: String,
}

impl SigningKey {
    /// The key that stands for CloudTrail's.
    pub fn first() -> Self {
        Self::read(include_bytes!("keys/first.der"))
    }

    /// The one that follows it.
    pub fn second() -> Self {
        Self::read(include_bytes!("keys/second.der"))
    }

    /// One that CloudTrail does not know.
    pub fn foreign() -> Self {
        Self::read(include_bytes!("keys/foreign.der"))
    }

    fn read(pkcs8: &[u8]) -> Self {
        let pair = KeyPair::from_pkcs8(pkcs8).expect("the keys of this folder are RSA keys");
        let hash = Sha256::digest(pair.public_key().as_ref());
        let fingerprint = super::hex(&hash).chars().take(32).collect();
        Self { pair, fingerprint }
    }

    /// The public key as the documentation has it: RSAPublicKey of PKCS#1, in DER.
    pub fn public_pkcs1(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// The public key as SubjectPublicKeyInfo, in DER.
    pub fn public_spki(&self) -> Vec<u8> {
        [&SPKI_HEADER, self.pair.public_key().as_ref()].concat()
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .expect("a key of 2048 bits signs any text");
        signature
    }
}
