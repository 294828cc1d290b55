"""A server for others: TLS, and users with roles from a Keycloak realm, as README.md describes it."""

import base64
import datetime
import ipaddress
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from running import REPOSITORY, start
from studies import copy_bundles, prostate, write_nifti

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Realm(BaseHTTPRequestHandler):
    """What a Keycloak realm says of itself."""

    def do_GET(self):
        der = KEY.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        body = json.dumps({"public_key": base64.b64encode(der).decode()}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def write_certificate(folder):
    """A key and a certificate for 127.0.0.1, signed by itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(KEY, hashes.SHA256())
    )
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "key.pem", folder / "cert.pem"


def token(*roles, key=KEY):
    payload = {"preferred_username": "anna", "realm_access": {"roles": list(roles)}, "exp": 4102444800}
    return {"Authorization": "Bearer " + jwt.encode(payload, key, algorithm="RS256")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    key, certificate = write_certificate(folder)
    realm = HTTPServer(("127.0.0.1", 0), Realm)
    threading.Thread(target=realm.serve_forever, daemon=True).start()
    studies = folder / "studies"
    studies.mkdir()
    write_nifti(prostate().image, prostate().affine, studies / "lps.nii.gz")
    program = str(REPOSITORY / "apps" / "label" / "serve.py")
    command = [program, str(studies), "--ssl_keyfile", str(key), "--ssl_certfile", str(certificate)]
    settings = {
        "MONAI_LABEL_AUTH_ENABLE": "true",
        "MONAI_LABEL_AUTH_REALM_URI": f"http://127.0.0.1:{realm.server_port}",
        "SCHEME": "https",
        "REQUESTS_CA_BUNDLE": str(certificate),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with start(studies, copy_bundles(folder / "bundles"), command, **settings) as running:
            yield running
    realm.shutdown()


IMAGE = "/datastore/image?image=lps"


@pytest.mark.parametrize("path", [IMAGE, "/info/", "/datastore/", "/model/crossover_kidney", "/logs/", "/train/"])
def test_nothing_without_a_token(shared, path):
    assert shared.get(path).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (token("monailabel-user"), 200),
        (token("another-role"), 403),
        (token("monailabel-user", key=OTHER_KEY), 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        (
            {"Authorization": "Bearer " + jwt.encode({"realm_access": {"roles": ["monailabel-user"]}}, "secret")},
            401,
        ),
    ],
)
def test_roles(shared, headers, status):
    assert shared.get(IMAGE, headers=headers).status_code == status


def test_a_user_does_not_train(shared):
    asked = {"headers": token("monailabel-user"), "json": {}}
    assert shared.post("/train/crossover_kidney", **asked).status_code == 403
