import { expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { openSession } from '../../../agent/onvif/device/onvif-session.ts';
import { FoundCameras, type KnownCamera } from '../../../agent/onvif/discovery/found-cameras.ts';
import { startOnvifCameraIn } from '../../peers/cameras/onvif-camera.ts';
import { linkLocal, type Namespace, openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { openAdoptionHarness } from '../../support/harness/adoption-harness.ts';

/** The other end of the cable. */
const farInterface = ({ hostInterface }: Namespace): string => hostInterface.replace(/^pa/, 'pb');

function registryOn(networks: readonly Namespace[]) {
  const found = new FoundCameras({
    clock: systemClock,
    log: silentLogger,
    only: networks.map(({ hostInterface }) => hostInterface),
  });
  return Object.assign(found, { [Symbol.asyncDispose]: () => found.close() });
}

const placesOf = (cameras: readonly KnownCamera[]) =>
  cameras.map(({ address, url, foundFrom }) => `${url} answers from ${address} to ${foundFrom}`).sort();

describeWith(['namespaces'], 'in separate networks', () => {
  test.concurrent('a box with two networks finds the cameras of both, each at its address there', async () => {
    await using house = await openNamespace();
    await using barn = await openNamespace();
    await using inHouse = await startOnvifCameraIn(house);
    await using inBarn = await startOnvifCameraIn(barn, { quirks: { xaddrs: ['http://192.168.1.108:PORT/PATH'] } });
    await using found = registryOn([house, barn]);
    await found.scan({ listenMs: 2_000 });
    const place = ({ ip, hostIp }: Namespace, port: number) =>
      `http://${ip}:${port}/onvif/device_service answers from ${ip} to ${hostIp}`;
    expect(placesOf(found.list())).toEqual([place(house, inHouse.report.port), place(barn, inBarn.report.port)].sort());
  });

  test.concurrent('a camera with a new address is listed there after its Hello, and only there after a scan', async ({
    expect,
  }) => {
    await using house = await openNamespace();
    await using camera = await startOnvifCameraIn(house);
    await using found = registryOn([house]);
    found.start();
    const isAt = (ip: string) => expect.poll(() => found.list().map(({ address }) => address)).toContain(ip);
    await isAt(house.ip);
    await camera.tell('stop silently');
    const movedIp = await house.move();
    await camera.tell('start');
    await isAt(movedIp);
    expect(found.find(camera.report.endpoint).length).toBeGreaterThan(0);
    await found.scan({ listenMs: 2_000 });
    await found.scan({ listenMs: 2_000 });
    expect(found.find(camera.report.endpoint).map(({ address }) => address)).toEqual([movedIp]);
  });

  test.concurrent('a camera with an address of another network is found and read over IPv6', async () => {
    await using house = await openNamespace();
    const [near, far] = [
      await linkLocal([], house.hostInterface),
      await linkLocal(['-n', house.name], farInterface(house)),
    ];
    await using camera = await startOnvifCameraIn(house, { address: `${far}%${farInterface(house)}` });
    await using found = registryOn([house]);
    await found.scan({ listenMs: 2_000 });
    const [only] = found.list();
    const address = `${far}%${house.hostInterface}`;
    expect(only).toMatchObject({ endpoint: camera.report.endpoint, address, foundFrom: near });
    expect(only?.url).toBe(`http://[${address.replace('%', '%25')}]:${camera.report.port}/onvif/device_service`);
    await using asked = registryOn([house]);
    await asked.probe(address);
    expect(asked.list()).toMatchObject([{ endpoint: camera.report.endpoint, address, url: only?.url }]);
    const session = await openSession({ url: only?.url ?? '', signal: new AbortController().signal });
    expect(await session.information()).toMatchObject({ model: 'Sim 1' });
  });

  test.concurrent('a camera with only a link-local IPv6 address is adopted with video, audio and snapshot', async ({
    expect,
  }) => {
    await using house = await openNamespace();
    await linkLocal([], house.hostInterface);
    const far = await linkLocal(['-n', house.name], farInterface(house));
    const login = { user: 'admin', password: 'secret 1' };
    await using camera = await startOnvifCameraIn(house, {
      ...{ address: `${far}%${farInterface(house)}`, credentials: login, quirks: { login: 'digest' } },
    });
    await using box = await openAdoptionHarness({ includeLoopback: false });
    const host = `[${far}%25${house.hostInterface}]`;
    const onvif = `http://${host}:${camera.report.port}/onvif/device_service`;
    const adopted = await box.call('POST', '/cameras/adopt', { ...login, cameras: [{ onvif, name: 'gate' }] });
    expect(adopted.body['items']).toMatchObject([{ status: 'ok', paths: ['gate', 'gate_sub'] }]);
    const gate = async () => (await box.call('GET', '/cameras/get/gate')).body;
    expect(await gate()).toMatchObject({ onvif, source: `rtsp://${host}:${camera.report.rtspPort}/main` });
    for (const name of ['gate', 'gate_sub']) {
      await expect
        .poll(async () => (await box.call('GET', `/paths/get/${name}`)).body['ready'], { timeout: 10_000 })
        .toBe(true);
    }
    const picture = await box.ask('GET', '/cameras/snapshot/gate', undefined, { cookie: box.cookie });
    expect([picture.status, picture.bytes[0]]).toEqual([200, 0xff]);
    const isHeard = async () => (await camera.tell()).operations.includes('PullMessages');
    await expect.poll(isHeard, { timeout: 10_000 }).toBe(true);
    expect((await camera.tell()).wrongLogins).toEqual([]);
  });

  test.concurrent('beyond a router, without multicast, a camera is found by its address or its range', async () => {
    await using router = await openNamespace();
    await using far = await openNamespace({ behind: router });
    await using camera = await startOnvifCameraIn(far);
    await using found = registryOn([router]);
    await found.scan({ listenMs: 1_500 });
    expect(found.list()).toEqual([]);
    await found.probe(`${far.ip}/24`);
    expect(found.list()).toMatchObject([{ address: far.ip, endpoint: camera.report.endpoint }]);
  });
});
