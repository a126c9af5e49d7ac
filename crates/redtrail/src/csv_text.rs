//! Lines of CSV (RFC 4180) that are safe to open: what would deceive the eye is an escape, and
//! a spreadsheet takes no field for a formula.
//! <https://owasp.org/www-community/attacks/CSV_Injection>

use std::borrow::Cow;

use crate::plain_text::plain;

/// What a spreadsheet may begin a formula with; the last four are the wide forms of the first.
const BEGINS_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// These fields as a line, without its end.
pub(crate) fn csv_line<F: AsRef<str>>(fields: impl IntoIterator<Item = F>) -> String {
    let fields: Vec<String> = fields
        .into_iter()
        .map(|text| field(text.as_ref()).into_owned())
        .collect();
    fields.join(",")
}

fn field(text: &str) -> Cow<'_, str> {
    let mut field = plain(text);
    // White space before it does not keep a spreadsheet from reading a formula.
    if field.trim_start().starts_with(BEGINS_FORMULA) {
        field = Cow::Owned(format!("'{field}"));
    }
    if field.contains([',', '"', ';', '\'']) {
        field = Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")));
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_fields_are_told_apart() {
        let fields = ["a", "", "1,2", "say \"x\"", "b c", "d;e"];
        assert_eq!(csv_line(fields), "a,,\"1,2\",\"say \"\"x\"\"\",b c,\"d;e\"");
    }

    #[test]
    fn no_field_is_a_formula_or_a_control_character() {
        for (text, expected) in [
            ("=1+1", "\"'=1+1\""),
            ("  @SUM(A1)", "\"'  @SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("＝cmd", "\"'＝cmd\""),
            ("\t=1", "\\u{9}=1"),
            ("a\r\nb\u{1b}[2J", "a\\u{d}\\u{a}b\\u{1b}[2J"),
        ] {
            assert_eq!(csv_line([text]), expected);
        }
    }
}
