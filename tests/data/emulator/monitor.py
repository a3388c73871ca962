"""Queries with azure-monitor-query: monitor.py URL TENANT APP SECRET; the cap is 100 rows"""

import datetime
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.monitor.query import LogsQueryClient, LogsQueryStatus

url, tenant, app, secret = sys.argv[1:]
workspace = "cccccccc-0000-4000-8000-000000000001"
credential = ClientSecretCredential(
    tenant, app, secret, authority=url, disable_instance_discovery=True
)
client = LogsQueryClient(credential, endpoint=url + "/v1")
utc = datetime.timezone.utc

answer = client.query_workspace(
    workspace, "Events | order by Timestamp asc | project Timestamp, Bytes, Ok", timespan=None
)
assert answer.status == LogsQueryStatus.SUCCESS, answer
table = answer.tables[0]
assert table.columns == ["Timestamp", "Bytes", "Ok"], table.columns
assert table.columns_types == ["datetime", "long", "bool"], table.columns_types
assert [list(row) for row in table.rows] == [
    [datetime.datetime(2026, 1, 15, 8, tzinfo=utc), 10, True],
    [datetime.datetime(2026, 1, 15, 8, 30, tzinfo=utc), 20, False],
    [datetime.datetime(2026, 1, 15, 10, tzinfo=utc), 5, None],
], [list(row) for row in table.rows]
print("rows and columns")

span = (datetime.datetime(2026, 1, 15, 8, 15, tzinfo=utc), datetime.timedelta(hours=1))
answer = client.query_workspace(workspace, "Events | count", timespan=span)
assert answer.tables[0].rows[0][0] == 1, answer.tables[0].rows
print("timespan")

answer = client.query_workspace(
    workspace, "Events", timespan=None, server_timeout=30, include_statistics=True
)
assert answer.statistics["query"]["datasetStatistics"][0]["tableRowCount"] == 3
print("statistics")

answer = client.query_workspace(workspace, "range n from 1 to 101 step 1", timespan=None)
assert answer.status == LogsQueryStatus.PARTIAL, answer
assert len(answer.partial_data[0].rows) == 100
assert "100 records" in str(answer.partial_error.details), answer.partial_error.details
print("partial")

try:
    client.query_workspace(workspace, "Nope | where A == 1", timespan=None)
except HttpResponseError as error:
    assert error.status_code == 400, error
    assert "SemanticError" in str(error), error
    print("error")
