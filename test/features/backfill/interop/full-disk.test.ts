import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { DemoStreams } from '../../../../agent/demo-camera/demo-streams.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { smallDisk } from '../../../peers/host/small-disk.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { eventually, LOGIN, openMissedBox, pathLines } from '../support/outage.ts';
import { differenceOf, picturesOf, recordedPictures } from '../support/pictures.ts';

const DISK_MB = 16;
const FPS = 10;
/** A key frame about every second. */
const GROUP_MS = 1_000;
const GROUP_PICTURES = (GROUP_MS / 1_000) * FPS + 2;
/** What is recorded before the disk is full, and what is missed at least. */
const LENGTH_MS = 8_000;
/** A part that is not on the disk yet. */
const OPEN_MS = 3_000;

describeWith(['ffmpeg', 'mounts'], 'a disk that is full', () => {
  test('what did not fit is fetched from the card once there is room, and is played', { timeout: 120_000 }, async ({
    onTestFinished,
  }) => {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const disk = await smallDisk(DISK_MB);
    onTestFinished(async () => await disk[Symbol.asyncDispose]());
    const sizes = new Map([['main', [160, 90]] as const, ['sub', [160, 90]] as const]);
    const feed = new DemoStreams(systemClock, sizes, FPS);
    const keys = setInterval(() => feed.requestKeyFrame('main'), GROUP_MS);
    onTestFinished(() => clearInterval(keys));
    const card = SdCard.of(feed);
    onTestFinished(() => card.stop());
    const camera = await startOnvifCamera({ credentials: LOGIN, card, feed });
    onTestFinished(async () => await camera[Symbol.asyncDispose]());
    const door = { path: 'door', fromMs: 0, camera, card };
    const lines = pathLines(door, join(disk.folder, '%path/%s-%f'), '    recordPartDuration: 1s\n');
    const off = 'recordMinFree: 0%\n';
    const { box, host, isOver } = await openMissedBox(onTestFinished, join(folder.path, 'data'), lines, off);
    const recording = () => host.paths.find('door')?.recording;
    await eventually(() => recording()?.active || undefined);
    const firstMs = Date.now() + OPEN_MS;
    await delay(LENGTH_MS);

    const fullMs = Date.now();
    const ballast = join(disk.folder, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(DISK_MB * 2 ** 20))).toThrow('ENOSPC');
    await eventually(() => (recording()?.active === false ? true : undefined));
    await delay(LENGTH_MS);
    rmSync(ballast);
    await eventually(() => (recording()?.active && recording()?.error === null) || undefined);
    const roomMs = Date.now();
    await eventually(async () => (await isOver('door')) || undefined);

    const untilMs = Date.now() - OPEN_MS;
    const isMeant = ([ms]: readonly [number, string]) => ms > firstMs && ms < untilMs;
    const recorded = await recordedPictures(host);
    // By the time of its arrival a picture may be within this time, and by that of its capture before it, or the other way round.
    const { wrong } = differenceOf(recorded.filter(isMeant), picturesOf(card));
    const { missing } = differenceOf(recorded, picturesOf(card).filter(isMeant));
    expect(wrong).toEqual([]);
    // Up to a group at each end.
    expect(missing.length).toBeLessThanOrEqual(2);
    expect(missing.filter(({ length }) => length > GROUP_PICTURES)).toEqual([]);

    const seconds = Math.floor((roomMs - fullMs - 2 * OPEN_MS) / 1_000);
    const start = encodeURIComponent(new Date(fullMs + OPEN_MS).toISOString());
    const film = await fetch(`${box.url}/playback/get?path=door&start=${start}&duration=${seconds}&format=mp4`, {
      headers: { cookie: box.cookie },
    });
    expect(film.status).toBe(200);
    const file = join(folder.path, 'gap.mp4');
    writeFileSync(file, Buffer.from(await film.arrayBuffer()));
    const { streams, warnings } = await ffprobe(file, ['-count_frames']);
    expect(warnings).toBe('');
    expect(Number(streams[0]?.nb_read_frames)).toBeGreaterThanOrEqual((seconds - 1) * FPS);
  });
});
