"""aiortc as a publisher over WHIP.

usage: aiortc-publisher.py URL FILE CODEC [AUTHORIZATION]

Decodes the file in its own time and sends it as CODEC (VP8 or H264) and Opus, or another codec of audio: H264,PCMA. Prints "connected" when the media flows,
"closed" when the server closes DTLS, or "refused" with the status. Ends its session at the end of its standard input.
"""

import asyncio
import sys
import urllib.error
import urllib.request
from urllib.parse import urljoin

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer


def ask(method, url, body=None, authorization=None):
    request = urllib.request.Request(url, data=body and body.encode(), method=method)
    if body:
        request.add_header("Content-Type", "application/sdp")
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


async def main(url, file, codec, authorization=None):
    # An empty list: with None it would go to a public server.
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    player = MediaPlayer(file, loop=True)
    connected = asyncio.Event()

    @peer.on("connectionstatechange")
    def on_change():
        print(peer.connectionState, flush=True)
        if peer.connectionState == "connected":
            connected.set()

    for track in (player.video, player.audio):
        transceiver = peer.addTransceiver(track, direction="sendonly")
        wanted = codec.split(",")[0 if track.kind == "video" else 1 :][:1]
        if wanted:
            known = RTCRtpSender.getCapabilities(track.kind).codecs
            transceiver.setCodecPreferences([one for one in known if one.mimeType == f"{track.kind}/{wanted[0]}"])
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp
    status, headers, answer = await asyncio.to_thread(ask, "POST", url, offer, authorization)
    if status != 201:
        print("refused", status, flush=True)
        await peer.close()
        return
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    # The connection's state stays "connected" when the other side closes DTLS.
    transport = peer.getSenders()[0].transport
    transport.on("statechange", lambda: print(transport.state, flush=True) if transport.state == "closed" else None)
    await connected.wait()
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.to_thread(ask, "DELETE", urljoin(url, headers["Location"]))
    await peer.close()
    print("ended", flush=True)


asyncio.run(main(*sys.argv[1:]))
