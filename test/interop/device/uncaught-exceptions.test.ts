import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';
import { openRecording } from '../../support/disks/read-recording.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const THROWER = join(ROOT, 'test/peers/agent/throws-later.mjs');
const CODE = 70;
const PATIENCE_MS = 60_000;

const untilRecorded = (url: string) =>
  until(async () => {
    const response = await fetch(`${url}/v3/paths/get/yard`).catch(() => undefined);
    const status = response?.ok ? ((await response.json()) as PathStatus) : undefined;
    return status?.recording?.active ? true : undefined;
  });

const recordingsIn = (dataDir: string): string[] => globSync(join(dataDir, 'recordings/yard/*.mp4')).sort();

/** Recorded long enough for a usable file. */
const untilLong = (dataDir: string) =>
  until(async () => {
    const [file] = recordingsIn(dataDir);
    const { pictures } =
      file === undefined ? { pictures: 0 } : await openRecording(file).catch(() => ({ pictures: 0 }));
    return pictures >= 20 ? true : undefined;
  });

const configOf = (source: string) =>
  `api: yes\nrecordPartDuration: 200ms\npaths:\n  yard:\n    source: ${source}\n    record: yes\n`;

test.for(['exception', 'rejection'] as const)(
  'an uncaught %s: the recording is finished in order, and continues',
  {
    timeout: PATIENCE_MS,
  },
  async (kind) => {
    using folder = temporaryFolder();
    await using camera = await startOnvifCamera();
    const ports = await freeAgentPorts();
    const trigger = join(folder.path, 'throw');
    const start = (): Promise<Agent> =>
      startAgent({
        ...{ config: configOf(camera.rtspUrl()), dataDir: folder.path, ports },
        ...{ flags: ['--import', THROWER], env: { THROWS_WHEN: trigger } },
      });
    await using agent = await start();
    await untilLong(folder.path);
    writeFileSync(trigger, kind);
    const thrownMs = Date.now();
    expect(await agent.process.exited).toBe(CODE);
    const endedMs = Date.now();
    const output = agent.process.output();
    expect(output).toContain('uncaught exception: finishing recordings and restarting');
    expect(output).toContain('an uncaught one for the test');
    expect(output).toContain('throws-later.mjs');
    const [first = ''] = recordingsIn(folder.path);
    expect(await recoverFile(first, Date.now())).toEqual({ kind: 'finished' });
    const { mark, durationMs } = await openRecording(first);
    // Nothing received before is missing: the difference is a frame in transit, and the delay of a busy machine.
    const lastMs = mark.wallUs / 1_000 + durationMs;
    expect(thrownMs - lastMs).toBeLessThan(1_000);
    await using again = await start();
    await untilRecorded(again.url);
    expect(endedMs - thrownMs).toBeLessThan(3_000);
    expect(again.process.output()).not.toContain('recovered a truncated recording');
  },
);

test('npm start restarts it, and later if it happens again', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  await using camera = await startOnvifCamera();
  const [port = 0] = await freePorts(1);
  const file = join(folder.path, 'test.yml');
  const trigger = join(folder.path, 'throw');
  const others = 'rtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\nmdns: no\nmetrics: no\n';
  writeFileSync(file, `address: 127.0.0.1:${port}\n${others}${configOf(camera.rtspUrl())}`);
  const env = { NODE_OPTIONS: `--import=${THROWER}`, THROWS_WHEN: trigger };
  const running = startProcess(join(ROOT, 'start.sh'), ['--data', folder.path, file], env);
  try {
    const starts = () => running.output().split('Perch is at').length - 1;
    for (const times of [1, 2]) {
      await until(() => (starts() === times ? true : undefined));
      await until(() => (recordingsIn(folder.path).length === times ? true : undefined));
      writeFileSync(trigger, 'exception');
    }
    await until(() => (starts() === 3 ? true : undefined));
    expect(running.output()).toMatch(/restarted after an uncaught exception inARow=1 waitMs=0\n/);
    expect(running.output()).toMatch(/restarted after an uncaught exception inARow=2 waitMs=1000\n/);
    expect(running.output()).not.toContain('recovered a truncated recording');
  } finally {
    expect(await running.stop('SIGTERM')).toBe(0);
  }
});
