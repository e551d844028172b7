import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { DemoStreams } from '../../../../agent/demo-camera/demo-streams.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { byLength } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { eventually, LOGIN, openMissedBox, pathLines } from '../support/outage.ts';
import { differenceOf, picturesOf, recordedPictures } from '../support/pictures.ts';

const FPS = 10;
/** A key frame about every half a second. */
const GROUP_MS = 500;
const GROUP_PICTURES = (GROUP_MS / 1_000) * FPS + 2;
/** Longer than from one reconnect to the next. */
const STABLE_MS = 6_000;
/** For Perch to see the stream, and pictures that are compared. */
const LIVE_MS = 3_000;
const RECONNECTS = byLength(2, 4);
/** A group, and a part that is not on the disk yet. */
const OPEN_MS = 2_000;

test('a camera that connects again and again leaves short gaps, which are filled once it stays', {
  timeout: 90_000,
}, async ({ onTestFinished }) => {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const sizes = new Map([['main', [160, 90]] as const, ['sub', [160, 90]] as const]);
  const feed = new DemoStreams(systemClock, sizes, FPS);
  const keys = setInterval(() => feed.requestKeyFrame('main'), GROUP_MS);
  onTestFinished(() => clearInterval(keys));
  const card = SdCard.of(feed);
  onTestFinished(() => card.stop());
  const camera = await startOnvifCamera({ credentials: LOGIN, card, feed });
  onTestFinished(async () => await camera[Symbol.asyncDispose]());
  const door = { path: 'door', fromMs: 0, camera, card };
  const lines = pathLines(door, join(folder.path, 'recordings/%path/%s-%f'));
  const { host, isOver } = await openMissedBox(onTestFinished, join(folder.path, 'data'), lines, '', STABLE_MS);
  const isLive = () => {
    const { recording, readyTime } = host.paths.find('door') ?? {};
    return (recording?.active && Date.now() - Date.parse(readyTime ?? '') > LIVE_MS) || undefined;
  };
  await eventually(isLive);
  const firstMs = Date.parse(host.paths.find('door')?.readyTime ?? '') + OPEN_MS;
  const difference = async (untilMs: number) => {
    const isMeant = ([ms]: readonly [number, string]) => ms > firstMs && ms < untilMs;
    return differenceOf((await recordedPictures(host)).filter(isMeant), picturesOf(card).filter(isMeant));
  };
  for (let i = 0; i < RECONNECTS; i += 1) {
    await camera.state.endStreams();
    await eventually(() => (host.paths.find('door')?.ready ? undefined : true));
    await eventually(isLive);
  }
  const untilMs = Date.now() - OPEN_MS;
  expect(camera.operations).not.toContain('GetReplayUri');
  expect((await difference(untilMs)).missing.filter(({ length }) => length > GROUP_PICTURES)).toHaveLength(RECONNECTS);
  await eventually(async () => (await isOver('door')) || undefined);
  const { missing, wrong } = await difference(untilMs);
  expect(wrong).toEqual([]);
  expect(missing.filter(({ length }) => length > GROUP_PICTURES)).toEqual([]);
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(RECONNECTS);
});
