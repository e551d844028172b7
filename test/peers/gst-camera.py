"""GStreamer's RTSP server as cameras.

usage: gst-camera.py PORT [--digest USER:PASSWORD] MOUNT=LAUNCH ...

Each MOUNT (such as /cam1) serves LAUNCH, a pipeline in which the payloaders are named pay0, pay1, ...
Prints "ready PORT" when it listens (PORT 0: any free one). Ends with its standard input.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def main() -> None:
    Gst.init(None)
    arguments = sys.argv[1:]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.pop(0))
    token = None
    if arguments[0] == "--digest":
        user, password = arguments[1].split(":", 1)
        arguments = arguments[2:]
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(user, password, token)
        server.set_auth(auth)
    for argument in arguments:
        mount, launch = argument.split("=", 1)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
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
