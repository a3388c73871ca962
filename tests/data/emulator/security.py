"""Alerts, incidents and mail with msgraph-sdk: security.py URL TENANT APP SECRET"""

import asyncio
import sys
from urllib.parse import urlparse

from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.security.alert import Alert
from msgraph.generated.models.security.alert_classification import AlertClassification
from msgraph.generated.models.security.alert_determination import AlertDetermination
from msgraph.generated.models.security.alert_severity import AlertSeverity
from msgraph.generated.models.security.alert_status import AlertStatus
from msgraph.generated.models.security.detection_source import DetectionSource
from msgraph.generated.models.security.device_evidence import DeviceEvidence
from msgraph.generated.models.security.file_evidence import FileEvidence
from msgraph.generated.models.security.incident import Incident
from msgraph.generated.models.security.incident_status import IncidentStatus
from msgraph.generated.models.security.ip_evidence import IpEvidence
from msgraph.generated.models.security.process_evidence import ProcessEvidence
from msgraph.generated.models.security.service_source import ServiceSource
from msgraph.generated.models.security.url_evidence import UrlEvidence
from msgraph.generated.models.security.user_evidence import UserEvidence
from msgraph.generated.security.alerts_v2.alerts_v2_request_builder import (
    Alerts_v2RequestBuilder,
)
from msgraph.generated.security.incidents.incidents_request_builder import (
    IncidentsRequestBuilder,
)
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import (
    SendMailPostRequestBody,
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


def options(builder, kind, later=False, **values):
    query = getattr(builder, kind)(**values)
    configuration = RequestConfiguration(query_parameters=query)
    if later:
        configuration.headers.add("Prefer", "include-unknown-enum-members")
    return configuration


async def alerts(**values):
    kind = "Alerts_v2RequestBuilderGetQueryParameters"
    later = values.pop("later", False)
    configuration = options(Alerts_v2RequestBuilder, kind, later, **values)
    return await client.security.alerts_v2.get(request_configuration=configuration)


async def main():
    page = await alerts(top=2, count=True)
    assert page.odata_count == 4, page.odata_count
    found = list(page.value)
    while page.odata_next_link:
        page = await client.security.alerts_v2.with_url(page.odata_next_link).get()
        found += page.value
    ids = [alert.id for alert in found]
    assert ids == ["da4_1", "sn3_1", "da2_1", "da1_1"], ids
    assert found[2].severity == AlertSeverity.High, found[2].severity
    assert found[3].created_date_time.isoformat().startswith("2026-01-18T10:00:00"), found[3]
    print("pages")

    types = [type(evidence) for evidence in found[3].evidence]
    assert types == [
        DeviceEvidence,
        FileEvidence,
        ProcessEvidence,
        UserEvidence,
        IpEvidence,
        UrlEvidence,
    ], types
    device, file, process, user = found[3].evidence[:4]
    assert device.mde_device_id == "1" * 40, device
    assert file.file_details.file_name == "tool.exe", file
    assert process.process_id == 4711, process
    assert user.user_account.account_name == "ada", user
    print("evidence")

    page = await alerts(filter="serviceSource eq 'microsoftSentinel'")
    assert page.value[0].service_source == ServiceSource.UnknownFutureValue, page.value
    page = await alerts(filter="severity eq 'low'", later=True)
    sentinel = next(alert for alert in page.value if alert.id == "sn3_1")
    assert sentinel.service_source == ServiceSource.MicrosoftSentinel, sentinel
    assert sentinel.detection_source == DetectionSource.ScheduledAlerts, sentinel
    assert found[1].service_source == ServiceSource.UnknownFutureValue, found[1]
    print("later members")

    change = Alert(
        status=AlertStatus.Resolved,
        classification=AlertClassification.TruePositive,
        determination=AlertDetermination.Malware,
        assigned_to="ada@example.org",
    )
    changed = await client.security.alerts_v2.by_alert_id("da1_1").patch(change)
    assert changed.status == AlertStatus.Resolved, changed
    assert changed.determination == AlertDetermination.Malware, changed
    assert changed.resolved_date_time is not None, changed
    print("change")

    kind = "IncidentsRequestBuilderGetQueryParameters"
    configuration = options(IncidentsRequestBuilder, kind, expand=["alerts"])
    incidents = await client.security.incidents.get(request_configuration=configuration)
    incident = next(i for i in incidents.value if i.id == changed.incident_id)
    assert [alert.id for alert in incident.alerts] == ["da1_1", "da2_1"], incident.alerts
    change = Incident(status=IncidentStatus.InProgress, custom_tags=["seen"])
    changed = await client.security.incidents.by_incident_id(incident.id).patch(change)
    assert changed.status == IncidentStatus.InProgress, changed
    assert changed.custom_tags == ["seen"], changed
    print("incident")

    message = Message(
        subject="Hunt hit",
        body=ItemBody(content_type=BodyType.Html, content="<p>x</p>"),
        to_recipients=[Recipient(email_address=EmailAddress(address="ada@example.org"))],
    )
    mail = SendMailPostRequestBody(message=message, save_to_sent_items=False)
    sent = await client.users.by_user_id("soc@example.org").send_mail.post(mail)
    assert sent is None, sent
    print("mail")

    try:
        await client.security.alerts_v2.by_alert_id("none").get()
    except ODataError as error:
        assert error.response_status_code == 404, error
        assert error.error.code == "NotFound", error
        assert error.error.inner_error.request_id, error
    else:
        raise AssertionError("there is no such alert")
    print("error")


asyncio.run(main())
