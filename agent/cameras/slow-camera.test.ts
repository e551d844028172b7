import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { describeInBackground } from './login.ts';
import { EventSubscriptions } from './onvif/event-subscriptions.ts';
import { cameraAt } from './path-entries.ts';
import { CameraSnapshots } from './snapshots.ts';

const never = new AbortController().signal;

// A camera whose first answers take 2.2 s.
test('events, description and snapshots have the patience of adoption with a slow camera', {
  timeout: 60_000,
}, async () => {
  await using camera = await startOnvifCamera({ clock: systemClock, quirks: { takesMs: 2_200 } });
  const block = { onvif: camera.url, endpoint: camera.endpoint };
  const config = good(`paths: {door: ${JSON.stringify({ source: camera.rtspUrl('main'), camera: block })}}`);
  const events: string[] = [];
  const subscriptions = new EventSubscriptions({
    config: () => config,
    clock: systemClock,
    log: silentLogger,
    events: {
      add: async (event) => {
        events.push(`${event.path} ${event.type} ${event.state}`);
        return { ...event, id: '', startUs: 0, endUs: null } as never;
      },
    },
    isReplaced: () => false,
    isTurning: () => false,
    isMissing: () => false,
    memory: { of: () => ({ left: () => undefined, keep: () => {} }), close: async () => {} } as never,
    isClockTrusted: () => true,
    timeServerFor: () => undefined,
  });
  onTestFinished(() => subscriptions.close());
  subscriptions.apply();
  const described = describeInBackground(cameraAt('door', config), systemClock, never);
  const picture = new CameraSnapshots(() => config).sourceOf('door')?.fetch(never);
  const all = Promise.allSettled([described, picture]);
  // Each of the three identifies the camera before it logs in, and reads its time first.
  await vi.waitFor(
    () => expect(camera.operations.filter((one) => one === 'GetSystemDateAndTime').length).toBeGreaterThanOrEqual(3),
    { timeout: 30_000, interval: 20 },
  );
  camera.state.quirks.takesMs = 0;
  expect(await all).toMatchObject([
    { status: 'fulfilled', value: { channels: [{ main: { token: 'main' } }] } },
    { status: 'fulfilled', value: expect.any(Uint8Array) },
  ]);
  await vi.waitFor(() => expect(camera.operations.filter((one) => one === 'PullMessages').length).toBeGreaterThan(1), {
    timeout: 30_000,
    interval: 20,
  });
  camera.motion(true);
  await vi.waitFor(() => expect(events).toEqual(['door motion start']), { timeout: 10_000, interval: 20 });
});
