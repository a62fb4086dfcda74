"""What a team would write: a verifier for forward auth with PyJWT, in an ASGI server.

python verifier.py PORT KEY_FILE SIGNER ISSUER
"""
import pathlib
import sys

import jwt
import uvicorn
from cryptography.hazmat.primitives.serialization import load_pem_public_key

port, key_file, signer, issuer = sys.argv[1:]
key = load_pem_public_key(pathlib.Path(key_file).read_bytes())


async def application(scope, receive, send):
    token = dict(scope["headers"]).get(b"x-amzn-oidc-data", b"").decode("latin-1")
    status, headers = 401, []
    try:
        decoded = jwt.decode_complete(token, key, algorithms=["ES256"], issuer=issuer, options={"require": ["exp"]})
        if decoded["header"].get("signer") == signer:
            status, headers = 200, [(b"x-forwarded-user", decoded["payload"]["email"].encode())]
    except jwt.InvalidTokenError:
        pass
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


uvicorn.run(application, host="127.0.0.1", port=int(port), lifespan="off", access_log=False, log_level="error")
