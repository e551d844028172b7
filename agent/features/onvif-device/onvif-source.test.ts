import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../../base/log.ts';
import { perchCamera } from '../../onvif/device/perch-camera.ts';
import { EventHub } from '../../record/events/event-hub.ts';
import { EventJournal } from '../../record/events/event-journal.ts';
import { offeredCameras, onvifSource } from './onvif-source.ts';
import { PullPoints } from './server/pull-points.ts';

const { endpoint, serial } = perchCamera('0123456789', 'far');
const CONFIG = `paths:
  all_others:
  ~^pattern:
  door: {source: rtsp://10.0.0.5/1, camera: {name: Front door}}
  door_sub: {source: rtsp://10.0.0.5/2}
  stage:
  lonely_sub:
  of_perch: {source: rtsp://10.0.0.6/1, camera: {endpoint: '${endpoint}'}}
  of_perch_too: {source: rtsp://10.0.0.6/2, camera: {serial: '${serial}'}}
`;

test('each camera is offered with its small stream, but patterns and the cameras of a Perch are not', () => {
  expect(offeredCameras(good(CONFIG))).toEqual([
    {
      path: 'door',
      name: 'Front door',
      streams: [
        { token: 'main', path: 'door' },
        { token: 'sub', path: 'door_sub' },
      ],
    },
    { path: 'stage', name: 'stage', streams: [{ token: 'main', path: 'stage' }] },
    { path: 'lonely_sub', name: 'lonely_sub', streams: [{ token: 'main', path: 'lonely_sub' }] },
  ]);
});

test('a label that is taken back while the event runs switches its topic off, once', async () => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const hub = new EventHub(new EventJournal({ folder: folder.path, logger: silentLogger }), clock, silentLogger);
  const deps = { config: () => good(CONFIG), recordings: { events: { hub } }, steering: {} };
  const source = onvifSource(deps as unknown as Parameters<typeof onvifSource>[0], () => () => {});
  const points = new PullPoints(source, clock);
  const point = points.create({ path: 'door', user: 'recorder', passes: (topic) => topic.includes('People') }, 60_000);
  const event = { path: 'door', id: 'a', type: 'motion', source: 'stream' } as const;
  await hub.add({ ...event, state: 'start' });
  const box = { x: 0, y: 0, width: 0.5, height: 0.5 };
  await hub.label('door', 'a', [{ type: 'person', score: 0.9, box, at: clock.wallMs() * 1000 }]);
  await hub.label('door', 'a', []);
  await hub.add({ ...event, state: 'end' });
  const states = await points.pull(point, 100, 1_000, AbortSignal.timeout(1_000));
  expect(states.map(({ operation, isOn }) => [operation, isOn])).toEqual([
    ['Initialized', false],
    ['Changed', true],
    ['Changed', false],
  ]);
  points.close();
  await hub.close();
});
