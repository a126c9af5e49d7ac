//! Log lines made safe to show. Whoever names a bucket's objects chooses text that stands in
//! them, and not all that deceives the eye is escaped in JSON.

use std::io::{self, Write};

use redtrail_core::plain_text::plain_in_json;

/// Writes lines of JSON to `out` with each character that is no plain text as an escape.
pub struct PlainLines<W>(W);

impl<W: Write> PlainLines<W> {
    pub fn new(out: W) -> Self {
        Self(out)
    }
}

impl<W: Write> Write for PlainLines<W> {
    /// Takes whole lines, as a log's layer writes them.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(lines);
        let mut plain = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let end = line.len() - usize::from(line.ends_with('\n'));
            let (line, end) = line.split_at(end);
            plain.push_str(&plain_in_json(line));
            plain.push_str(end);
        }
        self.0.write_all(plain.as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[test]
    fn hostile_characters_are_escaped_in_log_lines() {
        #[derive(Clone, Default)]
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl<'a> MakeWriter<'a> for Shared {
            type Writer = PlainLines<Self>;
            fn make_writer(&'a self) -> Self::Writer {
                PlainLines::new(self.clone())
            }
        }
        let shared = Shared::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(shared.clone())
            .finish();
        let key = "a\u{1b}[2J\u{9b}31m\u{202e}\u{e0041}\r\n\"é";
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(key, "object");
            tracing::info!("next");
        });
        let lines = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(lines.lines().count(), 2);
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["fields"]["key"], key);
        for line in lines.lines() {
            assert_eq!(plain_in_json(line), line);
        }
    }
}
