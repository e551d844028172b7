"""A current FFmpeg (PyPI's av) as publisher and reader of RTMP.

av-rtmp.py publish URL VIDEO AUDIO SECONDS    VIDEO or AUDIO may be -
av-rtmp.py read URL FOURCCS                   prints codec and decoded frames of each track as JSON
"""

import json
import sys
import time
from fractions import Fraction

import av

FPS = 25
SAMPLES = 48_000
OPTIONS = {
    "libx264": {"preset": "veryfast", "g": "25", "bf": "2"},
    "libx265": {"preset": "ultrafast", "x265-params": "keyint=25:log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "25"},
    "libsvtav1": {"preset": "12", "g": "25", "svtav1-params": "keyint=25:lp=1"},
}


def publish(url, video, audio, seconds):
    with av.open(url, "w", format="flv") as out:
        picture = sound = None
        if video != "-":
            picture = out.add_stream(video, rate=FPS, options=OPTIONS.get(video, {}))
            picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        if audio != "-":
            sound = out.add_stream(audio, rate=SAMPLES, layout="stereo")
        resampler = av.AudioResampler(sound.format.name if sound else "s16", "stereo", SAMPLES) if sound else None
        start = time.monotonic()
        for i in range(int(seconds * FPS)):
            if picture:
                frame = av.VideoFrame(320, 240, "yuv420p")
                for n, plane in enumerate(frame.planes):
                    plane.update(bytes([(i * 5 + n * 40) % 256]) * plane.buffer_size)
                frame.pts, frame.time_base = i, Fraction(1, FPS)
                out.mux(picture.encode(frame))
            if sound:
                block = av.AudioFrame("s16", "stereo", SAMPLES // FPS)
                block.planes[0].update(bytes(block.planes[0].buffer_size))
                block.sample_rate, block.pts = SAMPLES, i * SAMPLES // FPS
                block.time_base = Fraction(1, SAMPLES)
                for part in resampler.resample(block):
                    out.mux(sound.encode(part))
            time.sleep(max(0, start + (i + 1) / FPS - time.monotonic()))


def read(url, fourccs):
    with av.open(url, options={"rtmp_enhanced_codecs": fourccs} if fourccs else {}) as source:
        counts = [0] * len(source.streams)
        for packet in source.demux():
            counts[packet.stream.index] += len(packet.decode())
            if min(counts) >= 20:
                break
        print(json.dumps([[s.codec_context.name, n] for s, n in zip(source.streams, counts)]))


if sys.argv[1] == "publish":
    publish(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]))
else:
    read(sys.argv[2], sys.argv[3])
