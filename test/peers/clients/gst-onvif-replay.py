"""An ONVIF client that plays recordings: GStreamer's rtspsrc with onvif-mode.

Usage: gst-onvif-replay.py URI USER PASSWORD RATE_CONTROL
RATE_CONTROL is yes or no. Prints one line of JSON: [Unix seconds, seconds after the start] of each picture.
"""

import json
import sys
import time

import gi

gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst  # noqa: E402

NTP_FROM_UNIX_S = 2_208_988_800
uri, user, password, rate_control = sys.argv[1:]
Gst.init(None)
loop = GLib.MainLoop()
pictures = []
began = time.monotonic()
pipeline = Gst.parse_launch(
    'rtspsrc name=source protocols=tcp onvif-mode=true'
    f' onvif-rate-control={"true" if rate_control == "yes" else "false"}'
    ' ! rtponvifparse ! appsink name=sink sync=false emit-signals=true'
)
source = pipeline.get_by_name('source')
source.set_property('location', uri)
source.set_property('user-id', user)
source.set_property('user-pw', password)


def take(sink):
    buffer = sink.emit('pull-sample').get_buffer()
    # The first packet of a picture has the extension.
    if buffer.extract_dup(0, 1)[0] & 0x10:
        pictures.append([buffer.pts / 1e9 - NTP_FROM_UNIX_S, time.monotonic() - began])
    return Gst.FlowReturn.OK


def fail(_bus, message):
    print(message.parse_error(), file=sys.stderr)
    loop.quit()


pipeline.get_by_name('sink').connect('new-sample', take)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect('message::error', fail)
bus.connect('message::eos', lambda *_: loop.quit())


def is_still():
    # GStreamer 1.22 waits long after BYE before it ends.
    if pictures and time.monotonic() - began - pictures[-1][1] > 2:
        loop.quit()
    return True


GLib.timeout_add(200, is_still)
GLib.timeout_add_seconds(30, loop.quit)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
print(json.dumps(pictures))
