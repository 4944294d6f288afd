//! Server-sent events (WHATWG HTML §9.2), as far as a render's event log uses them. Bounded: an endless line is an error.

use std::collections::VecDeque;

/// Longest line that is understood.
const LINE_LIMIT_BYTES: usize = 1 << 20;

/// One event with data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub data: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the event stream sent a line of more than {LINE_LIMIT_BYTES} bytes")]
pub struct LineTooLong;

/// Turns bytes, however they are cut, into events.
#[derive(Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    ready: VecDeque<Event>,
}

impl Parser {
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let text = String::from_utf8_lossy(&line);
                    self.take(text.trim_end_matches('\r'));
                }
                _ if self.line.len() >= LINE_LIMIT_BYTES => return Err(LineTooLong),
                other => self.line.push(*other),
            }
        }
        Ok(())
    }

    pub fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn take(&mut self, line: &str) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if !event.data.is_empty() {
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // The name of the event is in its data, too; comments keep the connection awake.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_their_bytes_are_cut() {
        let text = b": keep-alive\n\nid: 7\r\nevent: state\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 8\ndata: x\n\n";
        for size in [1, 2, 7, text.len()] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for piece in text.chunks(size) {
                parser.push(piece).unwrap();
                events.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(events.len(), 2);
            assert_eq!(events[0].id.as_deref(), Some("7"));
            assert_eq!(events[0].data, "{\"a\":\n1}");
            assert_eq!(events[1].data, "x");
        }
    }

    #[test]
    fn an_endless_line_is_an_error_and_not_memory() {
        let mut parser = Parser::default();
        assert!(parser.push(&vec![b'x'; LINE_LIMIT_BYTES + 1]).is_err());
    }
}
