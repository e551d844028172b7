"""A current FFmpeg (PyPI's av) as publisher and reader of RTMP, and publisher of RTSP.

av-rtmp.py publish URL VIDEO AUDIO SECONDS    VIDEO and AUDIO: encoders with commas, or -; libx265-plain: no B-frames
av-rtmp.py read URL FOURCCS                   prints codec and decoded frames of each track as JSON; URL may be a file
av-rtmp.py probe URL FOURCCS                  prints the codec of each track as JSON; also of FLV over HTTP, and RTSP
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
    "libx265-plain": {"preset": "ultrafast", "x265-params": "keyint=25:bframes=0:log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "25"},
    "libsvtav1": {"preset": "12", "g": "25", "svtav1-params": "keyint=25:lp=1"},
}


def publish(url, video, audio, seconds):
    is_rtsp = url.startswith("rtsp")
    # AV1 in RTP is experimental in FFmpeg.
    options = {"rtsp_transport": "tcp", "strict": "experimental"} if is_rtsp else {}
    with av.open(url, "w", format="rtsp" if is_rtsp else "flv", options=options) as out:
        pictures = [out.add_stream(name.removesuffix("-plain"), rate=FPS, options=OPTIONS.get(name, {})) for name in names(video)]
        sounds = [out.add_stream(name, rate=SAMPLES, layout="stereo") for name in names(audio)]
        for picture in pictures:
            picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        resamplers = [av.AudioResampler(sound.format.name, "stereo", SAMPLES) for sound in sounds]
        start = time.monotonic()
        for i in range(int(seconds * FPS)):
            for picture in pictures:
                frame = av.VideoFrame(320, 240, "yuv420p")
                for n, plane in enumerate(frame.planes):
                    plane.update(bytes([(i * 5 + n * 40) % 256]) * plane.buffer_size)
                frame.pts, frame.time_base = i, Fraction(1, FPS)
                out.mux(picture.encode(frame))
            for sound, resampler in zip(sounds, resamplers):
                block = av.AudioFrame("s16", "stereo", SAMPLES // FPS)
                block.planes[0].update(bytes(block.planes[0].buffer_size))
                block.sample_rate, block.pts = SAMPLES, i * SAMPLES // FPS
                block.time_base = Fraction(1, SAMPLES)
                for part in resampler.resample(block):
                    out.mux(sound.encode(part))
            time.sleep(max(0, start + (i + 1) / FPS - time.monotonic()))


def names(encoders):
    return [] if encoders == "-" else encoders.split(",")


def opened(url, fourccs):
    options = {"rtmp_enhanced_codecs": fourccs} if fourccs else {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    return av.open(url, options=options)


def read(url, fourccs):
    with opened(url, fourccs) as source:
        counts = [0] * len(source.streams)
        for packet in source.demux():
            counts[packet.stream.index] += len(packet.decode())
            if min(counts) >= 20:
                break
        print(json.dumps([[s.codec_context.name, n] for s, n in zip(source.streams, counts)]))


def probe(url, fourccs):
    with opened(url, fourccs) as source:
        print(json.dumps([s.codec_context.codec.canonical_name for s in source.streams if s.codec_context]))


if sys.argv[1] == "publish":
    publish(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]))
elif sys.argv[1] == "probe":
    probe(sys.argv[2], sys.argv[3])
else:
    read(sys.argv[2], sys.argv[3])
