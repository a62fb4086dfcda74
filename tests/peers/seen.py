"""A WSGI application for gunicorn and uWSGI that adds a line of JSON to the file in SEEN for each request: its path, its
users, its host, and how many of its texts are "forged"."""

import json
import os


def application(environ, start_response):
    # A body of chunks, with its trailers, is read to its end where the server marks it.
    length = -1 if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"].read(length)
    users = [value for name, value in environ.items() if name == "HTTP_X_WEBAUTH_USER"]
    forged = sum(value == "forged" for value in environ.values())
    seen = {"path": environ["PATH_INFO"], "users": users, "host": environ.get("HTTP_HOST", ""), "forged": forged}
    line = json.dumps(seen) + "\n"
    file = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"seen"]
