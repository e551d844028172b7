"""
Prints the motion vectors that FFmpeg's decoder exports: for each frame in output order a JSON list of
[list, width, height, centre x, centre y, vector x, vector y], in pixels and quarter pixels.

motion-vectors.py FILE; with PyPI's `av`.
"""
import json
import sys

import av

with av.open(sys.argv[1]) as film:
    stream = film.streams.video[0]
    stream.codec_context.options = {"flags2": "+export_mvs"}
    for frame in film.decode(stream):
        side = frame.side_data.get("MOTION_VECTORS")
        vectors = [] if side is None else side
        print(json.dumps([[v.source, v.w, v.h, v.dst_x, v.dst_y, v.motion_x, v.motion_y] for v in vectors]))
