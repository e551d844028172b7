import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../test/support/disks/recordings.ts';
import { systemClock } from '../base/clock.ts';
import { EventBus } from '../base/event-bus.ts';
import { createLogger } from '../base/log.ts';
import { EventHub } from '../record/events/event-hub.ts';
import { EventJournal } from '../record/events/event-journal.ts';
import { notingMoves, publishFoundCameras } from './camera-search.ts';

test('the history of a camera records that it moved, without the address, and no other camera event', async () => {
  using folder = temporaryFolder();
  const logger = createLogger('silent', () => {});
  const hub = new EventHub(new EventJournal({ folder: folder.path, logger }), systemClock, logger);
  const noted: object[] = [];
  hub.listen((event) => noted.push(event));
  const box = new EventBus(systemClock);
  const published: string[] = [];
  box.listen(({ data }) => published.push(data));
  const publish = notingMoves(box.emit, hub);
  publish('camera', { state: 'moved', path: 'door', from: '192.0.2.1', to: '192.0.2.9' });
  publish('camera', { state: 'elsewhere', path: 'door', from: '192.0.2.1', to: '192.0.2.9' });
  publish('path', { state: 'moved', path: 'door' });
  await hub.close();
  expect(published).toHaveLength(3);
  expect(noted).toEqual([expect.objectContaining({ path: 'door', type: 'perch.moved', source: 'perch', text: '' })]);
});

test('at most a hundred invented cameras are published in ten minutes', async () => {
  const clock = new FakeClock();
  const published: unknown[] = [];
  const found = publishFoundCameras((_type, fields) => published.push(fields), clock);
  const camera = (i: number) => ({
    ...{ endpoint: `urn:uuid:${i}`, address: '192.168.1.9', foundFrom: '192.168.1.2', url: 'http://192.168.1.9/onvif' },
    ...{ name: undefined, hardware: undefined, location: undefined, manufacturer: undefined },
    ...{ firstSeenMs: 0, lastSeenMs: 0 },
  });
  const invent = () => Array.from({ length: 512 }, (_, i) => found(camera(i), 'new'));
  invent();
  expect(published).toHaveLength(100);
  await clock.advance(10 * 60_000);
  invent();
  expect(published).toHaveLength(200);
});
