"""Verifies x-amzn-oidc-data of an Application Load Balancer. Needs PyJWT 2 and cryptography.

python verify.py KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    with the token on standard input
Prints the claims as JSON; exits with 1 and the reason if the token is rejected.
"""

import json
import re
import sys
import urllib.request

import jwt

KID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LEEWAY_SECONDS = 30
keys = {}  # By kid. AWS never reuses one.


def verify(token, key_endpoint, signer, issuer, client_id):
    header = jwt.get_unverified_header(token)
    # Before a key is fetched. Every AWS account signs with the keys of its region, so without the comparison of
    # `signer` a token of an attacker's load balancer is accepted.
    expected = {"alg": "ES256", "signer": signer, "iss": issuer, "client": client_id}
    for name, value in expected.items():
        if header.get(name) != value:
            raise jwt.InvalidTokenError(f"{name} is {header.get(name)!r}, expected {value!r}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise jwt.InvalidTokenError("kid is not a UUID in lower case")  # It becomes part of an address.
    if kid not in keys:
        with urllib.request.urlopen(f"{key_endpoint}/{kid}", timeout=5) as response:
            keys[kid] = response.read(8192)
    # The payload is what the load balancer signed of the provider's userinfo response: an `aud`, `iat` or `nbf` in it is
    # the provider's.
    options = {"require": ["exp", "sub"], "verify_aud": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(
        token, keys[kid], algorithms=["ES256"], issuer=issuer, leeway=LEEWAY_SECONDS, options=options
    )


if __name__ == "__main__":
    try:
        print(json.dumps(verify(sys.stdin.read().strip(), *sys.argv[1:])))
    except (jwt.PyJWTError, OSError) as error:
        sys.exit(f"rejected: {error}")
