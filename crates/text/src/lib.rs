//! Text to words to token ids, with byte and UTF-16 offsets into the original text.
