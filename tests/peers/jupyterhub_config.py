"""JupyterHub with the authenticator for remote users, as docs/PROXY.md describes the profile `jupyterhub`.

python -m jupyterhub --config jupyterhub_config.py, with the port in HUB_PORT and a folder of its own as the current one. No notebooks are
started and nothing is routed, so the hub responds itself, without the proxy that is usually before it.
"""

import os

from jupyterhub.proxy import Proxy
from jhub_remote_user_authenticator.remote_user_auth import RemoteUserAuthenticator


class NoProxy(Proxy):
    async def start(self):
        pass

    async def stop(self):
        pass

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}


port = os.environ["HUB_PORT"]
c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = RemoteUserAuthenticator
c.RemoteUserAuthenticator.header_name = "Remote-User"
c.Authenticator.allow_all = True
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}/hub/"
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}/"
c.JupyterHub.cookie_secret = os.urandom(32)
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cleanup_servers = False
