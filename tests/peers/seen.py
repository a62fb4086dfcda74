"""A WSGI application for gunicorn and uWSGI that adds a line of JSON to the file in SEEN for each request: its path and its user."""

import json
import os


def application(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    users = [value for name, value in environ.items() if name == "HTTP_X_WEBAUTH_USER"]
    line = json.dumps({"path": environ["PATH_INFO"], "users": users}) + "\n"
    file = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"seen"]
