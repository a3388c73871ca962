"""Queries with azure-kusto-data, signed in as an application: kusto.py URL TENANT APP SECRET"""

import sys

from azure.identity import ClientSecretCredential
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoClientError, KustoServiceError

url, tenant, app, secret = sys.argv[1:]


def client(secret):
    credential = ClientSecretCredential(
        tenant, app, secret, authority=url, disable_instance_discovery=True
    )
    return KustoClient(KustoConnectionStringBuilder.with_azure_token_credential(url, credential))


answer = client(secret).execute("lab", "Events | summarize sum(Bytes)")
assert answer.primary_results[0][0][0] == 35, answer.primary_results[0]
print("rows")

try:
    client(secret).execute("lab", "Nope")
except KustoServiceError as error:
    assert "Nope" in str(error), error
    print("error")

try:
    client("wrong").execute("lab", "Events")
except (KustoClientError, KustoServiceError) as error:
    assert "AADSTS7000215" in str(error), error
    print("wrong secret")
