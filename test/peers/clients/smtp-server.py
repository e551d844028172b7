"""A mail server on loopback (aiosmtpd) that prints what it takes, one JSON object a line. Its options are JSON, too."""

import asyncio
import base64
import json
import ssl
import sys
from email import message_from_bytes
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult

options = json.loads(sys.argv[1])
later = options.get("later", 0)
busy = options.get("busy", 0)


def say(what):
    print(json.dumps(what), flush=True)


def part(one):
    return {
        "type": one.get_content_type(),
        "disposition": one.get_content_disposition(),
        "name": one.get_filename(),
        "id": one["Content-ID"],
        "bytes": base64.b64encode(one.get_payload(decode=True)).decode(),
    }


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        global busy
        if address.startswith("busy") and busy > 0:
            busy -= 1
            say({"refused": True})
            return "450 4.2.0 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global later
        if later > 0:
            later -= 1
            say({"refused": True})
            return "451 4.3.2 try later"
        mail = message_from_bytes(envelope.content, policy=default)
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "isSecure": bool(session.ssl) or options["security"] == "tls",
            "user": session.auth_data,
            "headers": {name: str(value) for name, value in mail.items()},
            "text": mail.get_body(("plain",)).get_content(),
            "html": mail.get_body(("html",)).get_content(),
            "files": [part(one) for one in mail.walk() if one.get_filename()],
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    user, password = data.login.decode(), data.password.decode()
    known = [user, password] == options.get("login")
    return AuthResult(success=known, handled=False, auth_data=user if known else None)


async def main():
    context = None
    if options["security"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options["cert"], options["key"])
    starttls = options["security"] == "starttls"

    def protocol():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            data_size_limit=options.get("maxBytes"),
            auth_required="login" in options,
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    implicit = context if options["security"] == "tls" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
