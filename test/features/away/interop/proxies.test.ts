import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwayServerItem } from '../../../../agent/features/away/routes.ts';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { deviceOf, rtspUrlOf } from '../../../peers/agent/device-passwords.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { type GstCamera, startGstCamera } from '../../../peers/cameras/camera.ts';
import { type Namespace, openNamespace } from '../../../peers/host/namespace.ts';
import type { FrontServer } from '../../../peers/host/proxies.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { type Front, IDLE_S, startConnectProxy, startHaproxy, startWebServer } from '../support/fronts.ts';

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )';
/** Of one address, see `box-calls.ts`. */
const MAX_UNPROVEN_OF_ADDRESS = 50;

interface Linked extends AsyncDisposable {
  item(): Promise<BoxAnswer>;
  /** Of the box's own list. */
  link(): Promise<AwayServerItem>;
  /** Ten pictures of the camera, from the server. */
  pictures(): Promise<void>;
}

describeWith(
  ['gstreamer', 'ffmpeg', 'nginx', 'caddy', 'haproxy', 'apache', 'namespaces'],
  'a box that connects by itself, through proxies',
  () => {
    const stack = new AsyncDisposableStack();
    let camera: GstCamera;
    let server: Agent;
    let network: Namespace;
    let tls: number;

    beforeAll(async () => {
      // The box uses no proxy for loopback.
      network = stack.use(await openNamespace());
      tls = await freePort();
      [camera, server] = await Promise.all([
        startGstCamera({ '/gate': VIDEO }),
        startAgent({
          isOwned: true,
          env: { PERCH_TRUSTEDPROXIES: '127.0.0.1' },
          listen: () => ({ tlsAddress: `${network.hostIp}:${tls}` }),
        }),
      ]);
      stack.use(camera);
      stack.use(server);
    });
    afterAll(() => stack.disposeAsync());

    const boxes = async () =>
      (await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list')).items;

    /** A box that has redeemed an invitation for this address. */
    async function link(name: string, address: string, env: NodeJS.ProcessEnv): Promise<Linked> {
      const box = await startAgent({
        isOwned: true,
        env: { ...env, PERCH_BOXNAME: name },
        listen: () => ({ tlsAddress: '' }),
      });
      await asOwner(box, 'POST', `/v3/config/paths/add/${name}`, { source: camera.url('/gate'), rtspTransport: 'tcp' });
      const asked = { addresses: [address] };
      const { invitation } = await asOwner<{ readonly invitation: string }>(
        server,
        'POST',
        '/v3/away/invitations',
        asked,
      );
      await asOwner(box, 'POST', '/v3/away/servers', { invitation });
      const find = async () => (await boxes()).find(({ cameras }) => cameras.some(({ here }) => here === name));
      await until(find);
      const player = rtspUrlOf(server, await deviceOf(server, name, { paths: 'all' }), name);
      return {
        item: async () => (await find()) as BoxAnswer,
        link: async () => {
          const path = '/v3/away/servers/list';
          const { items } = await asOwner<{ readonly items: readonly AwayServerItem[] }>(box, 'GET', path);
          return items[0] as AwayServerItem;
        },
        pictures: async () => {
          const args = ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', player, '-frames:v', '10'];
          expect(await runProcess('ffmpeg', [...args, '-c', 'copy', '-f', 'null', '-'])).toEqual({
            code: 0,
            output: '',
          });
        },
        [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
      };
    }

    /** The link outlives the proxy's idle time before anybody watches, pictures flow, and it comes back after the proxy's restart. */
    async function staysAndReturns(linked: Linked, restart: () => Promise<void>): Promise<void> {
      const { since } = await linked.link();
      const beginMs = Date.now();
      await until(() => Date.now() - beginMs > (IDLE_S + 2) * 1_000 || undefined);
      expect(await linked.link()).toMatchObject({ state: 'connected', since });
      await linked.pictures();
      await restart();
      const isBack = async () => {
        const { state, since: now } = await linked.link();
        return (state === 'connected' && now !== since && (await linked.item()).state === 'connected') || undefined;
      };
      await until(isBack);
      await linked.pictures();
    }

    const overTls = (front: Front) =>
      [`localhost:${front.tlsPort}`, { NODE_EXTRA_CA_CERTS: front.certificateFile }] as const;

    test.concurrent('behind HAProxy', async () => {
      await using front = await startHaproxy(server.ports.main);
      await using linked = await link('haproxy', ...overTls(front));
      await staysAndReturns(linked, () => front.restart());
    });

    test.concurrent('behind Caddy', async () => {
      await using front = await startWebServer('caddy', server.ports.main);
      await using linked = await link('caddy', ...overTls(front));
      await staysAndReturns(linked, () => front.restart());
    });

    test.concurrent('behind nginx, which keeps the link when it reads its configuration again', async () => {
      await using front = await startWebServer('nginx', server.ports.main);
      await using linked = await link('nginx', ...overTls(front));
      await staysAndReturns(linked, () => front.restart());
      const { since } = await linked.link();
      front.signal('SIGHUP');
      await linked.pictures();
      expect(await linked.link()).toMatchObject({ state: 'connected', since });
      await boxesOfOneAddressAreLimited(front);
    });

    test.concurrent('through Apache as the proxy of HTTPS_PROXY, to the certificate of the server', async () => {
      await using proxy = await startConnectProxy(tls);
      const target = `${network.hostIp}:${tls}`;
      await using linked = await link('tunnel', target, { HTTPS_PROXY: proxy.url, NO_PROXY: '' });
      await staysAndReturns(linked, () => proxy.restart());
      expect(proxy.log()).toContain(`CONNECT ${target} HTTP/1.1 200`);
    });
  },
);

/** The limit of connections without a proof is for each client of a trusted proxy, not for the proxy. */
async function boxesOfOneAddressAreLimited(front: FrontServer): Promise<void> {
  const sockets: Socket[] = [];
  let ended = 0;
  const connect = (from: string) =>
    new Promise<number>((resolve, reject) => {
      const asked = request({
        ...{ host: '127.0.0.1', port: front.tlsPort, servername: 'localhost', localAddress: from },
        ...{ path: '/v3/away/link', ca: front.certificate, agent: false },
        headers: {
          ...{ Host: `localhost:${front.tlsPort}`, Connection: 'Upgrade', Upgrade: 'websocket' },
          ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
        },
      });
      asked.once('error', reject);
      asked.once('response', (answer) => {
        answer.destroy();
        resolve(answer.statusCode ?? 0);
      });
      asked.once('upgrade', (_answer, socket: Socket) => {
        sockets.push(socket.on('error', () => {}).resume());
        socket.once('close', () => {
          ended += 1;
        });
        resolve(101);
      });
      asked.end();
    });
  const all = await Promise.all(Array.from({ length: MAX_UNPROVEN_OF_ADDRESS }, () => connect('127.0.0.9')));
  expect(new Set(all)).toEqual(new Set([101]));
  // Another client has room; a further connection of the first one ends its oldest.
  expect([await connect('127.0.0.10'), ended]).toEqual([101, 0]);
  expect(await connect('127.0.0.9')).toBe(101);
  await until(() => ended > 0 || undefined);
  expect(ended).toBe(1);
  for (const socket of sockets) {
    socket.destroy();
  }
}
