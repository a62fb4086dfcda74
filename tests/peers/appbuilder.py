"""A Flask-AppBuilder application, on which Airflow and Superset are built, with the settings of docs/PROXY.md for them.

Prints the port. `/login/` signs in, and `/me` responds with the name of the signed-in user, or "anonymous". The database is in
memory. The server is that of the standard library, which folds X_Forwarded_User and X-Forwarded-User into one variable.
"""

import logging
from wsgiref.simple_server import WSGIRequestHandler, make_server

from flask import Flask, g
from flask_appbuilder import AppBuilder
from flask_appbuilder.const import AUTH_REMOTE_USER
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy.pool import StaticPool

logging.disable(logging.WARNING)
application = Flask(__name__)
application.config.update(
    AUTH_TYPE=AUTH_REMOTE_USER,
    AUTH_REMOTE_USER_ENV_VAR="HTTP_X_FORWARDED_USER",
    AUTH_USER_REGISTRATION=True,
    AUTH_USER_REGISTRATION_ROLE="Public",
    SECRET_KEY="of this test only",
    SQLALCHEMY_DATABASE_URI="sqlite://",
    SQLALCHEMY_ENGINE_OPTIONS={"poolclass": StaticPool, "connect_args": {"check_same_thread": False}},
)
database = get_sqla_class()()
with application.app_context():
    database.init_app(application)
    AppBuilder(application, database.session)


@application.get("/me")
def me():
    return g.user.username if g.user.is_authenticated else "anonymous"


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
