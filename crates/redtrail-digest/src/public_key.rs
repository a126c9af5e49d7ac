//! CloudTrail's public keys, and the one kind of signature they verify.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html>

use jiff::Timestamp;
use pkcs1::RsaPublicKey;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use thiserror::Error;

/// A key as ListPublicKeys has it.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PublicKey.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    pub fingerprint: String,
    /// `Value`: DER. PKCS#1 by the documentation, which says that this may change; one of
    /// the keys it prints is a SubjectPublicKeyInfo.
    pub der: Vec<u8>,
    pub validity_start: Option<Timestamp>,
    pub validity_end: Option<Timestamp>,
}

/// A key that may verify: RSA of 2048 to 8192 bits with an odd exponent above 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// RSAPublicKey in DER.
    pkcs1: Vec<u8>,
}

/// Why a key may not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableKey {
    #[error("it is neither an RSAPublicKey (PKCS#1) nor a SubjectPublicKeyInfo of RSA")]
    Encoding,
    #[error("it has fewer than 2048 bits or more than 8192")]
    Size,
    #[error("its exponent is even or less than 3")]
    Exponent,
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

impl VerifyingKey {
    /// Reads a key in either encoding.
    ///
    /// # Errors
    /// When it is no RSA key of the kind allowed.
    pub fn from_der(der: &[u8]) -> Result<Self, UnusableKey> {
        let pkcs1 = match SubjectPublicKeyInfoRef::try_from(der) {
            Ok(info) => {
                if info.algorithm.oid != RSA_ENCRYPTION {
                    return Err(UnusableKey::Encoding);
                }
                let bytes = info.subject_public_key.as_bytes();
                bytes.ok_or(UnusableKey::Encoding)?
            }
            Err(_) => der,
        };
        let key = RsaPublicKey::try_from(pkcs1).map_err(|_| UnusableKey::Encoding)?;
        let modulus = key.modulus.as_bytes();
        let leading = modulus.first().map_or(8, |byte| byte.leading_zeros());
        let bits = (modulus.len() * 8).saturating_sub(leading as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(UnusableKey::Size);
        }
        let exponent = key.public_exponent.as_bytes();
        let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
        if !is_odd || exponent == [1] {
            return Err(UnusableKey::Exponent);
        }
        Ok(Self {
            pkcs1: pkcs1.to_vec(),
        })
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, and nothing else.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.pkcs1)
            .verify(text, signature)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use redtrail_trailgen::digest::SigningKey;

    use super::*;

    #[test]
    fn ok_both_encodings_verify() {
        let key = SigningKey::first();
        let signature = key.sign("text");
        for der in [key.public_pkcs1(), key.public_spki()] {
            let verifying = VerifyingKey::from_der(&der).unwrap();
            assert!(verifying.verifies(b"text", &signature));
            assert!(!verifying.verifies(b"texts", &signature));
            assert!(!verifying.verifies(b"text", &signature[1..]));
            assert!(!verifying.verifies(b"text", b""));
        }
        let other = VerifyingKey::from_der(&SigningKey::second().public_pkcs1()).unwrap();
        assert!(!other.verifies(b"text", &signature));
    }

    /// An RSAPublicKey whose modulus has so many bytes.
    fn pkcs1(bytes: u16, exponent: u8) -> Vec<u8> {
        let modulus = [
            &[0x02, 0x82][..],
            &(bytes + 1).to_be_bytes(),
            &[0],
            &vec![0xff; bytes.into()],
        ];
        let content = [&modulus.concat()[..], &[0x02, 0x01, exponent]].concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82][..], &length, &content].concat()
    }

    #[test]
    fn err_keys_that_may_not_verify() {
        for (der, why) in [
            (pkcs1(256, 3), None),
            (pkcs1(1024, 3), None),
            (pkcs1(255, 3), Some(UnusableKey::Size)),
            (pkcs1(1025, 3), Some(UnusableKey::Size)),
            (pkcs1(256, 4), Some(UnusableKey::Exponent)),
            (pkcs1(256, 1), Some(UnusableKey::Exponent)),
            (
                [pkcs1(256, 3), vec![0]].concat(),
                Some(UnusableKey::Encoding),
            ),
            (
                b"-----BEGIN PUBLIC KEY-----".to_vec(),
                Some(UnusableKey::Encoding),
            ),
            (Vec::new(), Some(UnusableKey::Encoding)),
        ] {
            assert_eq!(
                VerifyingKey::from_der(&der).err(),
                why,
                "{} bytes",
                der.len()
            );
        }
    }
}
