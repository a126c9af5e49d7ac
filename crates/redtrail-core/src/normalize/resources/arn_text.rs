//! How a record writes a ready-made ARN: as it is, percent-encoded where it was part of a
//! request's path, or within the text a service makes of an object.

use std::borrow::Cow;

/// Whether `text` begins like an ARN, so that it is one or nothing, but never a name.
pub(crate) fn begins_like_an_arn(text: &str) -> bool {
    text.starts_with("arn:") || is_encoded(text)
}

/// The ARN in `text`, decoded where it is percent-encoded as a whole: some services log
/// what stood in the request's path that way.
/// <https://docs.aws.amazon.com/msk/latest/developerguide/logging-using-cloudtrail.html>
pub(crate) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if is_encoded(text) {
        percent_decoded(text).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// The ARN in `IamRole(applyStatus=in-sync, iamRoleArn=ARN)`, which is how Redshift
/// Serverless logs the roles of a namespace; the order varies. Neither an ARN nor a status
/// holds a blank, so `, ` stands only between members.
pub(crate) fn of_iam_role(text: &str) -> Option<&str> {
    let members = text.strip_prefix("IamRole(")?.strip_suffix(')')?;
    let mut arns = members
        .split(", ")
        .filter_map(|member| member.strip_prefix("iamRoleArn="));
    let arn = arns.next()?;
    arns.next().is_none().then_some(arn)
}

fn is_encoded(text: &str) -> bool {
    let start = text.get(.."arn%3A".len());
    start.is_some_and(|start| start.eq_ignore_ascii_case("arn%3A"))
}

/// `text` with every `%XX` replaced by its byte; `None` where one is no such sequence, or
/// what comes out is no text that an ARN could be.
fn percent_decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        // `from_str_radix` alone would take a sign.
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_encoded_arns() {
        for (text, expected) in [
            ("arn%3Aaws%3Aa%3Ab%3Ac%3Ad%2Fe", Some("arn:aws:a:b:c:d/e")),
            ("arn%3aaws%3aa%3ab%3ac%3ad%2fe", Some("arn:aws:a:b:c:d/e")),
            ("ARN%3Aaws", Some("ARN:aws")),
            ("arn%3A%C3%A9%2Bf", Some("arn:é+f")),
            ("arn%3A%253A", Some("arn:%3A")),
            ("arn:aws:a:b:c:d%2Fe", Some("arn:aws:a:b:c:d%2Fe")),
            ("name%3Aof", Some("name%3Aof")),
            ("", Some("")),
            ("arn%3Aaws%3", None),
            ("arn%3Aaws%", None),
            ("arn%3Aaws%+1", None),
            ("arn%3Aaws%3é", None),
            ("arn%3Aaws%G0", None),
            ("arn%3Aaws%FF", None),
            ("arn%3Aaws%00", None),
            ("arn%3Aaws%0Ax", None),
        ] {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ok_arns_of_iam_roles() {
        let role = "arn:aws:iam::123456789012:role/(a)/b,c=d";
        for (text, expected) in [
            (
                format!("IamRole(applyStatus=in-sync, iamRoleArn={role})"),
                Some(role),
            ),
            (
                format!("IamRole(iamRoleArn={role}, applyStatus=adding)"),
                Some(role),
            ),
            (
                format!("IamRole(iamRoleArn={role}, iamRoleArn=arn:x)"),
                None,
            ),
            (format!("IamRole(applyStatus=iamRoleArn={role})"), None),
            (format!("Role(iamRoleArn={role})"), None),
            (format!("IamRole(iamRoleArn={role}"), None),
            ("IamRole()".to_owned(), None),
        ] {
            assert_eq!(of_iam_role(&text), expected, "{text}");
        }
    }
}
