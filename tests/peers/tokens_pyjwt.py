"""PyJWT as a verifier of many tokens: python tokens_pyjwt.py ISSUER

The first line of the input: public keys by kid, as PEM. Each further line: tokens, as a JSON array. One line of output each:
for every token its claims, or the class of the error.
"""

import json
import sys

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def text(value):
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def verdict(token, keys, issuer):
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid not in keys:
            return {"error": "unknown kid"}
        options = {"verify_aud": False}
        claims = jwt.decode(token, keys[kid], algorithms=["ES256"], issuer=issuer, leeway=30, options=options)
        exp = claims.get("exp")
        claims = {name: text(claims.get(name)) for name in ("sub", "iss", "email", "name")}
        claims["exp"] = exp if isinstance(exp, int) and not isinstance(exp, bool) and exp < 2**64 else None
        return {"claims": claims}
    except jwt.PyJWTError as error:
        return {"error": type(error).__name__}
    except Exception as error:
        # No error of the package itself.
        return {"error": f"uncaught {type(error).__name__}"}


keys = {kid: load_pem_public_key(pem.encode()) for kid, pem in json.loads(sys.stdin.readline()).items()}
for line in sys.stdin:
    print(json.dumps([verdict(token, keys, sys.argv[1]) for token in json.loads(line)]), flush=True)
