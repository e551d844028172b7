import { chmodSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FAULT_CODE } from '../../agent/app/commands/uncaught-exceptions.ts';
import { recoverFile } from '../../agent/record/recovery/recovery.ts';
import { startOnvifCamera } from '../onvif-camera/camera.ts';
import { addresses, freeAgentPorts, until } from '../peers/agent/agent.ts';
import { setup } from '../peers/agent/built-agent.ts';
import { inShort } from '../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../peers/programs/process.ts';
import { openRecording } from '../support/disks/read-recording.ts';
import { temporaryFolder } from '../support/disks/recordings.ts';

const PACKAGING = join(import.meta.dirname, '../../packaging');
const THROWER = join(import.meta.dirname, '../peers/agent/throws-later.mjs');
const INSTALLED = '/usr/lib/perch';
const MAX_AWAY_MS = 2_000;
/** Time until the camera is connected, and its next key frame. */
const MAX_JOINING_MS = 1_500;
const PATIENCE_MS = 60_000;

const packaged = (file: string): string => readFileSync(join(PACKAGING, file), 'utf8');
/** Pause before a restart, from the packages: `RestartSec=` of systemd; the second number of procd's `respawn`, in seconds. */
const PAUSES_MS = {
  systemd: Number(/^RestartSec=(\d+)ms$/m.exec(packaged('linux/systemd/perch.service'))?.[1]),
  procd: 1_000 * Number(/procd_set_param respawn \d+ (\d+) 0$/m.exec(packaged('openwrt/perch.init'))?.[1]),
};

/** The command of the unit, with the agent as the package has it. @returns the script to start */
async function shippedCommand(folder: string): Promise<string> {
  await setup();
  const command = join(folder, 'run');
  const text = packaged('linux/run')
    .replaceAll(`${INSTALLED}/agent/perch.cjs`, process.env['BUILT_AGENT'] ?? '')
    .replaceAll(`${INSTALLED}/node/bin`, dirname(process.execPath));
  expect(text).not.toContain(INSTALLED);
  writeFileSync(command, text);
  chmodSync(command, 0o755);
  return command;
}

/** Starts a program again a while after it has ended. */
function supervise(start: () => RunningProcess, pauseMs: number) {
  const runs = [start()];
  const codes: (number | null)[] = [];
  let isOver = false;
  const done = (async () => {
    for (;;) {
      codes.push((await runs.at(-1)?.exited) ?? null);
      await delay(isOver ? 0 : pauseMs);
      if (isOver) {
        return;
      }
      runs.push(start());
    }
  })();
  const stop = async () => {
    isOver = true;
    await runs.at(-1)?.stop('SIGINT');
    await done;
  };
  return { runs, codes, [Symbol.asyncDispose]: stop };
}

test.for(inShort(['systemd', 'procd'] as const, 'systemd'))(
  'after an uncaught exception a box under %s answers within 2 s, or as soon as a slow machine starts it, and its recording continues',
  {
    timeout: PATIENCE_MS,
  },
  async (supervisor) => {
    using folder = temporaryFolder();
    await using camera = await startOnvifCamera();
    const ports = await freeAgentPorts();
    const [file, trigger] = [join(folder.path, 'perch.yml'), join(folder.path, 'throw')];
    const lines = Object.entries(addresses(ports)).map(([key, value]) => `${key}: '${value}'\n`);
    const path = `paths:\n  yard:\n    source: ${camera.rtspUrl()}\n    record: yes\n`;
    writeFileSync(file, `${lines.join('')}api: yes\npathDefaults:\n  recordPartDuration: 200ms\n${path}`);
    const command = await shippedCommand(folder.path);
    const env = {
      ...{ NODE_ENV: 'production', NODE_COMPILE_CACHE: join(folder.path, 'v8') },
      ...{ NODE_OPTIONS: `--import=${THROWER}`, THROWS_WHEN: trigger },
    };
    await using box = supervise(() => startProcess(command, ['--data', folder.path, file], env), PAUSES_MS[supervisor]);
    const isUp = () =>
      fetch(`http://127.0.0.1:${ports.main}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    const recorded = () => globSync(join(folder.path, 'recordings/yard/*.mp4')).sort();
    /** The recording of a run, once it exists. */
    const recordingOf = (run: number) =>
      until(async () => {
        const recording = await openRecording(recorded()[run] ?? '').catch(() => undefined);
        return recording && recording.pictures >= 20 ? recording : undefined;
      });
    const startedMs = performance.now();
    await until(async () => (await isUp()) || undefined);
    /** A start on this machine, busy as it is. */
    const startMs = performance.now() - startedMs;
    const maxAwayMs = Math.max(MAX_AWAY_MS, PAUSES_MS[supervisor] + 1.5 * startMs);
    await recordingOf(0);
    writeFileSync(trigger, 'exception');
    const thrownMs = performance.now();
    while (box.codes.length === 0 || !(await isUp())) {
      expect(performance.now() - thrownMs).toBeLessThan(PATIENCE_MS / 2);
      await delay(5);
    }
    const awayMs = performance.now() - thrownMs;
    expect(box.codes).toEqual([FAULT_CODE]);
    expect(awayMs).toBeLessThanOrEqual(maxAwayMs);
    const second = await recordingOf(1);
    const first = await openRecording(recorded()[0] ?? '');
    expect(await recoverFile(first.file, Date.now())).toEqual({ kind: 'finished' });
    const gapMs = (second.mark.wallUs - first.mark.wallUs) / 1_000 - first.durationMs;
    expect(gapMs).toBeLessThanOrEqual(maxAwayMs + MAX_JOINING_MS);
    expect(box.runs[1]?.output()).not.toContain('recovered a truncated recording');
  },
);
