import { expect, test, vi } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'grün & 7/8@home' };
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 50 });

const plain = (name: string, more = '') =>
  `  ${name}: {source: "rtsp://127.0.0.1:9/1", sourceOnDemand: yes, camera: {name: ${name}${more}}}\n`;

async function openBox(paths: string) {
  return openAdoptionHarness({ port: await freeUdpPort() }, `paths:\n${paths}`);
}

const pathsOf = (body: Record<string, unknown>) => (body['items'] as { path: string }[]).map(({ path }) => path);

test('cameras are listed in their order, then the others by name', async () => {
  await using box = await openBox(plain('a') + plain('b') + plain('c') + plain('d', ', order: 1'));
  const listed = async () => pathsOf((await box.call('GET', '/cameras/list')).body);
  expect(await listed()).toEqual(['d', 'a', 'b', 'c']);
  expect(await box.call('POST', '/cameras/order', { paths: ['c', 'a', 'c'] })).toEqual({
    status: 200,
    body: { status: 'ok' },
  });
  expect(await listed()).toEqual(['c', 'a', 'd', 'b']);
  const text = box.text();
  expect((await box.call('POST', '/cameras/order', { paths: ['c', 'a'] })).status).toBe(200);
  expect(box.text()).toBe(text);
  expect(await box.call('POST', '/cameras/order', { paths: ['a', 'missing'] })).toMatchObject({ status: 404 });
  expect(box.text()).toBe(text);
});

test('the list says of which cameras Perch takes no events', async () => {
  await using box = await openBox(plain('a') + plain('b', ', events: no') + plain('c', ', events: yes'));
  const { items } = (await box.call('GET', '/cameras/list')).body as { items: { takesEvents: boolean }[] };
  expect(items.map(({ takesEvents }) => takesEvents)).toEqual([true, false, true]);
});

test('a path without a camera block is put in order, and its sub stream is paused with it', async () => {
  const source = 'source: "rtsp://127.0.0.1:9/1", sourceOnDemand: yes';
  await using box = await openBox(`${plain('a')}  yard: {${source}}\n  yard_sub: {${source}}\n`);
  expect((await box.call('POST', '/cameras/order', { paths: ['yard', 'a'] })).status).toBe(200);
  expect(pathsOf((await box.call('GET', '/cameras/list')).body)).toEqual(['yard', 'a']);
  expect((await box.call('POST', '/cameras/order', { paths: ['yard_sub'] })).status).toBe(404);
  expect((await box.call('PATCH', '/cameras/patch/yard', { paused: true })).body).toMatchObject({ sub: 'yard_sub' });
  const isPaused = async (name: string) => (await box.call('GET', `/paths/get/${name}`)).body['paused'];
  await until(async () => expect([await isPaused('yard'), await isPaused('yard_sub')]).toEqual([true, true]));
});

test('a new title is set in both paths of a camera without restarting its stream', async () => {
  await using camera = await startOnvifCamera();
  await using box = await openBox(
    `  yard: {source: "${camera.rtspUrl()}", camera: {name: Yard}}\n  yard_sub: {source: "${camera.rtspUrl()}", camera: {name: Yard}}\n`,
  );
  const ready = async () => (await box.call('GET', '/paths/get/yard')).body;
  await until(async () => expect((await ready())['ready']).toBe(true));
  const { readyTime } = await ready();
  const patched = await box.call('PATCH', '/cameras/patch/yard', { title: '前门 <b>\n"1"' });
  expect(patched).toMatchObject({ status: 200, body: { path: 'yard', sub: 'yard_sub', title: '前门 <b> "1"' } });
  await until(async () => expect(await ready()).toMatchObject({ title: '前门 <b> "1"', readyTime }));
  expect((await box.call('GET', '/paths/get/yard_sub')).body['title']).toBe('前门 <b> "1"');
  for (const wrong of [{}, { title: '' }, { title: ' \n' }, { name: 'x' }, { title: 1 }]) {
    expect((await box.call('PATCH', '/cameras/patch/yard', wrong)).status).toBe(400);
  }
  expect((await box.call('PATCH', '/cameras/patch/missing', { title: 'x' })).status).toBe(404);
});

test('a paused camera is disconnected with its sub stream, and reconnected when resumed', async () => {
  await using camera = await startOnvifCamera();
  const block = `camera: {name: Yard, onvif: "${camera.url}"}`;
  await using box = await openBox(
    `  yard: {source: "${camera.rtspUrl()}", ${block}}\n  yard_sub: {source: "${camera.rtspUrl()}", ${block}}\n`,
  );
  const readiness = async () => [
    (await box.call('GET', '/paths/get/yard')).body['ready'],
    (await box.call('GET', '/paths/get/yard_sub')).body['ready'],
  ];
  await until(async () => expect(await readiness()).toEqual([true, true]));
  await until(() => expect(camera.state.events.count).toBe(1));
  const pausedUntil = '2999-01-01T18:00:00Z';
  expect((await box.call('PATCH', '/cameras/patch/yard', { pausedUntil })).status).toBe(400);
  expect((await box.call('PATCH', '/cameras/patch/yard', { paused: true, pausedUntil: 'soon' })).status).toBe(400);
  expect(
    await box.call('PATCH', '/cameras/patch/yard', { paused: true, pausedUntil: '2020-01-01T18:00:00Z' }),
  ).toMatchObject({ status: 400, body: { error: 'pausedUntil 2020-01-01T18:00:00Z is in the past' } });
  const paused = await box.call('PATCH', '/cameras/patch/yard', { paused: true, pausedUntil });
  expect(paused.body).toMatchObject({ state: 'paused', pausedUntil, trouble: null, next: null });
  await until(async () => expect(await readiness()).toEqual([false, false]));
  await until(() => expect(camera.state.events.count).toBe(0));
  expect(await box.call('GET', '/cameras/snapshot/yard')).toMatchObject({
    status: 409,
    body: { error: 'this camera is paused' },
  });
  const on = await box.call('PATCH', '/cameras/patch/yard', { paused: false });
  expect(on.body).toMatchObject({ pausedUntil: null });
  expect(on.body['state']).not.toBe('paused');
  expect(box.text()).not.toContain('paused');
  await until(async () => expect(await readiness()).toEqual([true, true]));
});

test('a new login is tried before it is saved for all paths of the device, and no password stays in an address', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN, quirks: { login: 'digest' } });
  const old = camera.rtspUrl().replace('rtsp://', 'rtsp://old:wrong@');
  const block = `camera: {onvif: "${camera.url}", user: old, password: wrong}`;
  await using box = await openBox(
    `  lens_1: {source: "${old}", sourceOnDemand: yes, ${block}}\n  lens_2: {source: "${old}", sourceOnDemand: yes, ${block}} # left\n` +
      `  other: {source: "rtsp://old:wrong@127.0.0.1:9/1", sourceOnDemand: yes, camera: {user: old, password: wrong}}\n`,
  );
  const text = box.text();
  const wrong = await box.call('POST', '/cameras/login/lens_1', { user: 'admin', password: 'no' });
  expect(wrong).toMatchObject({
    status: 200,
    body: { isGood: false, trouble: 'wrongPassword', triesLeft: 3, paths: [] },
  });
  expect(box.text()).toBe(text);
  const good = await box.call('POST', '/cameras/login/lens_1', LOGIN);
  expect(good.body).toMatchObject({ isGood: true, error: null, triesLeft: null, paths: ['lens_1', 'lens_2'] });
  const lines = box.text().split('\n');
  for (const name of ['lens_1', 'lens_2']) {
    const line = lines.find((one) => one.includes(`${name}:`)) ?? '';
    expect(line).not.toContain('wrong');
    expect(line).toContain(LOGIN.password);
  }
  expect(box.text()).toContain('# left');
  expect(lines.find((one) => one.includes('other:'))).toContain('old:wrong@');
  expect(JSON.stringify([wrong, good, box.log])).not.toContain(LOGIN.password);
  for (const body of [{}, { user: 'x' }, { user: '', password: 'x' }, { ...LOGIN, title: 'x' }]) {
    expect((await box.call('POST', '/cameras/login/lens_1', body)).status).toBe(400);
  }
});

test('the login of a camera without ONVIF is tried at its stream', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN, quirks: { login: 'digest' } });
  await using box = await openBox(
    `  yard: {source: "${camera.rtspUrl()}", sourceOnDemand: yes, camera: {user: admin, password: old}}\n`,
  );
  const wrong = await box.call('POST', '/cameras/login/yard', { user: 'admin', password: 'no' });
  expect(wrong.body).toMatchObject({ isGood: false, trouble: 'wrongPassword' });
  expect((await box.call('POST', '/cameras/login/yard', LOGIN)).body).toMatchObject({ isGood: true, paths: ['yard'] });
});

test('the reason for a missing camera is machine-readable, too', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN });
  await using box = await openBox(
    `  refused: {source: "${camera.rtspUrl()}", camera: {user: admin, password: wrong}}\n  gone: {source: "rtsp://127.0.0.1:9/1", camera: {name: Gone}}\n`,
  );
  await until(async () => {
    const { body } = await box.call('GET', '/cameras/list');
    expect(body['items']).toMatchObject([
      { path: 'gone', state: 'waiting', trouble: 'unreachable' },
      { path: 'refused', state: 'waiting', trouble: 'wrongPassword' },
    ]);
  });
});

test('a removed camera is restored unchanged, unless another camera has its path', async () => {
  const block = 'source: "rtsp://127.0.0.1:9/1", sourceOnDemand: yes, recordDeleteAfter: 3d';
  const camera = 'camera: {name: "Yard <b>", user: admin, password: "s€cret", order: 1}';
  await using box = await openBox(`  yard: {${block}, ${camera}}\n  yard_sub: {${block}, ${camera}}\n${plain('b')}`);
  const before = (await box.call('GET', '/config/paths/get/yard')).body;
  expect((await box.call('POST', '/cameras/restore/yard')).status).toBe(404);
  expect((await box.call('DELETE', '/cameras/forget/yard')).status).toBe(200);
  expect(box.text()).not.toContain('s€cret');
  const back = await box.call('POST', '/cameras/restore/yard');
  expect(back).toMatchObject({ status: 200, body: { path: 'yard', sub: 'yard_sub', title: 'Yard <b>' } });
  expect((await box.call('GET', '/config/paths/get/yard')).body).toEqual(before);
  expect(box.text().split('s€cret')).toHaveLength(3);
  expect(JSON.stringify([back, box.log])).not.toContain('s€cret');
  expect((await box.call('POST', '/cameras/restore/yard')).status).toBe(404);

  await box.call('DELETE', '/cameras/forget/yard');
  expect((await box.call('POST', '/config/paths/add/yard', { source: 'publisher' })).status).toBe(200);
  expect(await box.call('POST', '/cameras/restore/yard')).toMatchObject({
    status: 400,
    body: { error: "path 'yard' exists again" },
  });
});

test('a picture that the camera does not give is logged with its path', async () => {
  await using camera = await startOnvifCamera();
  const block = `camera: {name: Yard, onvif: "${camera.url}"}`;
  await using box = await openBox(`  yard: {source: "${camera.rtspUrl()}", sourceOnDemand: yes, ${block}}\n`);
  await camera.stop();
  expect((await box.call('GET', '/cameras/snapshot/yard')).status).toBe(503);
  const lines = box.log.map((line) => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({ status: 503, path: 'yard', url: '/v3/cameras/snapshot/yard' }),
  );
});
