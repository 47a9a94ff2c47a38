//! The socket opens for pages of our own origin only. Browsers let any site open one, and send the cookie with it.

use tokio_tungstenite::{connect_async, tungstenite::Error};

use crate::{http, program::Program};

#[tokio::test]
async fn only_a_page_of_our_own_opens_a_socket() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let own = http::origin(program.port());
    let answer = async |origin: Option<&str>| {
        let mut request = http::handshake(program.port(), &cookie).unwrap();
        match origin {
            Some(origin) => drop(request.headers_mut().insert("origin", origin.parse().unwrap())),
            None => drop(request.headers_mut().remove("origin")),
        }
        match connect_async(request).await {
            Ok((_, answer)) => answer.status().as_u16(),
            Err(Error::Http(answer)) => answer.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(answer(Some(&own)).await, 101);
    let (longer, tls, other_port) = (format!("{own}.evil.example"), own.replace("http:", "https:"), format!("{own}1"));
    let foreign = ["https://evil.example", "null", "", &longer, &tls, &other_port, "http://user@evil.example"];
    for origin in foreign.map(Some).into_iter().chain([None]) {
        assert_eq!(answer(origin).await, 403, "{origin:?}");
    }
}
