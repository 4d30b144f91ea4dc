"""Whose content is read: what stands in it counts only where the recipient's group wants that."""

import json

from tests.server.house import Builder
from tests.server.talk import message

ANNA, FRIDA = "anna@local.example", "frida@lax.example"
PROGRAM = b'MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name="a.exe"\r\n'


def test_what_is_attached_is_nobodys_business_where_the_group_says_so(build: Builder) -> None:
    house = build("group change lax --policy read_content=false")
    with house.client("lmtp") as client:
        client.envelope(ANNA, FRIDA)
        assert client.content(PROGRAM + message("both", "MZ")).codes == "554 5.7.1"
        assert client.answer().codes == "250 2.0.0"
    with house.client() as client:
        client.envelope(FRIDA)
        assert client.content(PROGRAM + message("one", "MZ")).code == 250
    read = 'clement_content_studies_total{where="checker"}'
    assert _metric(house.verb("status --json"), read) == 1, "read once, for the group that wants it"


def _metric(status: str, series: str) -> int:
    return int(json.loads(status)["counted"][series])
