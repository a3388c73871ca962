"""Signs in with azure-identity: identity.py URL TENANT APP SECRET KEY_AND_CERTIFICATE

The environment has IDENTITY_ENDPOINT and IDENTITY_HEADER, and names the authority to trust.
"""

import base64
import json
import sys

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

url, tenant, app, secret, certificate = sys.argv[1:]
GRAPH = "https://graph.microsoft.com"
here = {"authority": url, "disable_instance_discovery": True}


def claims(token):
    part = token.token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def check(name, credential):
    said = claims(credential.get_token(GRAPH + "/.default"))
    assert said["aud"] == GRAPH, said
    assert said["appid"] == app, said
    assert "ThreatHunting.Read.All" in said["roles"], said
    print(name)


check("secret", ClientSecretCredential(tenant, app, secret, **here))
check("certificate", CertificateCredential(tenant, app, certificate, **here))
check("managed identity", ManagedIdentityCredential())


def refused(name, credential, code):
    try:
        credential.get_token(GRAPH + "/.default")
    except ClientAuthenticationError as error:
        assert code in str(error), error
        assert secret not in str(error)
        print(name)
    else:
        raise AssertionError(f"{name}: it was let in")


refused("wrong secret", ClientSecretCredential(tenant, app, "wrong", **here), "AADSTS7000215")
nobody = "dddddddd-0000-4000-8000-000000000001"
refused("no such application", ClientSecretCredential(tenant, nobody, secret, **here), "AADSTS700016")
refused("no such assertion", ClientAssertionCredential(tenant, app, lambda: "x", **here), "AADSTS50027")
