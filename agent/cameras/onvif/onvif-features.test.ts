import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { App } from '../../app/app.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

/** The product with one camera that records what moves. */
async function start() {
  const camera = await startOnvifCamera();
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const cwd = mkdtempSync(join(tmpdir(), 'perch-onvif-'));
  const text =
    'address: 127.0.0.1:0\nhls: no\nsrt: no\nrtsp: no\nrtmp: no\nwebrtc: no\npaths:\n  door:\n' +
    `    source: ${camera.rtspUrl()}\n    record: motion\n    recordPostRoll: 1s\n    recordPath: ${cwd}/rec/%path/%Y-%m-%d_%H-%M-%S-%f\n` +
    `    camera: {onvif: '${camera.url}', profile: main}\n`;
  writeFileSync(join(cwd, 'perch.yml'), text);
  const app = await App.start({
    version: '0',
    dataDir: join(cwd, 'data'),
    cwd,
    env: {},
    pageFolder: cwd,
    clock: systemClock,
    log: createLogger('silent', () => {}),
    discovery: { only: [] },
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= app.close();
    return closed;
  };
  onTestFinished(async () => {
    await close();
    rmSync(cwd, { recursive: true, force: true });
  });
  const clips = () => {
    try {
      // The camera's snapshot of the event is stored next to the clip.
      return readdirSync(join(cwd, 'rec/door')).filter((name) => name.endsWith('.mp4'));
    } catch {
      return [];
    }
  };
  return { close, camera, clips };
}

test('events of the camera trigger recordings, and the subscription ends with the program', async () => {
  const { close, camera, clips } = await start();
  await until(() => expect(camera.operations.filter((one) => one === 'PullMessages').length).toBeGreaterThan(1));
  expect(clips()).toEqual([]);
  camera.motion(true);
  await until(() => expect(clips()).toHaveLength(1));
  camera.motion(false);
  await close();
  expect(camera.state.events.count).toBe(0);
});
