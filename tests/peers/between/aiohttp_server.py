"""A server of aiohttp: python aiohttp_server.py PORT [with-room]"""

import asyncio
import sys

from aiohttp import web


async def serve(port, limits):
    app = web.Application()
    app.router.add_get("/{path:.*}", lambda request: ok())
    runner = web.AppRunner(app, **limits)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def ok():
    return web.Response(text="ok")


with_room = {"max_line_size": 65536, "max_field_size": 65536} if "with-room" in sys.argv else {}
asyncio.run(serve(int(sys.argv[1]), with_room))
