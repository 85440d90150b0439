"""What stands before Streamlit: names, origins, closed endpoints, headers."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from crm.access import sessions
from crm.settings import read
from crm.web import hosts
from tests.web.conftest import ORIGIN

STREAM = "ws://localhost:8501/_stcore/stream"


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:8502", "localhost:8501.evil.example", "127.0.0.1", ""])
def test_a_name_this_server_does_not_go_by_is_refused(web: TestClient, host: str) -> None:
    assert web.get("/leads", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "LOCALHOST:8501", "[::1]:8501"])
def test_its_own_names_are_answered(web: TestClient, host: str) -> None:
    assert web.get("/leads", headers={"host": host}).text == "inner /leads"


@pytest.mark.parametrize("origin", ["http://evil.example", "https://localhost:8501", "http://localhost:8502", "http://127.0.0.1:8501", "null"])
def test_a_write_from_another_site_is_refused(signed_in: TestClient, origin: str) -> None:
    assert signed_in.post("/api/v1/leads", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": ORIGIN}, {}])
def test_a_write_from_our_own_page_or_from_a_program_passes(web: TestClient, headers: dict[str, str]) -> None:
    assert web.post("/api/v1/leads", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore//metrics", "//_stcore/metrics", "/_stcore/%6detrics", "/_stcore/agent/interact",
                                  "/_stcore/agent/mcp", "/_stcore/script-health-check", "/auth/login", "/oauth2callback"])  # fmt: skip
def test_streamlits_open_endpoints_are_closed(signed_in: TestClient, path: str) -> None:
    assert signed_in.get(ORIGIN + path).status_code == 404


@pytest.mark.parametrize("path", ["/media/abc.csv", "/media//abc.csv", "//media/abc.csv", "/_stcore/upload_file/page/1"])
def test_files_need_a_session(web: TestClient, token: str, path: str) -> None:
    assert web.get(ORIGIN + path).status_code == 401
    web.cookies.set("throughline_8501", token + "x")
    assert web.get(ORIGIN + path).status_code == 401


def test_files_are_served_to_who_is_signed_in_until_they_sign_out(signed_in: TestClient, token: str) -> None:
    assert signed_in.get("/media/abc.csv").status_code == 200
    sessions.end(token)
    assert signed_in.get("/media/abc.csv").status_code == 401


def test_one_uploads_to_ones_own_page_only(signed_in: TestClient, token: str) -> None:
    from crm.web import sockets

    sockets.bind("anas-page", sessions.hash_of(token))
    sockets.bind("brunos-page", sessions.hash_of("somebody else's"))
    assert signed_in.put("/_stcore/upload_file/anas-page/1", headers={"origin": ORIGIN}).status_code == 200
    assert signed_in.put("/_stcore/upload_file/brunos-page/1", headers={"origin": ORIGIN}).status_code == 403
    assert signed_in.put("/_stcore/upload_file/nobodys-page/1", headers={"origin": ORIGIN}).status_code == 403


def test_the_page_may_ask_how_it_is_hosted_and_learns_nothing(web: TestClient) -> None:
    answer = web.get("/_stcore/host-config").json()
    assert answer["allowedOrigins"] == [] and answer["useExternalAuthToken"] is False


def test_every_answer_carries_the_security_headers(web: TestClient) -> None:
    for path in ("/leads", "/healthz", "/_stcore/metrics"):
        headers = web.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"], headers["referrer-policy"]) == ("nosniff", "DENY", "same-origin")


@pytest.mark.parametrize("headers", [{}, {"origin": "http://evil.example"}, {"origin": "http://localhost:9999"}, {"origin": ORIGIN, "host": "evil.example"}])
def test_a_socket_from_elsewhere_or_from_nowhere_is_refused(signed_in: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect(STREAM, headers=headers):
        pass


def test_a_socket_of_our_own_page_is_let_through(signed_in: TestClient) -> None:
    with signed_in.websocket_connect(STREAM, headers={"origin": ORIGIN}) as socket:
        socket.receive_text()
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_only_streamlits_stream_is_a_socket(signed_in: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect("ws://localhost:8501/elsewhere", headers={"origin": ORIGIN}):
        pass


def protocols(web: TestClient) -> str:
    headers = {"origin": ORIGIN, "sec-websocket-protocol": "streamlit, xsrf-token, anas-page"}
    with web.websocket_connect(STREAM, headers=headers) as socket:
        return socket.receive_text()


def test_a_page_is_resumed_by_its_own_cookie_and_by_no_other(web: TestClient, token: str) -> None:
    from crm.web import sockets

    sockets.bind("anas-page", sessions.hash_of(token))
    assert protocols(web) == "streamlit, xsrf-token"
    web.cookies.set("throughline_8501", token)
    assert protocols(web) == "streamlit, xsrf-token, anas-page"
    sockets.bind("anas-page", sessions.hash_of("somebody else's"))
    assert protocols(web) == "streamlit, xsrf-token"


@pytest.mark.parametrize(("base_url", "expected"), [
    ("https://crm.example.com", ("crm.example.com", "https://crm.example.com")),
    ("https://crm.example.com:443/", ("crm.example.com", "https://crm.example.com")),
    ("http://192.168.1.20:8501", ("192.168.1.20:8501", "http://192.168.1.20:8501")),
])  # fmt: skip
def test_the_address_people_type_is_one_of_its_names(base_url: str, expected: tuple[str, str]) -> None:
    assert expected in hosts.allowed(read({"CRM_BASE_URL": base_url, "CRM_HOST": "0.0.0.0"})).items()


def test_binding_to_every_interface_makes_no_name_valid() -> None:
    assert set(hosts.allowed(read({"CRM_HOST": "0.0.0.0"}))) == {"localhost:8501", "127.0.0.1:8501", "[::1]:8501"}
