import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { FetchMark } from '../../../../agent/recordings/fetch-mark.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import type { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { AGENT } from '../../../peers/agent/agent.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { filesBelow, temporaryFolder } from '../../../support/disks/recordings.ts';
import { openPlayback } from '../../../support/harness/playback.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const SECONDS = 60;
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const MINUTE = { timeout: 60_000, interval: 100 };

function withoutSets(unit: Uint8Array): Uint8Array {
  const bytes = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((bytes[at + 4] ?? 0) & 0x1f)) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

const onCard = ({ units }: SdCard): string[] =>
  units
    .filter(({ track }) => track === 0)
    .map(({ unixMs, data }) => `${(unixMs - START_MS) / 1_000} ${digest(withoutSets(data))}`);

async function recorded(folder: string): Promise<string[]> {
  await using playback = openPlayback(folder, ':memory:');
  const all: string[] = [];
  const range = { fromUs: 0, toUs: Date.now() * 1_000, signal: new AbortController().signal, wants: () => true };
  for await (const { data, timesUs } of playback.video('yard', range)) {
    data.forEach((one, i) => {
      all.push(`${Math.round((timesUs[i] ?? 0) / 1_000 - START_MS) / 1_000} ${digest(one)}`);
    });
  }
  return all;
}

/** A recorder that sends six times as fast as it has recorded, and `perch import` of it. */
async function openImport() {
  const card = filledCard({ fromMs: START_MS, seconds: SECONDS });
  const camera = await startOnvifCamera({ quirks: { replayPace: 6 }, credentials: LOGIN, card });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const file = join(folder.path, 'perch.yml');
  const template = join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f');
  writeFileSync(file, `perch: own\nrecordPath: ${template}\npaths: { yard: { recordDeleteAfter: 0s } }\n`);
  const start = (...more: string[]) => startWith(LOGIN.password, ...more);
  const startWith = (password: string, ...more: string[]) => {
    const address = camera.url.replace('http://', `onvif://${LOGIN.user}@`);
    const words = ['import', address, '--path', 'yard', '--data', join(folder.path, 'data'), file, ...more];
    return startProcess(process.execPath, [...AGENT, ...words], { TZ: 'UTC', PERCH_RECORDER_PASSWORD: password });
  };
  const drafts = () => filesBelow(folder.path).filter((one) => one.includes('.import-'));
  return { card, camera, folder: folder.path, dataDir: join(folder.path, 'data'), start, startWith, drafts };
}

test.for<[NodeJS.Signals, string, number]>([
  ['SIGTERM', 'keeps whole groups of pictures', 1],
  ['SIGINT', 'as the terminal, npm and the script deliver it, keeps whole groups of pictures', 3],
  ['SIGKILL', 'leaves nothing half', 1],
])('an import that %s ends %s, and the same command takes the rest, each picture once', async ([signal, , times]) => {
  const { card, camera, folder, start, drafts } = await openImport();
  const first = start();
  await expect.poll(() => drafts().length, MINUTE).toBe(1);
  await expect.poll(() => camera.state.replayRequests.some(({ method }) => method === 'PLAY'), MINUTE).toBe(true);
  for (let i = 1; i < times; i += 1) {
    first.child.kill(signal);
    await setTimeout(10);
  }
  const code = await first.stop(signal);
  const kept = await recorded(folder);
  expect(kept).toEqual(onCard(card).slice(0, kept.length));
  if (signal !== 'SIGKILL') {
    expect([code, first.output()]).toEqual([1, expect.stringContaining('the same command continues')]);
    expect(kept.length % 10).toBe(0);
    expect(drafts()).toEqual([]);
  } else {
    expect(kept).toEqual([]);
  }
  delete camera.state.quirks.replayPace;
  const second = start();
  expect([await second.exited, second.output()]).toEqual([0, expect.stringContaining('1 recordings taken')]);
  expect(await recorded(folder)).toEqual(onCard(card));
  expect(drafts()).toEqual([]);
});

test('while a running Perch fills a gap of the path, an import waits', async () => {
  const { card, camera, folder, dataDir, start } = await openImport();
  delete camera.state.quirks.replayPace;
  mkdirSync(dataDir);
  const mark = new FetchMark(dataDir, 'gap', { clock: systemClock, log: silentLogger });
  mark.set('yard');
  const renewing = setInterval(() => mark.set('yard'), 1_000);
  const running = start();
  await running.waitFor(/Perch fills a gap of 'yard' .*: waiting until it has stopped/);
  expect(camera.operations).not.toContain('GetReplayUri');
  clearInterval(renewing);
  mark.clear();
  expect([await running.exited, running.output()]).toEqual([0, expect.stringContaining('1 recordings taken')]);
  expect(await recorded(folder)).toEqual(onCard(card));
});

test('of two commands at once the second waits, also after the first was killed, and each picture comes once', async () => {
  const { card, folder, start, drafts } = await openImport();
  const first = start();
  await expect.poll(() => drafts().length, MINUTE).toBe(1);
  const second = start('--since', new Date(START_MS + 20_000).toISOString());
  await second.waitFor(/another import into 'yard' runs: waiting until it has stopped/);
  await first.stop('SIGKILL');
  expect([await second.exited, second.output()]).toEqual([0, expect.stringContaining('1 recordings taken')]);
  expect(await start().exited).toBe(0);
  expect(await recorded(folder)).toEqual(onCard(card));
  expect(drafts()).toEqual([]);
});

test('of wrong passwords in repeated commands four are sent, which locks no user', async () => {
  const { camera, startWith } = await openImport();
  const outputs: string[] = [];
  for (const password of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const running = startWith(password);
    expect(await running.exited).toBe(1);
    outputs.push(running.output());
  }
  for (const output of outputs.slice(4)) {
    expect(output).toContain('the camera has refused this user 4 times and would soon lock it');
  }
  expect(camera.state.wrongLogins).toHaveLength(4);
});

test('an import whose recorder is lost says what was taken, and that the same command continues', async () => {
  const { camera, start, drafts } = await openImport();
  const running = start();
  await expect.poll(() => drafts().length, MINUTE).toBe(1);
  await camera[Symbol.asyncDispose]();
  expect(await running.exited).toBe(1);
  expect(running.output()).toMatch(/^[01] recordings taken \(\d+ bytes\)$/m);
  expect(running.output()).toMatch(/^Perch: cannot reach .*; the same command continues$/m);
});
