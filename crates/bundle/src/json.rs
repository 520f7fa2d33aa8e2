//! JSON, read without building a tree: a text is checked as a whole, then taken apart where it is
//! wanted.
//!
//! A general parser with derived types would be a fifth of the browser's module. This one takes and
//! refuses what `serde_json` does as syntax (a property test compares them); nothing in it recurses, so that
//! depth has no limit, and numbers are read where they are wanted.

use crate::decimal;
use crate::header::hexadecimal;

/// What is wrong with a text, in the words of a message.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault(pub(crate) String);

/// One value: a part of a text that is JSON from its first byte to its last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a> {
    /// Its key in the object that holds it, as it is spelt there.
    key: &'a str,
    text: &'a str,
}

/// Makes something of a value.
type Decode<'a, T> = fn(Json<'a>) -> Result<T, Fault>;

/// The fields of an object, taken out one by one. The first fault is kept until the end, so that those who
/// take them have one thing to check.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    /// Those that nobody has taken yet, in the order of the text.
    left: Vec<Json<'a>>,
    fault: Option<Fault>,
}

impl<'a> Json<'a> {
    /// The value that a text is, white space around it aside. Messages call it `key`.
    pub(crate) fn parse(key: &'a str, text: &'a str) -> Result<Self, Fault> {
        let mut scan = Scan { text, at: 0 };
        scan.white();
        let begin = scan.at;
        scan.value()?;
        let value = &text[begin..scan.at];
        scan.white();
        match scan.peek() {
            None => Ok(Self { key, text: value }),
            Some(_) => Err(scan.fault("nothing more")),
        }
    }

    /// Its key in the object that holds it, escapes resolved.
    pub(crate) fn key(self) -> Result<String, Fault> {
        unescape(self.key).ok_or_else(|| Fault(format!("key {}: half a surrogate pair", self.key)))
    }

    fn is(&self, key: &str) -> bool {
        self.key == key || self.key().is_ok_and(|found| found == key)
    }

    /// An object's fields.
    pub(crate) fn fields(self) -> Result<Fields<'a>, Fault> {
        if !self.text.starts_with('{') {
            return Err(self.fault("an object"));
        }
        let left = self.parts()?;
        Ok(Fields { left, fault: None })
    }

    /// A list's values.
    pub(crate) fn list(self) -> Result<Vec<Self>, Fault> {
        if !self.text.starts_with('[') {
            return Err(self.fault("a list"));
        }
        self.parts()
    }

    /// A string, escapes resolved.
    pub(crate) fn text(self) -> Result<String, Fault> {
        let inside = self
            .text
            .strip_prefix('"')
            .ok_or_else(|| self.fault("a text"))?;
        unescape(&inside[..inside.len() - 1]).ok_or_else(|| self.fault("whole surrogate pairs"))
    }

    /// A whole number, not negative and no larger than its type.
    pub(crate) fn whole<T: TryFrom<u64>>(self) -> Result<T, Fault> {
        let number = self.text.parse::<u64>().ok();
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.fault("a whole number"))
    }

    /// Any number; infinite where its type cannot hold it.
    pub(crate) fn number(self) -> Result<f64, Fault> {
        match self.text.as_bytes() {
            [b'-' | b'0'..=b'9', ..] => Ok(decimal::parse(self.text)),
            _ => Err(self.fault("a number")),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(self) -> Result<bool, Fault> {
        match self.text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.fault("true or false")),
        }
    }

    /// That it should have been something else.
    fn fault(self, want: &str) -> Fault {
        let found = self.text.trim_matches('"');
        Fault(format!("{}: want {want}, found {found}", self.key))
    }

    /// The values inside the object or list that this is.
    fn parts(self) -> Result<Vec<Self>, Fault> {
        let Self { key, text } = self;
        let mut scan = Scan { text, at: 0 };
        let mut parts = Vec::new();
        let keyed = text.starts_with('{');
        loop {
            // The bracket that opens, or a comma.
            scan.at += 1;
            scan.white();
            if matches!(scan.peek(), Some(b']' | b'}')) {
                return Ok(parts);
            }
            let key = if keyed { scan.key()? } else { key };
            let begin = scan.at;
            scan.value()?;
            let text = &text[begin..scan.at];
            parts.push(Self { key, text });
            scan.white();
            if scan.peek() != Some(b',') {
                return Ok(parts);
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// Whether a field is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.left.iter().any(|field| field.is(key))
    }

    /// Takes a field out, if it is there.
    fn take(&mut self, key: &str) -> Option<Json<'a>> {
        let place = self.left.iter().position(|field| field.is(key))?;
        let found = self.left.remove(place);
        if self.has(key) {
            self.blame(Fault(format!("duplicate field `{key}`")));
        }
        Some(found)
    }

    /// Takes out a field and decodes it; what `T` starts from where it is missing or wrong.
    pub(crate) fn optional<T: Default>(&mut self, key: &str, decode: Decode<'a, T>) -> T {
        let decoded = self.take(key).map(decode);
        self.settle(decoded.unwrap_or_else(|| Ok(T::default())))
    }

    /// The same of a field that has to be there.
    pub(crate) fn need<T: Default>(&mut self, key: &str, decode: Decode<'a, T>) -> T {
        let missing = || Err(Fault(format!("missing field `{key}`")));
        let decoded = self.take(key).map_or_else(missing, decode);
        self.settle(decoded)
    }

    /// Takes out a field that is one of some words, as what stands beside the word.
    pub(crate) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> T {
        let text = self.need(key, Json::text);
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let words_only: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let want = words_only.join(" or ");
        self.blame(Fault(format!("{key}: want {want}, found {text}")));
        words[0].1
    }

    /// The first fault of any field.
    pub(crate) fn sound(&mut self) -> Result<(), Fault> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// The same, and that every field was taken.
    pub(crate) fn end(mut self) -> Result<(), Fault> {
        match (self.sound(), self.left.first()) {
            (Ok(()), Some(field)) => Err(Fault(format!("unknown field `{}`", field.key))),
            (sound, _) => sound,
        }
    }

    /// The fields that are left.
    pub(crate) fn rest(self) -> Vec<Json<'a>> {
        self.left
    }

    fn settle<T: Default>(&mut self, decoded: Result<T, Fault>) -> T {
        decoded.unwrap_or_else(|fault| {
            self.blame(fault);
            T::default()
        })
    }

    fn blame(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// A place in a text, which moves on over what it finds there.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, want: &str) -> Fault {
        Fault(format!("want {want} at its byte {}", self.at))
    }

    /// Over every byte of a class.
    fn over(&mut self, class: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&class) {
            self.at += 1;
        }
    }

    /// Over white space.
    fn white(&mut self) {
        self.over(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    }

    /// Over one byte, if it is there.
    fn byte(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Over a value, however deep.
    fn value(&mut self) -> Result<(), Fault> {
        // The bracket that will close each object and list that is open.
        let mut open = Vec::new();
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    // In ASCII, `}` and `]` stand two after `{` and `[`.
                    let close = bracket + 2;
                    self.at += 1;
                    self.white();
                    if !self.byte(close) {
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => drop(self.string()?),
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => self.literal()?,
            }
            // A value has ended: brackets may close, then a comma brings the next one.
            while let Some(close) = open.last().copied() {
                self.white();
                if self.byte(b',') {
                    self.white();
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                }
                if !self.byte(close) {
                    return Err(self.fault("a comma or the end of an object or list"));
                }
                open.pop();
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Over a key, the colon and the white space around it.
    fn key(&mut self) -> Result<&'a str, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("a key"));
        }
        let key = self.string()?;
        self.white();
        if !self.byte(b':') {
            return Err(self.fault("a colon"));
        }
        self.white();
        Ok(key)
    }

    /// Over a string; what stands between its quotes.
    fn string(&mut self) -> Result<&'a str, Fault> {
        self.at += 1;
        let begin = self.at;
        loop {
            self.over(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
            if self.byte(b'"') {
                return Ok(&self.text[begin..self.at - 1]);
            }
            if !self.byte(b'\\') {
                return Err(self.fault("the end of a text, without bare control characters"));
            }
            let digits = match self.peek() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
                Some(b'u') => 4,
                _ => return Err(self.fault("an escape that JSON has")),
            };
            self.at += 1;
            for _ in 0..digits {
                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                    return Err(self.fault("four hexadecimal digits"));
                }
                self.at += 1;
            }
        }
    }

    /// Over a number.
    fn number(&mut self) -> Result<(), Fault> {
        self.byte(b'-');
        if !self.byte(b'0') {
            self.digits()?;
        }
        if self.byte(b'.') {
            self.digits()?;
        }
        if self.byte(b'e') || self.byte(b'E') {
            let _ = self.byte(b'+') || self.byte(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// Over one digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let begin = self.at;
        self.over(|byte| byte.is_ascii_digit());
        if self.at == begin {
            return Err(self.fault("a digit"));
        }
        Ok(())
    }

    /// Over `true`, `false` or `null`.
    fn literal(&mut self) -> Result<(), Fault> {
        let rest = &self.text[self.at..];
        let found = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word));
        self.at += found.ok_or_else(|| self.fault("a value"))?.len();
        Ok(())
    }
}

/// The inside of a string without its escapes; nothing if half a surrogate pair is there.
fn unescape(inside: &str) -> Option<String> {
    let mut parts = inside.split('\\');
    let mut text = parts.next()?.to_owned();
    // The first half of a pair that waits for the second.
    let mut half: Option<u32> = None;
    while let Some(part) = parts.next() {
        let (unit, rest) = match part.as_bytes().first() {
            // Two backslashes together: the part between them is empty.
            None => (u32::from(b'\\'), parts.next()?),
            Some(b'u') => (u32::from_str_radix(&part[1..5], 16).ok()?, &part[5..]),
            Some(b'b') => (8, &part[1..]),
            Some(b'f') => (12, &part[1..]),
            Some(b'n') => (10, &part[1..]),
            Some(b'r') => (13, &part[1..]),
            Some(b't') => (9, &part[1..]),
            Some(same) => (u32::from(*same), &part[1..]),
        };
        let scalar = match half.take() {
            Some(first) if (0xdc00..0xe000).contains(&unit) => {
                0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00)
            }
            Some(_) => return None,
            None if (0xd800..0xdc00).contains(&unit) && rest.is_empty() => {
                half = Some(unit);
                continue;
            }
            None => unit,
        };
        text.push(char::from_u32(scalar)?);
        text.push_str(rest);
    }
    half.is_none().then_some(text)
}

/// A text as `serde_json` spells it, in its quotes.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{8}' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            c if c < ' ' => {
                quoted.push_str("\\u00");
                quoted.push_str(&hexadecimal(&[c as u8]));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
