"""The programs that are compared: how each is started. Not a program."""
import json

from running import HERE, INSTALLED, TARGET, free_port

# Each peer: starts, and returns the process to measure, the address to load and the form of tokens.

def alb_auth_proxy(run, connections=16):
    port = free_port()
    command = [TARGET / "dist" / "alb-auth-proxy", "--listen", f"127.0.0.1:{port}", "--exempt", "GET /free",
               "--upstream", f"http://127.0.0.1:{run.upstream_port}", "--header", "X-Forwarded-User={email}"]
    if connections > 16:
        command += ["--max-connections", str(connections + connections // 5)]
    return run.start(f"alb-auth-proxy-{connections}", command, port), port, "padded"


def haproxy(run):
    port, conf, facts = free_port(), run.folder / "haproxy.cfg", run.facts
    conf.write_text(f"""
global
    nbthread 1
    tune.bufsize 32768
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend edge
    bind 127.0.0.1:{port}
    http-request set-var(txn.token) req.hdr(x-amzn-oidc-data)
    acl free path /free
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_header_query('$.alg') -m str ES256 }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_header_query('$.signer') -m str {facts["signer"]} }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_payload_query('$.iss') -m str {facts["issuer"]} }}
    http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 if !free {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_verify("ES256","{run.folder}/key.pem") -m int 1 }}
    http-request set-header X-Forwarded-User %[var(txn.token),jwt_payload_query('$.email')] unless free
    http-request del-header x-amzn-oidc-data
    default_backend service
backend service
    server service 127.0.0.1:{run.upstream_port}
""")
    return run.start("haproxy", ["haproxy", "-db", "-f", conf], port), port, "unpadded"


def envoy(run):
    port, conf, facts = free_port(), run.folder / "envoy.json", run.facts
    jwks = (run.folder / "jwks.json").read_text()
    http_type = "type.googleapis.com/envoy.extensions.filters.http"
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "service"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": {
                "@type": f"{http_type}.jwt_authn.v3.JwtAuthentication",
                "providers": {"alb": {
                    "issuer": facts["issuer"], "local_jwks": {"inline_string": jwks},
                    "from_headers": [{"name": "x-amzn-oidc-data"}],
                    "claim_to_headers": [{"header_name": "x-forwarded-user", "claim_name": "email"}]}},
                "rules": [{"match": {"path": "/free"}}, {"match": {"prefix": "/"}, "requires": {"provider_name": "alb"}}]}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{http_type}.router.v3.Router"}}]}
    address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
    conf.write_text(json.dumps({"static_resources": {
        "listeners": [{"name": "edge", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "service", "type": "STATIC", "load_assignment": {"cluster_name": "service", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(run.upstream_port)}}]}]}}]}}))
    command = [INSTALLED / "venv/bin/envoy", "-c", conf, "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    return run.start("envoy", command, port), port, "unpadded"


def axum_layer(run, threads=1):
    port = free_port()
    return run.start(f"axum_service-{port}", [TARGET / "release" / "axum_service", port], port, threads=threads), port, "padded"


def raw_service(run, where, threads):
    port = free_port()
    command = [TARGET / "release" / "raw_service", port, run.folder / "key.pem", where]
    return run.start(f"raw_service-{port}", command, port, threads=threads), port, "padded"


def nginx_njs(run):
    """auth_request runs the handler: `js_access` is in newer versions of njs than Debian 12 has."""
    port, conf, facts = free_port(), run.folder / "njs.conf", run.facts
    key = "".join(line for line in (run.folder / "key.pem").read_text().splitlines() if not line.startswith("-"))
    settings = {"key": key, "signer": facts["signer"], "issuer": facts["issuer"], "client": facts["client_id"]}
    (run.folder / "settings.json").write_text(json.dumps(settings))
    conf.write_text(f"""
        load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
        daemon off; worker_processes 1; pid {run.folder}/njs.pid; error_log {run.folder}/njs.error crit;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 100000000; large_client_header_buffers 8 32k;
            js_path {HERE}; js_import verifier from verifier_njs.js;
            js_preload_object settings from {run.folder}/settings.json;
            upstream service {{ server 127.0.0.1:{run.upstream_port}; keepalive 32; keepalive_requests 100000000; }}
            proxy_http_version 1.1; proxy_set_header Connection "";
            server {{ listen 127.0.0.1:{port};
                location = /verify {{ internal; js_content verifier.verify; }}
                location = /free {{ proxy_pass http://service; }}
                location / {{ auth_request /verify; auth_request_set $user $sent_http_x_forwarded_user; proxy_set_header Connection "";
                    proxy_set_header X-Forwarded-User $user; proxy_set_header X-Amzn-Oidc-Data ""; proxy_pass http://service; }} }} }}""")
    return run.start("njs", ["nginx", "-c", conf], port), port, "padded"


def apache(run):
    """One process of mpm_event (-X). The module has a way to verify what a load balancer signs: the key's address by eckey_uri."""
    port, conf, facts = free_port(), run.folder / "apache.conf", run.facts
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "env", "headers", "proxy", "proxy_http", "oauth2"]
    load = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules)
    conf.write_text(f"""
ServerName app.example.com
ServerRoot {run.folder}
PidFile {run.folder}/apache.pid
ErrorLog /dev/stderr
LogLevel crit
Listen 127.0.0.1:{port}
{load}
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestFieldSize 32768
OAuth2Cache shm name=keys
ProxyPass / http://127.0.0.1:{run.upstream_port}/ enablereuse=on
<Location />
    AuthType oauth2
    OAuth2AcceptTokenIn header name=x-amzn-oidc-data&type=
    OAuth2TokenVerify eckey_uri http://127.0.0.1:{run.key_port}/{facts["kid"]} eckey_uri.cache=keys&verify.exp=required&verify.iat=optional
    Require oauth2_claim iss:{facts["issuer"]}
</Location>
<Location /free>
    AuthType None
    Require all granted
</Location>
""")
    return run.start("apache", ["apache2", "-X", "-f", conf], port), port, "padded"


def behind_nginx(run, verifier_port, tokens):
    """nginx on the other processor, which asks the verifier about each request."""
    port, name = free_port(), f"gate-{verifier_port}"
    conf = run.folder / f"{name}.conf"
    conf.write_text(f"""
        daemon off; worker_processes 1; pid {run.folder}/{name}.pid; error_log {run.folder}/{name}.error crit;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 100000000; large_client_header_buffers 8 32k;
            upstream verifier {{ server 127.0.0.1:{verifier_port}; keepalive 32; keepalive_requests 100000000; }}
            server {{ listen 127.0.0.1:{port};
                location = /verify {{ internal; proxy_pass http://verifier/; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
                location / {{ auth_request /verify; try_files /none @ok; }}
                location @ok {{ return 200 "ok"; }} }} }}""")
    run.start(name, ["nginx", "-c", conf], port, processor=1)
    return port, tokens


def forward_auth(run):
    port = free_port()
    command = [TARGET / "dist" / "alb-auth-proxy", "--forward-auth-listen", f"127.0.0.1:{port}", "--header", "X-Forwarded-User={email}"]
    return (run.start("forward-auth", command, port), *behind_nginx(run, port, "padded"))


def node(run):
    port, facts = free_port(), run.facts
    command = ["node", HERE / "verifier.mjs", port, f"http://127.0.0.1:{run.key_port}", facts["signer"], facts["issuer"], facts["client_id"]]
    run.environment["PEERS_MODULES"] = str(INSTALLED / "node_modules")
    return (run.start("node", command, port), *behind_nginx(run, port, "padded"))


def pyjwt(run):
    port, facts = free_port(), run.facts
    command = [INSTALLED / "venv/bin/python", HERE / "verifier.py", port, run.folder / "key.pem", facts["signer"], facts["issuer"]]
    return (run.start("pyjwt", command, port), *behind_nginx(run, port, "unpadded"))


PEERS = {
    "alb-auth-proxy": alb_auth_proxy, "HAProxy jwt_verify": haproxy, "Envoy jwt_authn": envoy, "layer in axum": axum_layer,
    "nginx with njs": nginx_njs, "Apache mod_oauth2": apache,
    "alb-auth-proxy, forward auth": forward_auth, "aws-jwt-verify in Node": node, "PyJWT in Python": pyjwt,
}
FORWARD = ("alb-auth-proxy, forward auth", "aws-jwt-verify in Node", "PyJWT in Python")
