"""How fast GStreamer's rtspsrc fetches a recording as an ONVIF client.

Usage: gst-replay-speed.py URI USER PASSWORD
Prints the seconds from PLAY to the last picture that its sink has got, and their number, as JSON. By default
rtspsrc keeps what comes in the first two seconds, so that the time from the first picture would be too short.
"""

import json
import sys
import time

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
from gi.repository import GLib, Gst, GstRtsp  # noqa: E402

SILENCE_S = 3
uri, user, password = sys.argv[1:]
Gst.init(None)
loop = GLib.MainLoop()
pipeline = Gst.parse_launch(
    'rtspsrc name=source protocols=tcp onvif-mode=true onvif-rate-control=false latency=0'
    ' ! rtponvifparse ! rtph264depay ! fakesink name=sink sync=false'
)
source = pipeline.get_by_name('source')
source.set_property('location', uri)
source.set_property('user-id', user)
source.set_property('user-pw', password)
sink = pipeline.get_by_name('sink')
began_s = last_s = None
count = 0


def before_send(_, message):
    global began_s
    if message.parse_request().method & GstRtsp.RTSPMethod.PLAY:
        began_s = began_s or time.monotonic()
    return True


def look():
    global last_s, count
    rendered = sink.get_property('stats').get_value('rendered')
    now_s = time.monotonic()
    if rendered > count:
        last_s, count = now_s, rendered
    elif count > 0 and now_s - last_s > SILENCE_S:
        # GStreamer 1.22 waits long after BYE before it ends.
        loop.quit()
    return True


source.connect('before-send', before_send)
GLib.timeout_add(5, look)
GLib.timeout_add_seconds(120, loop.quit)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
print(json.dumps({'seconds': (last_s or 0) - began_s, 'pictures': count}))
