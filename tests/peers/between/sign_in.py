"""Signs in through the emulator: python sign_in.py requests|aiohttp|aiohttp-unsafe|aiohttp-header URL

Prints the user whom the application names, or `redirects without end`.
"""

import asyncio
import socket
import sys

import aiohttp
import requests

LOOKUP = socket.getaddrinfo


def lookup(host, *arguments, **options):
    """Names under localhost are this machine, as in browsers; the hosts file need not have them."""
    name = host.decode() if isinstance(host, bytes) else host
    return LOOKUP("127.0.0.1" if name and name.endswith(".localhost") else host, *arguments, **options)


socket.getaddrinfo = lookup


def by_requests(url):
    session = requests.Session()
    session.trust_env = False
    try:
        # The second request uses the session.
        session.get(url, timeout=20)
        response = session.get(url, timeout=20)
    except requests.TooManyRedirects:
        return "redirects without end"
    return response.json()["user"] if response.ok else f"HTTP {response.status_code}"


async def by_aiohttp(url, unsafe):
    jar = aiohttp.CookieJar(unsafe=unsafe)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        try:
            async with session.get(url):
                pass
            async with session.get(url) as response:
                return (await response.json())["user"] if response.ok else f"HTTP {response.status}"
        except aiohttp.TooManyRedirects:
            return "redirects without end"


async def by_a_header_of_aiohttp(url):
    """Signs in with a jar, and sends its cookies without the jar, whose limit they exceed."""
    jar = aiohttp.CookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        try:
            await session.get(url)
        except aiohttp.TooManyRedirects:
            pass
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in jar if cookie.key.startswith("AWSELBAuthSession"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers={"Cookie": cookies}) as session:
        async with session.get(url) as response:
            return (await response.json())["user"] if response.ok else f"HTTP {response.status}"


client, url = sys.argv[1:]
if client == "requests":
    print(by_requests(url))
elif client == "aiohttp-header":
    print(asyncio.run(by_a_header_of_aiohttp(url)))
else:
    print(asyncio.run(by_aiohttp(url, client == "aiohttp-unsafe")))
