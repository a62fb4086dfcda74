"""What the package grpcio makes of a response.

python grpc_python.py ADDRESS...    calls grpc.health.v1.Health/Check at each; prints [version, [[code, message], ...]] as JSON

With the header x-amzn-oidc-data if TOKEN is set.
"""

import json
import os
import sys

import grpc


def call(address):
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            token = os.environ.get("TOKEN")
            check(b"", timeout=20, metadata=[("x-amzn-oidc-data", token)] if token else None)
        except grpc.RpcError as error:
            return [error.code().name, error.details()]
        return ["OK", ""]


print(json.dumps([grpc.__version__, [call(address) for address in sys.argv[1:]]]))
