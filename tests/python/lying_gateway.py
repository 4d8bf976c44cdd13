"""A gateway that lies: it passes everything on to a real one, keeps what passed, and changes what a rule tells it to."""

import http.client
import http.server
import socketserver
import threading
import urllib.parse


class LyingGateway:
    """Listens on a port of its own. `rule(path, body) -> body` changes answers; None passes them on."""

    def __init__(self, url):
        self.behind = urllib.parse.urlsplit(url)
        self.rule = None
        self.traffic = bytearray()
        self.server = Server(("127.0.0.1", 0), handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def handler(gateway):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            gateway.traffic += self.requestline.encode() + str(self.headers).encode() + body
            behind = http.client.HTTPConnection(gateway.behind.hostname, gateway.behind.port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            data = answer.read()
            gateway.traffic += str(answer.headers).encode() + data
            if gateway.rule is not None and answer.status < 300:
                data = gateway.rule(self.path, data)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/octet-stream"))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = pass_on

    return Handler
