"""
Scenes for the motion detector: pedestrians of OpenCV's vtest.avi (apt install opencv-doc python3-opencv) walk through still
pictures, with what a camera adds. Truth is the difference of the pictures before noise, leaves and light are added.

scenes.py FOLDER DATA SET KIND SEED BACKGROUND MINUTES: writes FOLDER/KIND-SET-SEED.{h264,fine.h264,constant.h264,hevc,constant.hevc,json}

DATA has vtest.avi and pictures. SET tune or judge: pedestrians of the first or the second half. KIND day, dusk, noise, rain, ir,
leaves, with -static for a scene without pedestrians. BACKGROUND vtest or a picture.
"""
import json
import os
import pickle
import subprocess
import sys

import cv2
import numpy as np

FPS, W, H = 10, 640, 360
NOISE = {"day": 0.8, "dusk": 2.2, "noise": 4.0, "rain": 1.2, "ir": 1.0, "leaves": 1.5}
# Pixels that change by more than MIN_CHANGE; a smaller area is no motion.
MIN_CHANGE, MIN_AREA = 12, 115
# Quieter than this ends an event.
GAP_FRAMES = 15


def load_walkers(folder, data):
    """The empty street, and pedestrians as lists of (frame, label) with the labels of each frame's foreground."""
    known = os.path.join(folder, "walkers.pkl")
    if os.path.exists(known):
        with open(known, "rb") as file:
            return pickle.load(file)
    film = cv2.VideoCapture(os.path.join(data, "vtest.avi"))
    frames = []
    while True:
        is_read, frame = film.read()
        if not is_read:
            break
        frames.append(cv2.resize(frame[72:504], (W, H), interpolation=cv2.INTER_AREA))
    frames = np.array(frames)
    street = np.median(frames[::3], axis=0).astype(np.uint8)
    smooth = cv2.GaussianBlur(street, (5, 5), 0).astype(int)
    labels, tracks, active = [], [], []
    for at, frame in enumerate(frames):
        change = np.abs(cv2.GaussianBlur(frame, (5, 5), 0) - smooth).max(axis=2)
        mask = cv2.morphologyEx((change > 18).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2)))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((11, 7)))
        count, label, sizes, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
        labels.append(label.astype(np.uint16))
        found = [(i, centres[i]) for i in range(1, count) if sizes[i][4] >= 120]
        taken, still = set(), []
        for track in active:
            near = [(np.hypot(*(c - track["last"])), i, c) for i, c in found if i not in taken]
            near = [one for one in near if one[0] < 14]
            if near:
                _, i, centre = min(near, key=lambda one: one[0])
                taken.add(i)
                track.update(last=centre, missed=0)
                track["points"].append((at, i))
                still.append(track)
            elif track["missed"] < 2:
                track["missed"] += 1
                still.append(track)
        for i, centre in found:
            if i not in taken:
                track = {"points": [(at, i)], "first": centre, "last": centre, "missed": 0}
                tracks.append(track)
                still.append(track)
        active = still
    walkers = [t["points"] for t in tracks if len(t["points"]) >= 15 and np.hypot(*(t["last"] - t["first"])) > 40]
    result = (frames, street, labels, walkers)
    with open(known, "wb") as file:
        pickle.dump(result, file)
    return result


def fit(picture):
    """Fills the frame with the middle of a picture."""
    height, width = picture.shape[:2]
    scale = max(W / width, H / height)
    size = (int(np.ceil(width * scale)), int(np.ceil(height * scale)))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    y, x = (picture.shape[0] - H) // 2, (picture.shape[1] - W) // 2
    return picture[y : y + H, x : x + W].copy()


class Walk:
    """One pedestrian, from his first frame to his last or for eleven seconds."""

    def __init__(self, rng, points, start):
        self.points, self.start = points, start
        self.length = min(len(points), 110)
        self.scale = float(rng.choice([0.8, 1.0, 1.0, 1.4]))
        self.is_flipped = bool(rng.integers(2))
        self.lift = rng.uniform(-40, 40)

    def paste(self, frames, labels, planes, at):
        """Returns the box that changed."""
        frame, label = self.points[min(at - self.start, len(self.points) - 1)]
        mask = (labels[frame] == label).astype(np.uint8)
        ys, xs = np.where(mask)
        top, bottom, left, right = max(ys.min() - 3, 0), min(ys.max() + 4, H), max(xs.min() - 3, 0), min(xs.max() + 4, W)
        cut = cv2.dilate(mask[top:bottom, left:right], np.ones((3, 3))).astype(np.float32)
        mask = cv2.GaussianBlur(cut, (5, 5), 0)
        picture = frames[frame][top:bottom, left:right]
        x, y = left, top
        if self.scale != 1:
            picture = cv2.resize(picture, None, fx=self.scale, fy=self.scale)
            mask = cv2.resize(mask, (picture.shape[1], picture.shape[0]))
            x, y = round((x - W / 2) * self.scale + W / 2), round((y - H / 2) * self.scale + H / 2)
        y = int(y + self.lift)
        if self.is_flipped:
            picture, mask = picture[:, ::-1], mask[:, ::-1]
            x = W - x - picture.shape[1]
        height, width = mask.shape
        # Even, for the chroma planes.
        x0, y0 = (max(x, 0) + 1) & ~1, (max(y, 0) + 1) & ~1
        x1, y1 = min(x + width, W) & ~1, min(y + height, H) & ~1
        if x1 <= x0 + 2 or y1 <= y0 + 2:
            return None
        inside = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        mask = np.ascontiguousarray(mask[inside])
        colours = cv2.cvtColor(np.ascontiguousarray(picture[inside]), cv2.COLOR_BGR2YUV).astype(np.float32)
        luma = planes[0][y0:y1, x0:x1]
        luma[:] = luma * (1 - mask) + colours[:, :, 0] * mask
        half = mask[::2, ::2]
        for plane, channel in zip(planes[1:], (1, 2)):
            part = plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2]
            part[:] = part * (1 - half) + colours[::2, ::2, channel] * half
        return x0, y0, x1, y1


class Leaves:
    """Three bushes in a wind whose strength changes within seconds."""

    def __init__(self, rng):
        self.rng, self.strength, self.bushes = rng, 1.0, []
        for _ in range(3):
            width, height = int(rng.integers(60, 200)), int(rng.integers(50, 140))
            x, y = int(rng.integers(0, W - width)), int(rng.integers(0, H - height))
            texture = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 2.0)
            green = (90 + 30 * texture / texture.std()).clip(0, 255).astype(np.uint8)
            mask = np.zeros((height, width), np.float32)
            cv2.ellipse(mask, (width // 2, height // 2), (width // 2 - 6, height // 2 - 6), 0, 0, 360, 1, -1)
            phase, hertz = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.6)
            self.bushes.append((x, y, green, cv2.GaussianBlur(mask, (9, 9), 0), phase, hertz))

    def draw(self, luma, at):
        self.strength += 0.004 * (1 - self.strength) + 0.02 * self.rng.normal()
        self.strength = min(max(self.strength, 0.1), 2.5)
        for x, y, green, mask, phase, hertz in self.bushes:
            height, width = green.shape
            ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
            turn = 2 * np.pi * hertz * at / FPS + phase
            dx = 1.2 * self.strength * np.sin(turn + xs / 25) * (1 - ys / height / 2)
            dy = 0.6 * self.strength * np.sin(1.3 * turn + ys / 20)
            moved = cv2.remap(green, (xs + dx).astype(np.float32), (ys + dy).astype(np.float32), cv2.INTER_LINEAR)
            part = luma[y : y + height, x : x + width]
            part[:] = part * (1 - mask) + moved * mask


def noise_fields(rng, sigma):
    """Slightly smooth, as a camera's own filter leaves it."""
    fields = []
    for _ in range(24):
        field = cv2.GaussianBlur(rng.normal(0, 1, (H + 32, W + 32)).astype(np.float32), (3, 3), 0.6)
        fields.append(field * (sigma / field.std()))
    return fields


def encoder(path):
    """P pictures only, as cameras encode: x264 and x265 at a constant quality and at 256 kbit/s; x264 finer, too, so that it codes noise."""
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{W}x{H}", "-r", str(FPS), "-i", "-"]
    x264 = ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-g", "20"]
    x264 += ["-bsf:v", "h264_metadata=aud=insert"]
    constant = ["-b:v", "256k", "-maxrate", "256k", "-bufsize", "256k"]
    h264 = [*x264, "-crf", "30", f"{path}.h264", *x264, "-crf", "25", f"{path}.fine.h264"]
    h264 += [*x264, *constant, f"{path}.constant.h264"]
    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "40"]
    x265 += ["-x265-params", "log-level=error", "-bsf:v", "hevc_metadata=aud=insert"]
    h265 = [*x265, "-crf", "27", f"{path}.hevc", *x265, *constant, f"{path}.constant.hevc"]
    return subprocess.Popen(["ffmpeg", "-v", "error", "-y", *raw, *h264, *h265], stdin=subprocess.PIPE)


def intervals(area):
    """Seconds of the events."""
    events, start, last = [], None, 0
    for at, size in enumerate(area):
        if size > MIN_AREA:
            start = at if start is None else start
            last = at
        elif start is not None and at - last > GAP_FRAMES:
            if last - start >= 4:
                events.append((start / FPS, (last + 1) / FPS))
            start = None
    return events


def main(folder, data, chosen, kind, seed, background, minutes):
    frames, street, labels, walkers = load_walkers(folder, data)
    rng = np.random.default_rng(int(seed))
    count = int(float(minutes) * 60 * FPS)
    weather = kind.removesuffix("-static")
    picture = street if background == "vtest" else fit(cv2.imread(os.path.join(data, background)))
    still = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV)
    scene = [still[:, :, 0].copy(), still[::2, ::2, 1].copy(), still[::2, ::2, 2].copy()]
    ours = [points for points in walkers if (points[0][0] < 380) == (chosen == "tune")]
    walks, at = [], int(rng.uniform(35, 45) * FPS)
    while weather == kind and at < count - 200:
        walks.append(Walk(rng, ours[rng.integers(len(ours))], at))
        at += walks[-1].length + int(rng.uniform(12, 35) * FPS)
    fields = noise_fields(rng, NOISE[weather])
    night = noise_fields(rng, NOISE["noise"]) if weather == "ir" else fields
    leaves = Leaves(rng) if weather == "leaves" else None
    switches = (count * 0.4, count * 0.75) if weather == "ir" else (count + 9, count + 99)
    path = os.path.join(folder, f"{kind}-{chosen}-{seed}")
    coder = encoder(path)
    area, light, before, was_box = np.zeros(count, np.int32), 0.0, scene[0], None
    shown = []
    for at in range(count):
        planes = [plane.copy() for plane in scene]
        box = None
        for walk in walks:
            if walk.start <= at < walk.start + walk.length:
                box = walk.paste(frames, labels, planes, at)
        boxes = [one for one in (box, was_box) if one]
        shown.append([int(edge) for edge in box] if box else None)
        if boxes:
            x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
            x1, y1 = max(b[2] for b in boxes), max(b[3] for b in boxes)
            area[at] = (cv2.absdiff(planes[0][y0:y1, x0:x1], before[y0:y1, x0:x1]) > MIN_CHANGE).sum()
            before = planes[0].copy()
        was_box = box
        if leaves:
            walking = planes[0].copy()
            leaves.draw(planes[0], at)
            if box:
                inside = np.s_[box[1] : box[3], box[0] : box[2]]
                is_walker = np.abs(walking[inside].astype(int) - scene[0][inside]) > 8
                planes[0][inside] = np.where(is_walker, walking[inside], planes[0][inside])
        dark = np.clip((at - switches[0]) / 4, 0, 1) - np.clip((at - switches[1]) / 4, 0, 1)
        y, x = rng.integers(0, 32, 2)
        which = rng.integers(24)
        noise = (fields[which] * (1 - dark) + night[which] * dark)[y : y + H, x : x + W]
        if dark > 0:
            planes[0] = cv2.convertScaleAbs(planes[0], alpha=1 - 0.25 * dark, beta=25 * dark)
            planes[1:] = [(plane * (1 - dark) + 128 * dark).astype(np.uint8) for plane in planes[1:]]
        light += 0.002 * rng.normal() - 0.0005 * light
        lit = cv2.multiply(planes[0], 1 + light / 5, dtype=cv2.CV_32F)
        planes[0] = cv2.add(lit, np.ascontiguousarray(noise, dtype=np.float32), dtype=cv2.CV_8U)
        for _ in range(90 if weather == "rain" else 0):
            x, y, length, slant = (int(rng.integers(low, high)) for low, high in ((0, W), (0, H), (6, 20), (-2, 1)))
            cv2.line(planes[0], (x, y), (x + slant, y + length), min(255, int(scene[0][y, x]) + 35), 1)
        for plane in planes:
            coder.stdin.write(plane.tobytes())
    coder.stdin.close()
    if coder.wait() != 0:
        sys.exit("ffmpeg failed")
    with open(f"{path}.json", "w") as file:
        json.dump({"events": intervals(area), "fps": FPS, "pictures": count, "boxes": shown}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
