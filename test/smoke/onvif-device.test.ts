import { type TestContext, test } from 'vitest';
import { startOnvifCamera } from '../onvif-camera/camera.ts';
import { freeUdpPort } from '../support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'for the camera' };
const ON = 'onvif: yes\nonvifAddress: 127.0.0.1:0\n';

type Box = Awaited<ReturnType<typeof openAdoptionHarness>>;

interface State {
  readonly cameras: readonly { readonly path: string; readonly port: number }[];
  readonly subscriptions: number;
  readonly refused: { readonly why: string } | null;
}

const stateOf = async (box: Box) => (await box.call('GET', '/onvif')).body as unknown as State;
const found = async (box: Box) =>
  (
    (await box.call('POST', '/cameras/discover?wait=yes', {})).body['items'] as { endpoint: string; name: string }[]
  ).map(({ name }) => name);
const urlAt = (port: number) => `http://127.0.0.1:${port}/onvif/device_service`;

/** A Perch with an adopted camera, which it offers to recorders. */
async function openFirst({ expect }: TestContext, port: number, camera: { readonly endpoint: string }) {
  const first = await openAdoptionHarness({ port }, ON);
  await expect.poll(() => found(first)).toEqual(['Front door']);
  await first.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ endpoint: camera.endpoint }] });
  await expect.poll(async () => (await stateOf(first)).cameras).toMatchObject([{ path: 'front_door' }]);
  const { body } = await first.call('POST', '/devicepasswords', { name: 'NVR', live: false, onvif: true });
  return { first, recorder: { user: body['user'], password: body['password'] } };
}

test.concurrent('a second Perch finds the camera, adopts it with a device password, and gets stream, picture and motion', async (context) => {
  const { expect } = context;
  const port = await freeUdpPort();
  await using camera = await startOnvifCamera({ credentials: LOGIN, discoveryPort: port, address: '127.0.0.31' });
  const { first, recorder } = await openFirst(context, port, camera);
  await using one = first;
  await expect
    .poll(async () => (await one.call('GET', '/paths/get/front_door')).body['ready'], { timeout: 10_000 })
    .toBe(true);
  const { cameras } = await stateOf(one);
  const onvif = urlAt(cameras[0]?.port ?? 0);

  await using second = await openAdoptionHarness({ port }, ON);
  await expect.poll(() => found(second)).toHaveLength(2);
  const adopted = await second.call('POST', '/cameras/adopt', { ...recorder, cameras: [{ onvif }] });
  expect(adopted.body['items']).toMatchObject([
    { status: 'ok', paths: ['front_door', 'front_door_sub'], description: { hasPtz: true } },
  ]);
  await expect
    .poll(async () => (await second.call('GET', '/paths/get/front_door')).body['ready'], { timeout: 10_000 })
    .toBe(true);
  const picture = await second.ask('GET', '/cameras/snapshot/front_door', undefined, { cookie: second.cookie });
  expect([picture.status, picture.bytes[0]]).toEqual([200, 0xff]);

  await expect.poll(async () => (await stateOf(one)).subscriptions, { timeout: 10_000 }).toBe(1);
  await one.call('POST', '/events', { path: 'front_door', type: 'motion', state: 'start' });
  const motions = async () =>
    (
      (await second.call('GET', `/events/list?path=front_door&to=${new Date(Date.now() + 60_000).toISOString()}`)).body[
        'items'
      ] as { type: string }[]
    ).map(({ type }) => type);
  await expect.poll(motions, { timeout: 10_000 }).toContain('motion');

  // Neither Perch finds what the first one offers as its own, and the second one does not offer it again.
  expect(await found(one)).toEqual(['Front door']);
  expect((await stateOf(second)).cameras).toEqual([]);
  expect(JSON.stringify([one.log, second.log])).not.toContain(recorder.password);
});

test.concurrent('a Perch does not adopt its own camera by its address', async (context) => {
  const { expect } = context;
  const port = await freeUdpPort();
  await using camera = await startOnvifCamera({ credentials: LOGIN, discoveryPort: port, address: '127.0.0.32' });
  const { first, recorder } = await openFirst(context, port, camera);
  await using one = first;
  const { cameras } = await stateOf(one);
  const items = await one.call('POST', '/cameras/adopt', {
    ...recorder,
    cameras: [{ onvif: urlAt(cameras[0]?.port ?? 0) }],
  });
  expect(items.body['items']).toMatchObject([
    { status: 'error', error: expect.stringContaining('Perch itself offers') },
  ]);
});

test.concurrent('a wrong password is refused, and the owner reads why', async (context) => {
  const { expect } = context;
  const port = await freeUdpPort();
  await using camera = await startOnvifCamera({ credentials: LOGIN, discoveryPort: port, address: '127.0.0.33' });
  const { first, recorder } = await openFirst(context, port, camera);
  await using one = first;
  await using second = await openAdoptionHarness({ port });
  const { cameras } = await stateOf(one);
  const adopted = await second.call('POST', '/cameras/adopt', {
    ...{ ...recorder, password: 'wrong' },
    cameras: [{ onvif: urlAt(cameras[0]?.port ?? 0) }],
  });
  expect(adopted.body['items']).toMatchObject([{ status: 'error', trouble: 'wrongPassword' }]);
  expect(await stateOf(one)).toMatchObject({ refused: { why: 'wrong' } });
});
