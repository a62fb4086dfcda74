"""Applications that read the user from a header: `remote_user.py flask`, `remote_user.py flask-remote-user` and
`remote_user.py django`.

Prints the port. Responds to every path with the user's name, or "anonymous". The server is that of the standard
library, which folds X_Forwarded_User and X-Forwarded-User into one variable.
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server


def flask_application():
    from flask import Flask, request

    application = Flask(__name__)

    @application.get("/")
    @application.get("/<path:path>")
    def index(path=""):
        return request.headers.get("X-Forwarded-User", "anonymous")

    return application


def with_remote_user(wsgi_app):
    def application(environ, start_response):
        environ.pop("REMOTE_USER", None)
        if user := environ.get("HTTP_X_FORWARDED_USER"):
            environ["REMOTE_USER"] = user
        return wsgi_app(environ, start_response)

    return application


def flask_remote_user_application():
    from flask import Flask, request

    application = Flask(__name__)
    application.wsgi_app = with_remote_user(application.wsgi_app)

    @application.get("/")
    @application.get("/<path:path>")
    def index(path=""):
        return request.remote_user or "anonymous"

    return application


def django_application():
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import re_path

    global ForwardedUserMiddleware, urlpatterns

    settings.configure(
        ALLOWED_HOSTS=["*"],
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "__main__.ForwardedUserMiddleware",
        ],
        ROOT_URLCONF="__main__",
        SECRET_KEY="of this test only",
    )

    django.setup()
    # Its import needs the settings.
    from django.contrib.auth.middleware import RemoteUserMiddleware

    class ForwardedUserMiddleware(RemoteUserMiddleware):
        header = "HTTP_X_FORWARDED_USER"

    urlpatterns = [re_path("", lambda request: HttpResponse(request.user.get_username() or "anonymous"))]
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    return get_wsgi_application()


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


make = {
    "flask": flask_application,
    "flask-remote-user": flask_remote_user_application,
    "django": django_application,
}[sys.argv[1]]
with make_server("127.0.0.1", 0, make(), handler_class=Quiet) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
