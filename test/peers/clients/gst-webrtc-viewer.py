"""GStreamer's webrtcbin, with ICE by libnice, as a viewer over WHEP.

usage: gst-webrtc-viewer.py URL PICTURES

Decodes PICTURES pictures of H.264 and prints one line of JSON: what came, in which size, and ms from the answer to the first
picture.
"""

import json
import sys
import time
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
url, wanted = sys.argv[1], int(sys.argv[2])
loop = GLib.MainLoop()
pipeline = Gst.Pipeline.new()
peer = Gst.ElementFactory.make("webrtcbin")
peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
pipeline.add(peer)
seen = {"pictures": 0, "size": None, "firstPictureMs": None}
answered = 0.0


def finish(error=None):
    if error:
        seen["error"] = error
    GLib.idle_add(loop.quit)


def on_buffer(pad, _info):
    if seen["pictures"] == 0:
        seen["firstPictureMs"] = round(1000 * (time.monotonic() - answered))
        caps = pad.get_current_caps().get_structure(0)
        seen["size"] = [caps.get_value("width"), caps.get_value("height")]
    seen["pictures"] += 1
    if seen["pictures"] == wanted:
        finish()
    return Gst.PadProbeReturn.OK


def on_pad(_peer, pad):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    decoder = Gst.parse_bin_from_description("rtph264depay ! h264parse ! avdec_h264 ! fakesink name=sink sync=false", True)
    pipeline.add(decoder)
    decoder.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_buffer)
    decoder.sync_state_with_parent()
    pad.link(decoder.get_static_pad("sink"))


def post():
    global answered
    local = peer.get_property("local-description")
    offer = local.sdp.as_text()
    request = urllib.request.Request(url, data=offer.encode(), headers={"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request) as response:
        answer = response.read()
    _, message = GstSdp.SDPMessage.new()
    GstSdp.sdp_message_parse_buffer(answer, message)
    description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    answered = time.monotonic()
    peer.emit("set-remote-description", description, Gst.Promise.new())


def on_gathering(_peer, _property):
    if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        GLib.idle_add(post)


def on_offer(promise):
    # The offer belongs to the reply.
    reply = promise.get_reply()
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def on_message(_bus, message):
    if message.type == Gst.MessageType.ERROR:
        finish(message.parse_error()[0].message)


peer.connect("pad-added", on_pad)
peer.connect("notify::ice-gathering-state", on_gathering)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message", on_message)
caps = Gst.Caps.from_string(
    "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f"
)
pipeline.set_state(Gst.State.READY)
peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
pipeline.set_state(Gst.State.PLAYING)
peer.emit("create-offer", None, Gst.Promise.new_with_change_func(on_offer))
GLib.timeout_add_seconds(40, finish, "no picture within 40 seconds")
loop.run()
print(json.dumps(seen), flush=True)
pipeline.set_state(Gst.State.NULL)
