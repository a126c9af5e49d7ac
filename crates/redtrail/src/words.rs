//! What words of a command line name.

use redtrail_digest::discover::is_region;
use redtrail_model::is_account_id;

pub(crate) fn account_id(text: &str) -> Result<String, &'static str> {
    if is_account_id(text) {
        Ok(text.to_owned())
    } else {
        Err("expected an account id of twelve digits")
    }
}

pub(crate) fn region(text: &str) -> Result<String, &'static str> {
    if is_region(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a Region such as us-east-1")
    }
}
