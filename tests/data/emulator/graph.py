"""Hunts with msgraph-sdk: graph.py URL TENANT APP SECRET"""

import asyncio
import sys
from urllib.parse import urlparse

from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.security.microsoft_graph_security_run_hunting_query.run_hunting_query_post_request_body import (
    RunHuntingQueryPostRequestBody,
)

url, tenant, app, secret = sys.argv[1:]
credential = ClientSecretCredential(
    tenant, app, secret, authority=url, disable_instance_discovery=True
)
provider = AzureIdentityAuthenticationProvider(
    credential,
    scopes=["https://graph.microsoft.com/.default"],
    allowed_hosts=[urlparse(url).hostname],
)
adapter = GraphRequestAdapter(provider)
adapter.base_url = url + "/v1.0"
client = GraphServiceClient(request_adapter=adapter)


async def hunt(query, timespan=None):
    body = RunHuntingQueryPostRequestBody(query=query, timespan=timespan)
    return await client.security.microsoft_graph_security_run_hunting_query.post(body)


async def main():
    found = await hunt("Events | order by Timestamp asc | project Timestamp, Device, Bytes, Ok")
    columns = [(column.name, column.type) for column in found.schema]
    assert columns == [
        ("Timestamp", "DateTime"),
        ("Device", "String"),
        ("Bytes", "Int64"),
        ("Ok", "SByte"),
    ], columns
    rows = [row.additional_data for row in found.results]
    assert [row["Bytes"] for row in rows] == [10, 20, 5], rows
    assert [row["Ok"] for row in rows] == [True, False, None], rows
    print("rows and columns")

    found = await hunt("Events | count", "2026-01-15T08:15:00Z/PT1H")
    assert found.results[0].additional_data == {"Count": 1}, found.results
    print("timespan")

    try:
        await hunt("Nope | where A == 1")
    except ODataError as error:
        assert error.response_status_code == 400, error
        assert error.error.code == "BadRequest", error
        assert "'Nope'" in error.error.message, error
        assert error.error.inner_error.request_id, error
        print("error")

    found = await hunt("range n from 1 to 50000 step 1")
    assert sorted(row.additional_data["n"] for row in found.results) == list(range(1, 50001))
    print("many rows")


asyncio.run(main())
