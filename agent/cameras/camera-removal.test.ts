import { expect, test, vi } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import type { People } from '../auth/accounts/people.ts';
import type { Rights } from '../auth/accounts/person.ts';

test('unwritten samples of a camera that was just removed are deleted with its recordings', async () => {
  await using camera = await startOnvifCamera();
  // With parts of an hour, nothing is written before the removal.
  const recorded = 'record: yes, recordPartDuration: 1h, camera: {name: Yard}';
  const paths = `paths:\n  yard: {source: "${camera.rtspUrl()}", ${recorded}}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, paths);
  const received = async () => Number((await box.call('GET', '/paths/get/yard')).body['inboundBytes']);
  await vi.waitFor(async () => expect(await received()).toBeGreaterThan(0), { timeout: 10_000, interval: 50 });
  expect((await box.call('DELETE', '/cameras/forget/yard')).status).toBe(200);
  expect(await box.call('DELETE', '/recordings/deletepath/yard')).toMatchObject({
    status: 200,
    body: { deleted: 1, kept: 0, items: [] },
  });
  expect((await box.call('GET', '/recordings/get/yard')).status).toBe(400);
});

test('a sub stream belongs to its camera by its name, with a camera block or without one', async () => {
  const source = 'source: "rtsp://127.0.0.1:9/1", sourceOnDemand: yes';
  const paths = `paths:\n  hall: {${source}, camera: {name: Hall}}\n  hall_sub: {${source}}\n  yard: {${source}}\n  yard_sub: {${source}}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, paths);
  const names = async () =>
    ((await box.call('GET', '/config/paths/list')).body['items'] as { name: string }[]).map(({ name }) => name).sort();
  expect((await box.call('GET', '/cameras/list')).body['items']).toMatchObject([{ path: 'hall', sub: 'hall_sub' }]);
  expect((await box.call('DELETE', '/cameras/forget/hall_sub')).status).toBe(404);
  expect((await box.call('DELETE', '/cameras/forget/hall')).status).toBe(200);
  expect(await names()).toEqual(['yard', 'yard_sub']);
  expect((await box.call('DELETE', '/cameras/forget/yard')).status).toBe(200);
  expect(await names()).toEqual([]);
  expect((await box.call('POST', '/cameras/restore/hall')).body).toMatchObject({ path: 'hall', sub: 'hall_sub' });
  expect((await box.call('POST', '/cameras/restore/yard')).body).toMatchObject({ path: 'yard', sub: 'yard_sub' });
  expect(await names()).toEqual(['hall', 'hall_sub', 'yard', 'yard_sub']);
});

test('a sub stream with its own ONVIF service is a separate camera', async () => {
  const source = 'source: "rtsp://127.0.0.1:9/1", sourceOnDemand: yes';
  const own = 'camera: {onvif: "http://127.0.0.1:9/onvif"}';
  const paths = `paths:\n  hall: {${source}, camera: {name: Hall}}\n  hall_sub: {${source}, ${own}}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, paths);
  expect((await box.call('GET', '/cameras/list')).body['items']).toMatchObject([
    { path: 'hall', sub: null },
    { path: 'hall_sub', sub: null },
  ]);
});

test('a new camera at the path of a removed one is not shown to those who could see the former one', async () => {
  const address = (channel: number) => `rtsp://127.0.0.1:9/${channel}`;
  const paths = ['garage', 'hall'].map((name) => `  ${name}: {source: "${address(1)}", sourceOnDemand: yes}\n`);
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, `paths:\n${paths.join('')}`);
  const { people } = box.app.accounts as unknown as { readonly people: People };
  const rights = { live: true, recordings: true };
  const link = { ...rights, untilMs: Date.now() + 3_600_000, note: '' };
  const addUser = (name: string, cameras: Rights['cameras']) =>
    people.addUser({ ...rights, name, cameras }, 'another password');
  await addUser('ann', ['garage', 'hall']);
  await addUser('ben', 'all');
  const former = await people.addGuest({ ...link, cameras: ['garage'] });
  const other = await people.addGuest({ ...link, cameras: ['hall'] });
  const seen = () => [
    ['garage', 'hall'].filter((path) => people.users.person('ann')?.may('playback', path)),
    people.guests.list().map(({ id }) => id),
  ];
  const before = [
    ['garage', 'hall'],
    [other.item.id, former.item.id],
  ];
  await box.call('DELETE', '/cameras/forget/garage');
  await box.call('POST', '/cameras/restore/garage');
  expect(seen(), 'an undone removal').toEqual(before);
  await box.call('DELETE', '/cameras/forget/garage');
  expect(seen(), 'its recordings stay').toEqual(before);

  const asked = { cameras: [{ source: 'udp+mpegts://127.0.0.1:9', title: 'Garage' }] };
  const { body } = await box.call('POST', '/cameras/adopt', asked);
  expect(body['items']).toMatchObject([{ status: 'ok', path: 'garage' }]);
  expect(seen()).toEqual([['hall'], [other.item.id]]);
  expect(people.users.person('ben')?.may('read', 'garage')).toBe(true);
});
