import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, PATIENT, until } from '../../peers/agent/agent.ts';
import {
  askAsOwner,
  basic,
  bearer,
  type Device,
  deviceOf,
  OWNER,
  revoke,
  rtspUrlOf,
  whenReady,
} from '../../peers/agent/device-passwords.ts';
import { startOwnedAgent } from '../../peers/agent/owned-agent.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { describeWith, PYTHON } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { offerOf } from '../../support/harness/http/signalling-app.ts';

interface Session {
  readonly user: string;
  readonly path: string;
  readonly state: 'read' | 'publish';
}

const OFFERS = {
  whep: offerOf('chromium-156-linux'),
  whip: offerOf('chromium-156-linux-whip'),
  talk: offerOf('chromium-156-linux-talk'),
} as const;
type Purpose = keyof typeof OFFERS;
const ENDLESS = '1000000';

describeWith(['aiortc', 'ffmpeg'], 'device passwords over WebRTC', () => {
  let agent: Agent;
  let camera: AsyncDisposable | undefined;
  beforeAll(async () => {
    agent = await startOwnedAgent({ config: `perch: own\n${PATIENT}paths:\n  cam:\n  yard:\n` });
    camera = await startPublisher(rtspUrlOf(agent, OWNER, 'yard'));
  });
  afterAll(async () => {
    await camera?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  const url = (path: string, purpose: Purpose) => `http://127.0.0.1:${agent.ports.webrtc}/${path}/${purpose}`;
  const program = (name: string, ...args: readonly string[]): RunningProcess & AsyncDisposable => {
    const running = startProcess(PYTHON, [join(import.meta.dirname, '../../peers/clients', name), ...args]);
    return { ...running, [Symbol.asyncDispose]: async () => void (await running.stop('SIGKILL')) };
  };
  const publisher = async (authorization: string) =>
    program(
      'aiortc-publisher.py',
      ...[url('cam', 'whip'), await barClip({ ...SMALL, audio: 'opus' }), 'VP8', authorization],
    );
  const viewer = (pictures: string, authorization: string) =>
    program('aiortc-viewer.py', url('cam', 'whep'), pictures, authorization);
  const reportOf = async (running: RunningProcess): Promise<object> => {
    const [line] = await running.waitFor(/^\{.*\}$/m);
    return JSON.parse(line) as object;
  };
  const sessions = async () => {
    const { items } = await askAsOwner<{ items: Session[] }>(agent, 'GET', '/v3/webrtcsessions/list');
    return items.map(({ user, path, state }) => `${user} ${state} ${path}`).sort();
  };

  test('aiortc publishes by WHIP and plays by WHEP, with Basic and with a bearer token, until the password is revoked', async () => {
    const sender = await deviceOf(agent, 'Doorbell', { live: false, publish: true });
    const player = await deviceOf(agent, 'TV', {});
    await using publishing = await publisher(basic(sender));
    await publishing.waitFor(/^connected$/m);
    await whenReady(agent);
    await using finite = viewer('10', basic(player));
    expect(await reportOf(finite)).toMatchObject({ status: 201, size: [SMALL.width, SMALL.height], ended: 200 });
    await using endless = viewer(ENDLESS, bearer(player));
    await endless.waitFor(/^watching$/m);
    expect(await sessions()).toEqual(['doorbell publish cam', 'tv read cam']);

    await revoke(agent, player);
    expect(await reportOf(endless)).toMatchObject({ status: 201, transport: 'closed', ended: 404 });
    expect(await sessions()).toEqual(['doorbell publish cam']);
    await revoke(agent, sender);
    await publishing.waitFor(/^closed$/m);
    expect(await sessions()).toEqual([]);
    await until(async () => {
      const { ready } = await askAsOwner<{ ready: boolean }>(agent, 'GET', '/v3/paths/get/cam');
      return ready ? undefined : true;
    });

    await using publishingAgain = await publisher(bearer(sender));
    await using watchingAgain = viewer('1', basic(player));
    await publishingAgain.waitFor(/^refused 401$/m);
    expect(await reportOf(watchingAgain)).toMatchObject({ status: 401 });
    expect(agent.process.output()).not.toContain(sender.password);
    expect(agent.process.output()).not.toContain(player.password);
  });

  test.for([
    ['Basic', basic],
    ['bearer', bearer],
  ] as const)('by %s a device does what it has rights for, on its own path', async ([, authorization]) => {
    await whenReady(agent, 'yard');
    const ask = async (device: Device, purpose: Purpose, path: string, query = '') => {
      const headers = { Authorization: authorization(device), 'Content-Type': 'application/sdp' };
      const address = url(path, purpose);
      const response = await fetch(address + query, { method: 'POST', headers, body: OFFERS[purpose] });
      await response.body?.cancel();
      const location = response.headers.get('Location');
      if (location !== null) {
        expect((await fetch(new URL(location, address), { method: 'DELETE' })).status).toBe(200);
      }
      return response.status;
    };
    const answersFor = async (rights: object) => {
      const device = await deviceOf(agent, 'Device', { paths: ['yard'], live: false, ...rights });
      const answers = {
        'watch yard': await ask(device, 'whep', 'yard'),
        'watch yard, or cam on a bad network': await ask(device, 'whep', 'yard', '?fallback=cam'),
        'watch cam': await ask(device, 'whep', 'cam'),
        'publish yard': await ask(device, 'whip', 'yard'),
        'publish cam': await ask(device, 'whip', 'cam'),
        'talk through yard': await ask(device, 'talk', 'yard'),
        'talk through cam': await ask(device, 'talk', 'cam'),
      };
      await revoke(agent, device);
      return Object.entries(answers).flatMap(([what, status]) => (status === 401 ? [] : [`${what}: ${status}`]));
    };
    expect(await answersFor({ live: true })).toEqual(['watch yard: 201']);
    // A publisher has no loudspeaker.
    expect(await answersFor({ publish: true })).toEqual(['publish yard: 201', 'talk through yard: 400']);
    expect(await answersFor({ recordings: true })).toEqual([]);
    // A recorder that adds the camera by ONVIF watches it.
    expect(await answersFor({ onvif: true })).toEqual(['watch yard: 201']);
    const everywhere = await answersFor({ paths: 'all', live: true, publish: true });
    expect(everywhere).toEqual([
      ...['watch yard: 201', 'watch yard, or cam on a bad network: 201', 'watch cam: 404'],
      ...['publish yard: 201', 'publish cam: 201', 'talk through yard: 400', 'talk through cam: 400'],
    ]);
  });
});
