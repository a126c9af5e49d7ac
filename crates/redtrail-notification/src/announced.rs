//! What a payload announces: objects to read, and what to pass over and why. How a key
//! was encoded on its way depends on the trigger, so it is decoded here and nowhere else.

use std::fmt;

use percent_encoding::percent_decode_str;
use redtrail_core::{
    log_key::{LogKey, NotALog},
    object::ObjectAddress,
};

use crate::unreadable::{Unreadable, excerpt};

/// All that a payload, or one message of it, announces. Never empty: what announces
/// nothing is passed over with a reason, or can't be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Log objects, in the order given; one may stand twice.
    pub objects: Vec<AnnouncedObject>,
    pub passed_over: Vec<PassedOver>,
    /// Parts that can't be read. They do not keep the others from being processed, but
    /// the message as a whole has failed.
    pub unreadable: Vec<Unreadable>,
}

/// A log object to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnnouncedObject {
    pub address: ObjectAddress,
    /// The key to try when there is no object under `address.key`. AWS does not say
    /// whether EventBridge and CloudTrail encode keys: the address has the key as it
    /// was sent, this one is decoded.
    pub alternative_key: Option<String>,
    /// To be read even if it was finished before.
    pub force: bool,
}

/// Something announced that there is nothing to do about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub bucket: Option<String>,
    pub key: Option<String>,
    /// The key decoded, where AWS does not say whether it was encoded.
    pub alternative_key: Option<String>,
    pub reason: Reason,
}

/// Why there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The key is that of another kind of object.
    NotALog(NotALog),
    /// S3 tells of something other than a new object.
    NotObjectCreated {
        event: String,
    },
    /// S3 sends it when a notification is configured.
    S3TestEvent,
    /// CloudTrail sends it when a topic is configured.
    CloudTrailValidation,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Reason {
    /// The name it is counted by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotALog(kind) => kind.name(),
            Self::NotObjectCreated { .. } => "not_object_created",
            Self::S3TestEvent => "s3_test_event",
            Self::CloudTrailValidation => "cloudtrail_validation",
            Self::SubscriptionConfirmation => "subscription_confirmation",
            Self::UnsubscribeConfirmation => "unsubscribe_confirmation",
        }
    }
}

impl fmt::Display for Reason {
    /// The name, and S3's own word for the event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::NotObjectCreated { event } => write!(f, " ({event})"),
            _ => Ok(()),
        }
    }
}

impl Announced {
    /// What `reader` finds.
    pub(crate) fn by(reader: impl FnOnce(&mut Self) -> Result<(), Unreadable>) -> Self {
        let mut announced = Self::default();
        let result = reader(&mut announced);
        announced.note(result);
        announced
    }

    /// Keeps what `result` says about one part of a payload.
    pub(crate) fn note(&mut self, result: Result<(), Unreadable>) {
        self.unreadable.extend(result.err());
    }

    /// Announces the object of a key whose encoding is known.
    pub(crate) fn object(&mut self, bucket: String, key: String, version_id: Option<String>) {
        match LogKey::parse(&key) {
            Ok(_) => self.objects.push(AnnouncedObject {
                address: address(bucket, key, version_id),
                alternative_key: None,
                force: false,
            }),
            Err(kind) => self.pass_over_object(bucket, key, None, kind),
        }
    }

    /// Announces the object of a key whose encoding AWS does not document.
    pub(crate) fn object_with_uncertain_key(
        &mut self,
        bucket: String,
        key: String,
        version_id: Option<String>,
    ) {
        // A key that is not text once decoded was not encoded.
        let decoded = form_decoded(&key).ok().filter(|decoded| *decoded != key);
        let either_is_a_log = [Some(&key), decoded.as_ref()]
            .into_iter()
            .flatten()
            .any(|key| LogKey::parse(key).is_ok());
        if either_is_a_log {
            self.objects.push(AnnouncedObject {
                address: address(bucket, key, version_id),
                alternative_key: decoded,
                force: false,
            });
        } else {
            let kind = |key: &str| LogKey::parse(key).err().unwrap_or(NotALog::Other);
            let of_decoded = decoded.as_deref().map_or(NotALog::Other, kind);
            let kind = Some(kind(&key)).filter(|kind| *kind != NotALog::Other);
            self.pass_over_object(bucket, key, decoded, kind.unwrap_or(of_decoded));
        }
    }

    /// Passes over an S3 event that is not about a new object. What it lacks or holds
    /// besides is of no interest.
    pub(crate) fn pass_over_event(
        &mut self,
        bucket: Option<String>,
        key: Option<String>,
        event: &str,
    ) {
        self.passed_over.push(PassedOver {
            bucket,
            key,
            alternative_key: None,
            reason: Reason::NotObjectCreated {
                event: excerpt(event),
            },
        });
    }

    /// Passes over a message that is about no object.
    pub(crate) fn pass_over_message(&mut self, bucket: Option<String>, reason: Reason) {
        self.passed_over.push(PassedOver {
            bucket,
            key: None,
            alternative_key: None,
            reason,
        });
    }

    fn pass_over_object(
        &mut self,
        bucket: String,
        key: String,
        alternative_key: Option<String>,
        kind: NotALog,
    ) {
        self.passed_over.push(PassedOver {
            bucket: Some(bucket),
            key: Some(key),
            alternative_key,
            reason: Reason::NotALog(kind),
        });
    }
}

fn address(bucket: String, key: String, version_id: Option<String>) -> ObjectAddress {
    ObjectAddress {
        bucket,
        key,
        version_id: version_id.filter(|version| !version.is_empty()),
    }
}

/// A key as S3 notifications send it: `+` is a space, `%XX` a byte.
pub(crate) fn form_decoded(key: &str) -> Result<String, Unreadable> {
    percent_decoded(&key.replace('+', " "))
}

/// A key with each `%XX` read as a byte; `+` stands for itself.
pub(crate) fn percent_decoded(key: &str) -> Result<String, Unreadable> {
    match percent_decode_str(key).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(Unreadable::KeyEncoding { key: excerpt(key) }),
    }
}

/// A member that must be there and hold something.
pub(crate) fn required(
    value: Option<String>,
    shape: &'static str,
    member: &'static str,
) -> Result<String, Unreadable> {
    value
        .filter(|text| !text.is_empty())
        .ok_or(Unreadable::Missing { shape, member })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_decoded() {
        for (key, form, percent) in [
            ("a/b.gz", "a/b.gz", "a/b.gz"),
            ("a+b%2Bc%20d", "a b+c d", "a+b+c d"),
            ("%C3%BC", "ü", "ü"),
            ("ü", "ü", "ü"),
            // Decoded once only.
            ("%252F", "%2F", "%2F"),
            // No encoding at all stands for itself.
            ("100%", "100%", "100%"),
            ("%zz%4", "%zz%4", "%zz%4"),
            ("", "", ""),
        ] {
            assert_eq!(form_decoded(key).unwrap(), form, "{key}");
            assert_eq!(percent_decoded(key).unwrap(), percent, "{key}");
        }
    }

    #[test]
    fn err_key_is_not_text() {
        for key in ["%FF", "%C3", "%ED%A0%80"] {
            assert_eq!(
                form_decoded(key),
                Err(Unreadable::KeyEncoding { key: key.into() })
            );
        }
    }
}
