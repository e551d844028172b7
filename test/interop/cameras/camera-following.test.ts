import { globSync, mkdtempDisposableSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CameraJson as CameraItem } from '../../../agent/cameras/api-views.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import type { OnvifCameraOptions } from '../../onvif-camera/camera.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type FarCamera, startOnvifCameraIn } from '../../peers/cameras/onvif-camera.ts';
import { type Namespace, openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const HOUR_MS = 3_600_000;
/** What a busy machine takes. */
const BUSY_MS = 15_000;
const PORTS = { port: 8_000, rtspPort: 8_554 };
const credentials = { user: 'admin', password: 'secret' };

/** Cameras of a home: with a login, and without a reply about themselves to strangers. */
const startIn = (house: Namespace, serial: string, options: OnvifCameraOptions = {}): Promise<FarCamera> =>
  startOnvifCameraIn(house, { ...PORTS, credentials, identity: { serial }, ...options });

const entry = (name: string, ip: string, { report }: FarCamera, serial: string): string => `
  ${name}: # ours
    source: rtsp://${ip}:${PORTS.rtspPort}/main
    record: yes
    camera:
      onvif: http://${ip}:${PORTS.port}/onvif/device_service
      endpoint: ${report.endpoint}
      serial: ${serial}
      user: admin
      password: secret
`;

const configWith = (...entries: readonly string[]): string =>
  `readTimeout: 3s\napi: yes\nrecordPartDuration: 200ms\npaths:${entries.join('')}`;

const startWith = (...entries: readonly string[]): Promise<Agent> => startAgent({ config: configWith(...entries) });

const configOf = (agent: Agent): string => readFileSync(join(agent.dataDir, 'test.yml'), 'utf8');

const status = (agent: Agent, name: string): Promise<PathStatus> => agent.json<PathStatus>(`/v3/paths/get/${name}`);

const untilRecorded = (agent: Agent, name: string) =>
  until(async () => {
    const { ready, recording } = await status(agent, name);
    return ready && recording?.active ? true : undefined;
  });

/** The clock by which a camera accepts tokens is stored for the next run. */
const hasClock = ({ dataDir }: Agent): boolean =>
  globSync(join(dataDir, '**/camera-logins.json')).some((file) => readFileSync(file, 'utf8').includes('skewMs'));

const filesOf = (agent: Agent, name: string): string[] => globSync(join(agent.dataDir, `recordings/${name}/*.mp4`));

const give = async ({ name, hostInterface }: Namespace, address: string): Promise<void> => {
  const device = hostInterface.replace(/^pa/, 'pb');
  await runProcess('ip', ['-n', name, 'addr', 'add', `${address}/24`, 'dev', device]);
};

const neighbourOf = (ip: string): string => ip.replace(/\d+$/, (last) => `${Number(last) + 8}`);

describeWith(['namespaces'], 'cameras with changing addresses, in separate networks', () => {
  test.concurrent('finds a camera that does not announce its new address, and continues its recording within 30 s', async () => {
    await using house = await openNamespace();
    await using camera = await startIn(house, 'S1');
    await using agent = await startWith(entry('door', house.ip, camera, 'S1'));
    await untilRecorded(agent, 'door');
    const before = configOf(agent);
    const movedMs = performance.now();
    const movedIp = await house.move();
    await until(async () => (configOf(agent).includes(movedIp) ? true : undefined));
    await untilRecorded(agent, 'door');
    expect(performance.now() - movedMs).toBeLessThan(30_000 + BUSY_MS);
    expect(configOf(agent)).toBe(before.replaceAll(house.ip, movedIp));
    await until(() => (filesOf(agent, 'door').length >= 2 ? true : undefined));
  });

  test.concurrent('two cameras that swap addresses are recorded each into its own folder', async () => {
    await using house = await openNamespace();
    const other = neighbourOf(house.ip);
    await give(house, other);
    await using door = await startIn(house, 'S1', { address: house.ip });
    await using yard = await startIn(house, 'S2', { address: other });
    const entries = [entry('door', house.ip, door, 'S1'), entry('yard', other, yard, 'S2')];
    await using agent = await startWith(...entries);
    await Promise.all(['door', 'yard'].map((name) => untilRecorded(agent, name)));
    const [had] = await Promise.all([
      filesOf(agent, 'door').length,
      door.tell('stop silently'),
      yard.tell('stop silently'),
    ]);
    const before = configOf(agent);
    await Promise.all([door.tell(`move ${other}`), yard.tell(`move ${house.ip}`)]);
    const swapped = before.replaceAll(house.ip, 'X').replaceAll(other, house.ip).replaceAll('X', other);
    await until(() => (configOf(agent) === swapped ? true : undefined));
    await Promise.all(['door', 'yard'].map((name) => untilRecorded(agent, name)));
    await until(() => (filesOf(agent, 'door').length > had ? true : undefined));
  });

  test.concurrent('does not record cameras that swapped addresses and cannot be found, until they return', async () => {
    await using house = await openNamespace();
    const other = neighbourOf(house.ip);
    await give(house, other);
    // Nothing listens there: their announcements are never received.
    const discoveryPort = 3_999;
    await using door = await startIn(house, 'S1', { address: house.ip, discoveryPort });
    await using yard = await startIn(house, 'S2', { address: other, discoveryPort });
    const entries = [entry('door', house.ip, door, 'S1'), entry('yard', other, yard, 'S2')];
    await using agent = await startWith(...entries);
    const names = ['door', 'yard'];
    await Promise.all(names.map((name) => untilRecorded(agent, name)));
    const before = configOf(agent);
    await Promise.all([door.tell('stop silently'), yard.tell('stop silently')]);
    await Promise.all([door.tell(`move ${other}`), yard.tell(`move ${house.ip}`)]);
    const isRefused = async (name: string) => {
      const { ready, lastError } = await status(agent, name);
      return !ready && lastError?.includes('another camera is at its address now') ? true : undefined;
    };
    await Promise.all(names.map((name) => until(() => isRefused(name))));
    const had = names.map((name) => filesOf(agent, name).length);
    await Promise.all([door.tell('stop silently'), yard.tell('stop silently')]);
    expect(names.map((name) => filesOf(agent, name).length)).toEqual(had);
    await Promise.all([door.tell(`move ${house.ip}`), yard.tell(`move ${other}`)]);
    await Promise.all(names.map((name) => untilRecorded(agent, name)));
    expect(configOf(agent)).toBe(before);
  });

  test.concurrent('a device that claims the endpoint of an absent camera gets neither its password nor its path', async () => {
    await using house = await openNamespace();
    const other = neighbourOf(house.ip);
    await give(house, other);
    await using camera = await startIn(house, 'S1', { address: house.ip });
    await using agent = await startWith(entry('door', house.ip, camera, 'S1'));
    await untilRecorded(agent, 'door');
    const before = configOf(agent);
    await camera.tell('stop silently');
    const { endpoint } = camera.report;
    await using liar = await startIn(house, 'S9', { address: other, endpoint, quirks: { login: 'basic' } });
    await until(() => (agent.process.output().includes('claims to be this camera') ? true : undefined));
    const { operations } = await liar.tell();
    expect(operations).toContain('GetDeviceInformation');
    expect(configOf(agent)).toBe(before);
    await camera.tell('start');
    await untilRecorded(agent, 'door');
    expect(configOf(agent)).toBe(before);
  });
});

// After the others: six concurrent agents exceed their time limits on two cores.
describeWith(['namespaces'], 'cameras with a wrong clock that get other addresses', () => {
  test.concurrent('follows a camera whose clock is hours off within a minute, also if Perch starts after the move', async () => {
    await using house = await openNamespace();
    const quirks = { login: 'token', clockOffsetMs: -5 * HOUR_MS } as const;
    await using camera = await startIn(house, 'S1', { quirks });
    using folder = mkdtempDisposableSync(join(tmpdir(), 'perch-following-'));
    const run = { config: configWith(entry('door', house.ip, camera, 'S1')), dataDir: folder.path };
    {
      await using former = await startAgent(run);
      await untilRecorded(former, 'door');
      await until(() => (hasClock(former) ? true : undefined));
    }
    const movedIp = await house.move();
    await using agent = await startAgent(run);
    await until(() => (configOf(agent).includes(movedIp) ? true : undefined));
    await untilRecorded(agent, 'door');
    expect((await camera.tell()).wrongLogins).toEqual([]);
  });

  test.concurrent('the API reports a camera that has lost its clock, and follows it within a minute after its clock is set', async () => {
    await using house = await openNamespace();
    await using camera = await startIn(house, 'S1', { quirks: { login: 'token' } });
    await using agent = await startWith(entry('door', house.ip, camera, 'S1'));
    await untilRecorded(agent, 'door');
    const before = configOf(agent);
    // In this order: at the old address Perch would learn the camera's new clock.
    const movedIp = await house.move();
    await camera.tell(`clock ${Date.UTC(2000, 0, 1) - Date.now()}`);
    const item = await until(async () => {
      const { items } = await agent.json<{ items: CameraItem[] }>('/v3/cameras/list');
      return items[0]?.trouble === 'clock' ? items[0] : undefined;
    });
    expect(item).toMatchObject({ seenAt: movedIp, next: expect.stringContaining(`has answered at ${movedIp}`) });
    expect(item.next).toMatch(/its clock is off by \d+ days.*within a minute/);
    expect(configOf(agent)).toBe(before);
    await camera.tell('clock 0');
    await until(() => (configOf(agent).includes(movedIp) ? true : undefined));
    await untilRecorded(agent, 'door');
  }, 90_000);
});
