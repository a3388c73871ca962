"""An SMTP server that asks for a login and keeps the mails it accepts.

Usage: receive_mails.py FOLDER [CERTIFICATE KEY]. Prints its port. With a certificate it wants
STARTTLS first. Mails become FOLDER/N.eml, their envelopes FOLDER/N.json. Ends with its input.
"""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LOGIN = LoginPassword(b"huntd", b"open sesame")


class Keeper:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        (self.folder / f"{self.count}.eml").write_bytes(envelope.content)
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data.login.decode(),
            "encrypted": session.ssl is not None,
        }
        (self.folder / f"{self.count}.json").write_text(json.dumps(about))
        self.count += 1
        return "250 accepted"


def authenticate(server, session, envelope, mechanism, auth_data):
    return AuthResult(success=auth_data == LOGIN, auth_data=auth_data)


async def main():
    folder, *certificate = sys.argv[1:]
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    keeper = Keeper(folder)

    def protocol():
        return SMTP(
            keeper,
            hostname="localhost",
            authenticator=authenticate,
            auth_required=True,
            auth_require_tls=context is not None,
            require_starttls=context is not None,
            tls_context=context,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
