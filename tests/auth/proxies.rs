//! Load balancers that check health, and proxies that name the client.

use std::net::Ipv4Addr;

use crate::{http::ask, program::Program};

#[tokio::test]
async fn health_is_told_by_any_name_and_a_proxy_that_is_not_named_is_told_once() {
    let program = Program::start(&[("CHARGEDECK_TRUSTED_PROXIES", "10.0.0.7, 0.0.0.0/1".to_owned())]).await;
    let status =
        async |head: &str| ask(Ipv4Addr::LOCALHOST, program.port(), format!("{head}\r\n\r\n")).await.unwrap().status;
    for path in ["/healthz", "/readyz"] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            // HAProxy's health check in its default form.
            assert_eq!(status(&format!("{method} {path} HTTP/1.0")).await, 200, "{method} {path}");
            assert_eq!(
                status(&format!("{method} {path} HTTP/1.0\r\nHost: 10.0.0.9:3000")).await,
                200,
                "{method} {path}"
            );
        }
        assert_eq!(status(&format!("POST {path} HTTP/1.0")).await, 401);
    }
    assert_eq!(status("GET /login HTTP/1.0").await, 421, "everything else wants its name");
    assert_eq!(status("OPTIONS /login HTTP/1.0").await, 421);

    let warnings = || program.server.log().matches("X-Forwarded-For is not believed").count();
    assert_eq!(warnings(), 0);
    for n in 0..3 {
        let head = format!("GET /healthz HTTP/1.0\r\nX-Forwarded-For: 192.0.2.{n}");
        assert_eq!(status(&head).await, 200);
    }
    assert_eq!(warnings(), 0);
    assert!(program.server.log().contains("CHARGEDECK_TRUSTED_PROXIES holds 0.0.0.0/1"), "told at the start");

    let program = Program::start(&[]).await;
    for n in 0..3 {
        let head = format!("GET /healthz HTTP/1.0\r\nX-Forwarded-For: 192.0.2.{n}\r\n\r\n");
        assert_eq!(ask(Ipv4Addr::LOCALHOST, program.port(), head).await.unwrap().status, 200);
    }
    assert_eq!(program.server.log().matches("X-Forwarded-For is not believed").count(), 1);
}
