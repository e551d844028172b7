"""aiortc as a viewer over WHEP.

usage: aiortc-viewer.py URL PICTURES [AUTHORIZATION]

Decodes PICTURES pictures, or fewer when the server closes DTLS. Prints "watching" with the first one, and at the end one
line of JSON: what came, in which size, how much sound, and how the session ended.
"""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from urllib.parse import urljoin

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

SDP = "application/sdp"


def ask(method, url, body=None, authorization=None):
    request = urllib.request.Request(url, data=body and body.encode(), method=method)
    if body:
        request.add_header("Content-Type", SDP)
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


async def main(url, wanted, authorization=None):
    # An empty list: with None it would go to a public server.
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    seen = {"pictures": 0, "size": None, "sounds": 0, "loudest": 0, "codecs": []}
    done = asyncio.Event()

    async def look(track):
        while True:
            frame = await track.recv()
            if seen["pictures"] == 0:
                print("watching", flush=True)
            seen["pictures"] += 1
            seen["size"] = [frame.width, frame.height]
            if seen["pictures"] >= wanted:
                done.set()

    async def listen(track):
        while True:
            frame = await track.recv()
            seen["sounds"] += frame.samples
            seen["loudest"] = max(seen["loudest"], int(abs(frame.to_ndarray()).max()))

    async def take(track):
        try:
            await (look(track) if track.kind == "video" else listen(track))
        except MediaStreamError:
            pass

    tasks = []
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(take(track))))
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp
    status, headers, answer = await asyncio.to_thread(ask, "POST", url, offer, authorization)
    if status != 201:
        print(json.dumps({"status": status, "error": answer}), flush=True)
        return
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    # The connection's state stays "connected" when the other side closes DTLS.
    transport = peer.getReceivers()[0].transport
    transport.on("statechange", lambda: done.set() if transport.state == "closed" else None)
    await done.wait()
    seen["transport"] = transport.state
    seen["codecs"] = [
        line.split(" ")[1] for line in answer.splitlines() if line.startswith("a=rtpmap:") and "rtx" not in line
    ]
    seen["status"] = status
    seen["ended"], _, _ = await asyncio.to_thread(ask, "DELETE", urljoin(url, headers["Location"]))
    await peer.close()
    print(json.dumps(seen), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
