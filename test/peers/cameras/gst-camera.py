"""GStreamer's RTSP server as cameras.

usage: gst-camera.py PORT [--record] [--address IP] [--digest USER:PASSWORD] [--protocols tcp,udp,multicast]
                     [--tls PEM] [--savp] [--back-channel FILE] [--back-encoding NAME] [--answers-after SECONDS] MOUNT=LAUNCH ...

Each MOUNT (such as /cam1) serves LAUNCH, a pipeline in which the payloaders are named pay0, pay1, ...
--record: LAUNCH takes what a client publishes by RECORD; its depayloaders are named depay0, depay1, ...
--protocols: how media may be asked for; all but multicast when it is not given. Groups are 224.3.7.0 to 224.3.7.15.
--tls: rtsps only, with the certificate and key of this file.
--savp: media is SRTP.
--back-channel: ONVIF cameras, for one client at a time, that write what they are told to this file, as A-law.
--back-encoding: how it is sent to them: PCMA, a name of G.726 such as AAL2-G726-32, MPEG4-GENERIC or MP4A-LATM.
--answers-after: a recorder that takes so long to answer a DESCRIBE with a login, each in its own thread; it prints
"asked MILLISECONDS" (Unix time) for each connection, and "login MILLISECONDS" for each such DESCRIBE.
Prints "ready PORT" when it listens (PORT 0: any free one). Ends with its standard input.
"""

import re
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


PROTOCOLS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "multicast": GstRtsp.RTSPLowerTrans.UDP_MCAST,
}


def allow(factory, names) -> None:
    protocols = GstRtsp.RTSPLowerTrans.UNKNOWN
    for name in names:
        protocols |= PROTOCOLS[name]
    factory.set_protocols(protocols)
    if "multicast" in names:
        pool = GstRtspServer.RTSPAddressPool()
        pool.add_range("224.3.7.0", "224.3.7.15", 25000, 25031, 1)
        factory.set_address_pool(pool)


TALK = (
    '( capsfilter name=depay_backchannel caps="application/x-rtp, media=audio, payload=%d, clock-rate=%d, encoding-name=%s"'
    " ! %s ! filesink async=false sync=false buffer-mode=unbuffered location=%s )"
)
# AAC-LC of 16 kHz, one channel.
AAC = {
    "MPEG4-GENERIC": (
        "mode=(string)AAC-hbr, sizelength=(string)13, indexlength=(string)3, indexdeltalength=(string)3, config=(string)1408",
        "rtpmp4gdepay",
    ),
    "MP4A-LATM": ("cpresent=(string)0, config=(string)400028103fc0", "rtpmp4adepay"),
}
TO_A_LAW = "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! alawenc"


def talk(encoding, file):
    if encoding == "PCMA":
        return TALK % (8, 8000, encoding, "rtppcmadepay", file)
    if encoding in AAC:
        parameters, depayloader = AAC[encoding]
        return TALK % (97, 16000, f"{encoding}, {parameters}", f"{depayloader} ! avdec_aac ! {TO_A_LAW}", file)
    # By default every name is read as one with AAL2.
    return TALK % (97, 8000, encoding, f"rtpg726depay force-aal2=false ! avdec_g726 ! {TO_A_LAW}", file)


def unheeded(launch) -> str:
    """A client that only talks does not set the video up; GStreamer's media, without a receiver, sometimes ends at once."""
    return re.sub(r"! (rtp\w+pay) ", r"! errorignore ignore-notlinked=true convert-to=ok ! \1 ", launch)


def onvif_factory(file, encoding):
    factory = GstRtspServer.RTSPOnvifMediaFactory()
    factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia.__gtype__)
    factory.set_backchannel_launch(talk(encoding, file))
    factory.connect("media-configure", lambda _, media: make_live(media))
    return factory


def make_live(media) -> None:
    """A camera cannot be sought; GStreamer would try, and fail at the audio that it receives."""

    def answer(_pad, info):
        is_seeking = info.get_query().type == Gst.QueryType.SEEKING
        return Gst.PadProbeReturn.DROP if is_seeking else Gst.PadProbeReturn.OK

    payloader = media.get_element().get_by_name("pay0")
    payloader.get_static_pad("src").add_probe(Gst.PadProbeType.QUERY_UPSTREAM, answer)


def answer_late(server, seconds) -> None:
    def say(what) -> None:
        # In one piece: many threads speak.
        sys.stdout.write(f"{what} {round(time.time() * 1000)}\n")
        sys.stdout.flush()

    def before_describe(_client, context):
        result, _ = context.request.get_header(GstRtsp.RTSPHeaderField.AUTHORIZATION, 0)
        if result == GstRtsp.RTSPResult.OK:
            say("login")
            time.sleep(seconds)
        return GstRtsp.RTSPStatusCode.OK

    def connected(_server, client) -> None:
        say("asked")
        client.connect("pre-describe-request", before_describe)

    # A separate thread for each client.
    server.get_thread_pool().set_max_threads(-1)
    server.connect("client-connected", connected)


def main() -> None:
    Gst.init(None)
    arguments = sys.argv[1:]
    port = arguments.pop(0)
    options = {}
    takes_record = "--record" in arguments
    if takes_record:
        arguments.remove("--record")
    is_savp = "--savp" in arguments
    if is_savp:
        arguments.remove("--savp")
    while arguments[0].startswith("--"):
        name, value, *arguments = arguments
        options[name] = value
    back_channel = options.get("--back-channel")
    server = GstRtspServer.RTSPOnvifServer() if back_channel else GstRtspServer.RTSPServer()
    server.set_service(port)
    server.set_address(options.get("--address", "127.0.0.1"))
    if "--answers-after" in options:
        answer_late(server, float(options["--answers-after"]))
    token = None
    if "--digest" in options:
        user, password = options["--digest"].split(":", 1)
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(user, password, token)
        server.set_auth(auth)
    if "--tls" in options:
        # Clients without a password are admitted as a user all the same.
        auth = GstRtspServer.RTSPAuth()
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options["--tls"]))
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.set_default_token(token)
        server.set_auth(auth)
    for argument in arguments:
        mount, launch = argument.split("=", 1)
        factory = onvif_factory(back_channel, options.get("--back-encoding", "PCMA")) if back_channel else GstRtspServer.RTSPMediaFactory()
        factory.set_launch(unheeded(launch) if back_channel else launch)
        factory.set_shared(back_channel is None)
        if is_savp:
            factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
        if takes_record:
            factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        if "--protocols" in options:
            allow(factory, options["--protocols"].split(","))
        if token is not None:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(mount, factory)
    server.attach(None)
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.IO_HUP | GLib.IO_ERR, lambda *_: loop.quit())
    print("ready", server.get_bound_port(), flush=True)
    loop.run()


main()
