import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { MAIN_PROFILE, SUB_PROFILE } from '../../onvif-camera/camera.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type FarCamera, startOnvifCameraIn } from '../../peers/cameras/onvif-camera.ts';
import { type Machine, openSharedNetwork } from '../../peers/host/shared-network.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const PORTS = { port: 8_000, rtspPort: 8_554 };
const WIDTHS = { door: 640, yard: 320 };
type Name = keyof typeof WIDTHS;
const NAMES: readonly Name[] = ['door', 'yard'];
/** Both have their large stream at the same path: the size of the pictures identifies the camera. */
const PROFILES = { door: MAIN_PROFILE, yard: { ...SUB_PROFILE, token: 'main' } };
const loginOf = (name: Name) => ({ user: name, password: `of the ${name}` });

const startIn = (machine: Machine, name: Name): Promise<FarCamera> =>
  startOnvifCameraIn(machine, {
    ...PORTS,
    credentials: loginOf(name),
    identity: { serial: `SERIAL-${name}` },
    profiles: [PROFILES[name]],
    quirks: { streamPaths: { main: '/main' } },
  });

const entry = (name: Name, { ip }: Machine, { report }: FarCamera): string => `
  ${name}:
    source: rtsp://${ip}:${PORTS.rtspPort}/main
    record: yes
    camera:
      onvif: http://${ip}:${PORTS.port}/onvif/device_service
      endpoint: ${report.endpoint}
      serial: SERIAL-${name}
      user: ${loginOf(name).user}
      password: ${loginOf(name).password}
`;

const configOf = (agent: Agent): string => readFileSync(join(agent.dataDir, 'test.yml'), 'utf8');
const filesOf = (agent: Agent, name: Name): string[] =>
  globSync(join(agent.dataDir, `recordings/${name}/*.mp4`)).sort();

const untilRecorded = (agent: Agent, name: Name) =>
  until(async () => {
    const { ready, recording } = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
    return ready && recording?.active ? true : undefined;
  });

const widthOf = async (file: string): Promise<number | undefined> =>
  (await ffprobe(file)).streams.find((stream) => stream.width)?.width;

describeWith(['namespaces', 'ffmpeg'], 'cameras in one network', () => {
  test("two cameras that swap addresses without an announcement, with stale ARP entries, are recorded each into its own folder within 30 s, and neither gets the other's login", async () => {
    await using network = await openSharedNetwork();
    const [one, other] = network.machines;
    await using door = await startIn(one, 'door');
    await using yard = await startIn(other, 'yard');
    const entries = entry('door', one, door) + entry('yard', other, yard);
    await using agent = await startAgent({
      config: `readTimeout: 3s\napi: yes\nrecordPartDuration: 200ms\npaths:${entries}`,
    });
    await Promise.all(NAMES.map((name) => untilRecorded(agent, name)));
    const before = configOf(agent);
    const had = new Map(NAMES.map((name) => [name, filesOf(agent, name).length]));
    await network.swap();
    const swapped = before.replaceAll(one.ip, 'X').replaceAll(other.ip, one.ip).replaceAll('X', other.ip);
    await until(() => (configOf(agent) === swapped ? true : undefined));
    await Promise.all(
      NAMES.map((name) => until(() => (filesOf(agent, name).length > (had.get(name) ?? 0) ? true : undefined))),
    );
    await Promise.all(NAMES.map((name) => untilRecorded(agent, name)));
    for (const name of NAMES) {
      const files = filesOf(agent, name);
      const widths = await Promise.all(files.map((file) => until(() => widthOf(file).catch(() => undefined))));
      expect(widths).toEqual(files.map(() => WIDTHS[name]));
    }
    const reports = await Promise.all([door.tell(), yard.tell()]);
    expect(reports.map(({ wrongLogins }) => wrongLogins)).toEqual([[], []]);
    expect(reports.every(({ operations }) => operations.includes('PullMessages'))).toBe(true);
  }, 90_000);
});
