//! A small file server for one folder on this machine, with the page's security headers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

/// What the page must live under: nothing from elsewhere, no inline script, no eval but wasm's.
pub(crate) const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// The most bytes of a request's head that are read.
const HEAD: u64 = 16 * 1024;

/// A browser opens connections ahead of need; one that stays silent this long is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the folder until the process ends; each connection answers one request.
pub(crate) fn serve(listener: &TcpListener, folder: &Path) {
    for stream in listener.incoming().filter_map(Result::ok) {
        let folder = folder.to_owned();
        // A visitor who hangs up is no fault of ours, so an answer's error is dropped.
        thread::spawn(move || answer(stream, &folder).ok());
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?.take(HEAD)).lines();
    let Some(request) = lines.next().transpose()? else {
        return Ok(());
    };
    // The rest of the head is read before the answer: closing with bytes unread resets the connection.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, kind, body) = reply(&request, folder);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
    )?;
    if !request.starts_with("HEAD ") {
        stream.write_all(&body)?;
    }
    stream.flush()
}

/// The answer to a request line: status, content type, body.
fn reply(request: &str, folder: &Path) -> (&'static str, &'static str, Vec<u8>) {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let plain = "text/plain; charset=utf-8";
    if !matches!(method, "GET" | "HEAD") {
        return ("405 Method Not Allowed", plain, b"only GET and HEAD".into());
    }
    let found = file(target).and_then(|file| {
        let body = std::fs::read(folder.join(&file)).ok()?;
        Some((content_type(&file), body))
    });
    match found {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", plain, b"no such file".into()),
    }
}

/// The file a request target names inside the folder; none if it points outside.
fn file(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = PathBuf::from(decode(path)?);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return None;
    }
    let is_folder = path.as_os_str().is_empty() || target.ends_with('/');
    Some(if is_folder {
        path.join("index.html")
    } else {
        path
    })
}

/// Undoes percent-encoding; none if it is broken or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn content_type(file: &Path) -> &'static str {
    match file
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("")
    {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_inside_the_folder() {
        for (target, path) in [
            ("/", "index.html"),
            ("/?model=spam", "index.html"),
            ("/about/", "about/index.html"),
            ("/assets/a%20b.js?v=1", "assets/a b.js"),
        ] {
            assert_eq!(file(target).as_deref(), Some(Path::new(path)), "{target}");
        }
        for target in [
            "",
            "x",
            "/../secret",
            "/a/../../secret",
            "/%2e%2e/secret",
            "//etc/passwd",
            "/%",
            "/%zz",
            "/%ff",
        ] {
            assert_eq!(file(target), None, "{target}");
        }
    }

    fn request(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "<p>glass</p>").unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(text.as_bytes()).unwrap();
        answer(listener.accept().unwrap().0, folder.path()).unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn serves_a_page_under_the_policy() {
        let page = request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"),
            "{page}"
        );
        assert!(
            page.contains(&format!("\r\nContent-Security-Policy: {POLICY}\r\n")),
            "{page}"
        );
        assert!(page.ends_with("\r\n\r\n<p>glass</p>"), "{page}");
    }

    #[test]
    fn a_head_request_has_no_body() {
        let page = request("HEAD / HTTP/1.1\r\n\r\n");
        assert!(
            page.contains("Content-Length: 12\r\n") && page.ends_with("\r\n\r\n"),
            "{page}"
        );
    }

    #[test]
    fn refuses_other_methods_and_absent_files() {
        assert!(request("POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(request("GET /absent HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    }
}
