//! Where a login may lead: only to a page of this site, whatever the link to the login says.

use url::Url;

/// The path, query and fragment of `next` if it is a page of this site, else `/`.
///
/// `next` is parsed as a browser parses it, which drops tabs and line breaks and reads `\` as `/`. The result is the
/// parsed form, not the text that was given.
pub fn local_path(next: &str) -> String {
    const HOME: &str = "/";
    let Ok(base) = Url::parse("http://site.invalid") else { return HOME.into() };
    match base.join(next) {
        Ok(url) if next.starts_with('/') && url.origin() == base.origin() && is_page(url.path()) => {
            url[url::Position::BeforePath..].into()
        }
        _ => HOME.into(),
    }
}

/// `//host` would leave the site, and the login page would lead to itself.
fn is_page(path: &str) -> bool {
    !path.starts_with("//") && !matches!(path, "/login" | "/logout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed() {
        for local in ["/", "/stations", "/stations?q=a%20b&page=2", "/sessions/ab#top"] {
            assert_eq!(local_path(local), local);
        }
        let foreign = [
            "",
            "stations",
            "//evil.example",
            "///evil.example",
            "\\evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            "/.//evil.example",
            "/x/..//evil.example",
            "https://evil.example",
            "http:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "@evil.example",
            "/login?next=/login",
            "/logout",
        ];
        for next in foreign {
            assert_eq!(local_path(next), "/", "{next:?}");
        }
        assert_eq!(local_path("/a\r\nSet-Cookie: x=y"), "/aSet-Cookie:%20x=y");
        assert_eq!(local_path("/ä"), "/%C3%A4");
    }
}
