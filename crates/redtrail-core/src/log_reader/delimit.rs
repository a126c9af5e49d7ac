//! Where a JSON value ends: strings, brackets and depth, nothing else. What stands
//! between is not judged here.

use memchr::memchr2;

/// Follows one object, array or string over any number of pieces.
#[derive(Debug, Default)]
pub(crate) struct Delimiter {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Delimiter {
    /// How many of `bytes` belong to the value, if it ends within them. The first byte
    /// of the first piece must be the value's `{`, `[` or `"`.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += if self.in_string {
                self.string_end(rest)
            } else {
                self.structural_end(rest)
            };
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }

    /// Consumes the rest of a string, with its closing quote where it is reached.
    fn string_end(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if self.escaped {
            self.escaped = false;
            at = 1;
        }
        while let Some(rest) = bytes.get(at..) {
            match memchr2(b'"', b'\\', rest) {
                None => break,
                Some(found) if rest.get(found) == Some(&b'"') => {
                    self.in_string = false;
                    return at + found + 1;
                }
                // The escaped byte is passed over whatever it is; `\u` has no quote in its digits.
                Some(found) if found + 1 < rest.len() => at += found + 2,
                Some(_) => {
                    self.escaped = true;
                    break;
                }
            }
        }
        bytes.len()
    }

    /// Consumes up to the next string, or to the bracket that ends the value.
    fn structural_end(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => {
                    self.in_string = true;
                    return at + 1;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(
            Delimiter::default().end(text.as_bytes()),
            expected,
            "{text}"
        );
        // The same however the bytes are cut.
        let mut delimiter = Delimiter::default();
        let ends: Vec<_> = text.bytes().map(|byte| delimiter.end(&[byte])).collect();
        let first = ends.iter().position(Option::is_some).map(|at| at + 1);
        assert_eq!(first, expected, "{text} byte by byte");
    }

    #[test]
    fn ok_ends() {
        check(r#"{}x"#, Some(2));
        check(r#"{"a":"}"}]"#, Some(9));
        check(r#"{"a":"\"}"}]"#, Some(11));
        check(r#""a\\"b"#, Some(5));
        check(r#"[[{}],"]"],"#, Some(10));
        check(r#"{"a":"\u0022}"}"#, Some(15));
    }

    #[test]
    fn ok_no_end_yet() {
        check(r#"{"a":"}"#, None);
        check(r#"{"a\"#, None);
        check(r#"[{}"#, None);
    }
}
