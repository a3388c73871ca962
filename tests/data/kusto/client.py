"""Asks `huntd emulate` with the official client of Azure Data Explorer.

Usage: client.py URL. Prints the name of each check that holds; ends with an error at the first
that does not.
"""

import datetime
import decimal
import json
import sys
import threading
import time
import urllib.request

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoApiError, KustoMultiApiError, KustoServiceError
from azure.kusto.data.helpers import dataframe_from_result_table
from azure.kusto.data.response import KustoResponseDataSetV1

URL = sys.argv[1]
DATABASE = "Telemetry"
UTC = datetime.timezone.utc
client = KustoClient(KustoConnectionStringBuilder.with_no_authentication(URL))

EVERY_TYPE = """
datatable(b: bool, i: int, l: long, r: real, dec: decimal, s: string, t: datetime, ts: timespan, g: guid, d: dynamic)
[
    true, 1, 9223372036854775807, 0.1, decimal(1.25), 'a "quoted" \u00fc \U0001f600',
    datetime(2026-01-15T08:30:00.1234567Z), time(1.02:03:04.0000005), guid(74be27de-1e4e-49d9-b579-fe0b331d3642),
    dynamic({"k": [1, 2.5, "x", null]}),
    false, -1, -9223372036854775807, real(nan), decimal(-3), '', datetime(1969-12-31), time(-1d),
    guid(00000000-0000-0000-0000-000000000001), dynamic("text"),
    bool(null), int(null), long(null), real(null), decimal(null), '', datetime(null), time(null), guid(null),
    dynamic(null),
]
"""


def properties(options=None, parameters=None, request_id=None):
    given = ClientRequestProperties()
    for name, value in (options or {}).items():
        given.set_option(name, value)
    for name, value in (parameters or {}).items():
        given.set_parameter(name, value)
    given.client_request_id = request_id
    return given


def rows(query, given=None):
    answer = client.execute(DATABASE, query, given)
    return [row.to_list() for row in answer.primary_results[0]]


def failure(query, given=None, kind=KustoServiceError):
    try:
        client.execute(DATABASE, query, given)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}: {query}")


def every_type_comes_back():
    answer = client.execute(DATABASE, EVERY_TYPE)
    assert answer.errors_count == 0, answer.get_exceptions()
    table = answer.primary_results[0]
    types = [column.column_type for column in table.columns]
    assert types == ["bool", "int", "long", "real", "decimal", "string", "datetime", "timespan", "guid", "dynamic"]
    first, second, nulls = [row.to_list() for row in table]
    assert first == [
        True,
        1,
        9223372036854775807,
        0.1,
        decimal.Decimal("1.25"),
        'a "quoted" \u00fc \U0001f600',
        datetime.datetime(2026, 1, 15, 8, 30, 0, 123456, UTC),
        datetime.timedelta(days=1, hours=2, minutes=3, seconds=4),
        "74be27de-1e4e-49d9-b579-fe0b331d3642",
        {"k": [1, 2.5, "x", None]},
    ], first
    assert second[3] == "NaN", second
    assert second[:3] + second[4:] == [
        False,
        -1,
        -9223372036854775807,
        decimal.Decimal(-3),
        "",
        datetime.datetime(1969, 12, 31, tzinfo=UTC),
        datetime.timedelta(days=-1),
        "00000000-0000-0000-0000-000000000001",
        "text",
    ], second
    assert nulls == [None, None, None, None, None, "", None, None, None, None], nulls


def data_frames_have_the_types():
    import pandas

    # The client takes longs for floats on their way where a null is among them.
    answer = client.execute(DATABASE, EVERY_TYPE + "| extend l = l % 1000")
    frame = dataframe_from_result_table(answer.primary_results[0], nullable_bools=True)
    assert list(frame["l"][:2]) == [807, 193]
    assert frame["t"][0] == pandas.Timestamp("2026-01-15T08:30:00.123456700Z")
    assert frame["ts"][0] == pandas.Timedelta(days=1, hours=2, minutes=3, seconds=4, nanoseconds=500)
    assert frame["dec"][0] == 1.25 and frame["r"][0] == 0.1
    for column in ["b", "i", "l", "r", "dec", "t", "ts", "g", "d"]:
        assert pandas.isna(frame[column][2]), (column, frame[column][2])


def tables_of_the_folder_are_read():
    assert rows("Events | summarize Count = count(), Bytes = sum(Bytes) by Device | sort by Device asc") == [
        ["pc1", 2, 30],
        ["pc2", 1, 5],
    ]
    assert rows("Events | where Timestamp > datetime(2026-01-15T09:00:00Z) | project Device") == [["pc2"]]


def commands_tell_what_there_is():
    assert rows(".show tables | project TableName") == [["Events"]]
    assert rows(".show table Events cslschema | project Schema") == [["Timestamp:datetime,Device:string,Bytes:long"]]
    assert rows(".show databases | count")[0][0] == 1
    assert len(rows(".show version")) == 1
    assert rows(".show functions") == []
    message = str(failure(".drop table Events", kind=KustoApiError))
    assert ".show tables" in message, message


def several_results_come_in_order():
    answer = client.execute(DATABASE, "let n = 3; print a = n; Events | count; print b = 'x'")
    assert [table[0].to_list() for table in answer.primary_results] == [[3], [3], ["x"]]


def the_tables_of_a_query_come_in_order_with_their_names():
    query = "Events | fork Sum=(summarize Bytes = sum(Bytes)) (project Device | take 0) (count | as Rows)"
    v2 = client.execute_query(DATABASE, query).primary_results
    assert [[row.to_list() for row in table] for table in v2] == [[[35]], [], [[3]]]
    assert [table.table_name for table in v2] == ["Sum", "PrimaryResult", "Rows"]
    body = json.dumps({"db": DATABASE, "csl": query}).encode()
    request = urllib.request.Request(f"{URL}/v1/rest/query", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        v1 = KustoResponseDataSetV1(json.load(answer))
    assert [[row.to_list() for row in table] for table in v1.primary_results] == [[[35]], [], [[3]]]
    assert [row["PrettyName"] for row in v1.tables[-1]][:3] == ["Sum", "", "Rows"]


def streamed_rows_are_the_same():
    answer = client.execute_streaming_query(DATABASE, "range x from 1 to 100000 step 1")
    table = next(answer.iter_primary_results())
    assert sum(row["x"] for row in table) == 5000050000
    client.execute(DATABASE, "print 1")


def parameters_are_values_of_their_type():
    query = "declare query_parameters(name: string, least: long = 7, since: datetime, list: dynamic); "
    query += "print name, least, since, list"
    injection = '"; Events | take 1 //'
    given = {"name": injection, "since": "datetime(2026-01-15)", "list": "dynamic(['a'])"}
    expected = [injection, 7, datetime.datetime(2026, 1, 15, tzinfo=UTC), ["a"]]
    assert rows(query, properties(parameters=given)) == [expected]
    given = {"name": "n", "least": "1 | take 5", "since": "2026-01-15", "list": "[]"}
    message = str(failure(query, properties(parameters=given), KustoApiError))
    assert "least" in message and "take 5" not in message, message


def mistakes_are_service_errors():
    error = failure("Events | where Devise == 'pc1'", kind=KustoApiError)
    assert error.get_raw_http_response().status_code == 400
    assert error.is_semantic_error() and "did you mean `Device`" in str(error), str(error)
    assert error.get_api_error().permanent
    error = failure("Events | where", kind=KustoApiError)
    assert "Syntax error" in str(error), str(error)
    error = failure("Nothing | take 1", kind=KustoApiError)
    assert error.get_api_error().code == "General_BadRequest"


def too_much_is_an_error_behind_the_rows():
    query = "range x from 1 to 1000 step 1"
    for given, text in [
        (properties({"truncationmaxrecords": 10}), "10 records"),
        (properties({"truncationmaxsize": 100}), "100 bytes"),
    ]:
        error = failure(query, given, KustoMultiApiError)
        assert error.get_api_errors()[0].code == "LimitsExceeded"
        assert "E_QUERY_RESULT_SET_TOO_LARGE" in str(error) and text in str(error), str(error)
    failure("set truncationmaxrecords = 999; " + query, kind=KustoMultiApiError)
    assert len(rows(query, properties({"truncationmaxrecords": 1000}))) == 1000
    many = "range x from 1 to 500001 step 1 | project x = 1"
    failure(many, kind=KustoMultiApiError)
    assert len(rows("set notruncation; " + many)) == 500001
    assert len(rows(query, properties({"query_take_max_records": 3}))) == 3


def time_is_limited():
    begun = time.monotonic()
    given = properties({"servertimeout": datetime.timedelta(seconds=1)})
    error = failure(ENDLESS, given, KustoApiError)
    assert error.get_raw_http_response().status_code == 504
    assert not error.get_api_error().permanent
    assert time.monotonic() - begun < 3


def now_is_an_option():
    given = properties({"query_now": "2026-01-15T08:00:00Z"})
    assert rows("print now()", given) == [[datetime.datetime(2026, 1, 15, 8, tzinfo=UTC)]]
    scope = properties({"query_datetimescope_from": "2026-01-15T09:30:00Z"})
    assert rows("Events | project Device", scope) == [["pc2"]]


def queries_can_be_cancelled():
    errors = []

    def ask():
        errors.append(failure(ENDLESS, properties(request_id="Test;endless"), KustoApiError))

    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 20
    while rows(".show queries | project ClientActivityId") != [["Test;endless"]]:
        assert time.monotonic() < deadline, "the query is not listed"
    cancelled = rows('.cancel query "Test;endless" with (reason="enough")')
    assert cancelled[0][0] is True, cancelled
    asking.join(5)
    assert errors and "enough" in str(errors[0]), errors
    while rows(".show queries | count") != [[0]]:
        assert time.monotonic() < deadline, "the query goes on"


ENDLESS = "range x from 1 to 1000000000000 step 1 | summarize sum(x)"

CHECKS = [
    every_type_comes_back,
    data_frames_have_the_types,
    tables_of_the_folder_are_read,
    commands_tell_what_there_is,
    several_results_come_in_order,
    the_tables_of_a_query_come_in_order_with_their_names,
    streamed_rows_are_the_same,
    parameters_are_values_of_their_type,
    mistakes_are_service_errors,
    too_much_is_an_error_behind_the_rows,
    time_is_limited,
    now_is_an_option,
    queries_can_be_cancelled,
]

for check in CHECKS:
    check()
    print(check.__name__, flush=True)
