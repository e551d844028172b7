"""aiortc as a WHEP server.

usage: aiortc-whep-server.py FILE

Sends the file in its own time, repeated, in the first codecs of the offer that it has, to each client that posts one. Prints "port N" when it
listens, and "ended" when a session is deleted. Ends at the end of its standard input.
"""

import asyncio
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

(FILE,) = sys.argv[1:]
loop = asyncio.new_event_loop()
sessions = {}


async def answer(offer):
    # An empty list: with None it would go to a public server.
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    player = MediaPlayer(FILE, loop=True)
    await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    for transceiver in peer.getTransceivers():
        peer.addTrack(player.video if transceiver.kind == "video" else player.audio)
    await peer.setLocalDescription(await peer.createAnswer())
    name = f"/session/{len(sessions)}"
    sessions[name] = peer
    return name, peer.localDescription.sdp


class Handler(BaseHTTPRequestHandler):
    def reply(self, status, headers=(), body=""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_OPTIONS(self):
        self.reply(204)

    def do_POST(self):
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
        name, sdp = asyncio.run_coroutine_threadsafe(answer(offer), loop).result()
        self.reply(201, [("Location", name), ("Content-Type", "application/sdp")], sdp)

    def do_DELETE(self):
        peer = sessions.pop(self.path)
        asyncio.run_coroutine_threadsafe(peer.close(), loop).result()
        self.reply(200)
        print("ended", flush=True)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Thread(target=loop.run_forever, daemon=True).start()
Thread(target=server.serve_forever, daemon=True).start()
print("port", server.server_address[1], flush=True)
sys.stdin.read()
