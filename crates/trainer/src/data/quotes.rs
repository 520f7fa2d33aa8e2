//! Quotation marks that open a field and do not close it: a lenient reader would swallow the rows after
//! them without a word.

/// What is wrong with the quotation marks of the record that starts here, if anything; it ends where a
/// reader that lets stray marks pass would end it.
pub(super) fn fault(record: &[u8], delimiter: u8) -> Option<String> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        FieldStart,
        Plain,
        Quoted,
        MaybeClosed,
    }
    let mut at = At::FieldStart;
    for (index, byte) in record.iter().enumerate() {
        let ends = *byte == delimiter || matches!(byte, b'\r' | b'\n');
        at = match at {
            At::Quoted if *byte == b'"' => At::MaybeClosed,
            At::FieldStart | At::MaybeClosed if *byte == b'"' => At::Quoted,
            At::Quoted => At::Quoted,
            _ if ends => At::FieldStart,
            At::MaybeClosed => return Some(stray(record, index)),
            At::FieldStart | At::Plain => At::Plain,
        };
    }
    (at == At::Quoted).then(|| {
        let with = taken_along(record);
        format!(
            "a quotation mark that opens here is never closed{with}; double it (\"\") or close it"
        )
    })
}

fn stray(record: &[u8], index: usize) -> String {
    let rest = String::from_utf8_lossy(&record[index..]);
    let follows: String = rest.chars().take(12).take_while(|c| *c != '\n').collect();
    let with = taken_along(record);
    format!(
        "a quotation mark that opens here is closed before `{follows}`{with}; double the marks within a \
         field (\"\"), and quote the whole of it or nothing"
    )
}

/// How many further lines the record swallows.
fn taken_along(record: &[u8]) -> String {
    let lines = record.trim_ascii().split(|byte| *byte == b'\n').count();
    match lines {
        0 | 1 => String::new(),
        2 => ", with the line after it".into(),
        lines => format!(", with the {} lines after it", lines - 1),
    }
}
