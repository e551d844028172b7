import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { makeCertificate } from '../../../peers/host/proxies.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';
import { freePorts } from '../../../support/base/free-port.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { type Balancer, SERVED_BY, startBalancer } from '../support/balancer.ts';
import { Person } from '../support/person.ts';
import { type Replica, startReplica } from '../support/replicas.ts';

const LIMIT = { timeout: 240_000 };
const PLAYED_S = byLength(4, 20);
const HLS_JS = readFileSync(new URL(import.meta.resolve('hls.js/dist/hls.min.js')), 'utf8');
const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )';
/** Of a client beyond HAProxy, which all servers trust. */
const CLIENT = '203.0.113.7';

interface Fleet extends AsyncDisposable {
  readonly balancer: Balancer;
  readonly replicas: readonly Replica[];
  readonly owner: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** What servers share. */
interface Shared extends AsyncDisposable {
  readonly postgresql: Postgresql;
  /** Address of the camera. */
  readonly source: string;
}

async function startShared(): Promise<Shared> {
  await using stack = new AsyncDisposableStack();
  const postgresql = stack.use(await startPostgresql());
  const camera = stack.use(await startGstCamera({ '/gate': VIDEO }));
  const kept = stack.move();
  return { postgresql, source: camera.url('/gate'), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Servers with a database and the camera, behind HAProxy that sends each request to the next one. */
async function startServers({ postgresql, source }: Shared, hlsVariant: string, count = 2): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder()).path;
  makeCertificate(folder, 'IP:127.0.0.1');
  const [cert, key, both] = ['cert.pem', 'cert.key', 'both.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
  const { url: databaseURL } = await postgresql.database();
  const replicas: Replica[] = [];
  for (const port of await freePorts(count)) {
    const config = `perch: own\nhlsVariant: ${hlsVariant}\ntrustedProxies: [127.0.0.1]\nreplicaAddress: 127.0.0.1:${port}
tlsServerCert: ${cert}\ntlsServerKey: ${key}\npaths:\n  gate: {source: '${source}', rtspTransport: tcp}\n`;
    const env = { PERCH_DATABASEURL: databaseURL, NODE_EXTRA_CA_CERTS: cert };
    const options = { config, env, ports: await freeAgentPorts(), listen: () => ({ tlsAddress: `127.0.0.1:${port}` }) };
    const isFirst = replicas.length === 0;
    replicas.push(stack.use(await startReplica((isNew) => startAgent({ ...options, isOwned: isFirst && isNew }))));
  }
  const ports = replicas.map(({ agent }) => agent.port);
  const balancer = stack.use(await startBalancer({ host: '127.0.0.1', certificate: both, ports }));
  const owner = { url: balancer.url, headers: replicas[0]?.agent.headers ?? {} };
  const kept = stack.move();
  return { balancer, replicas, owner, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

interface Session {
  readonly path: string;
  readonly remoteAddr: string;
  readonly user: string;
}

/** The sessions that each server has. */
const sessionsOf = ({ replicas, owner }: Fleet): Promise<readonly (readonly Session[])[]> =>
  Promise.all(
    replicas.map(async ({ agent }) => {
      const list = await asOwner<{ readonly items: readonly Session[] }>(
        { url: agent.url, headers: owner.headers },
        'GET',
        '/v3/hlssessions/list',
      ).catch(() => ({ items: [] }));
      return list.items;
    }),
  );

/** Resolves when the balancer sends requests to all servers, and each of them has the camera's stream. */
const isBalanced = ({ balancer, replicas, owner }: Fleet) =>
  until(async () => {
    const ready = replicas.map(async ({ agent }) => {
      const server = { url: agent.url, headers: owner.headers };
      return (await asOwner<{ readonly ready: boolean }>(server, 'GET', '/v3/paths/get/gate').catch(() => undefined))
        ?.ready;
    });
    if (!(await Promise.all(ready)).every(Boolean)) {
      return undefined;
    }
    const answers = await Promise.all(replicas.map(() => fetch(`${balancer.url}/health`)));
    return new Set(answers.map(({ headers }) => headers.get(SERVED_BY))).size === replicas.length || undefined;
  });

/** A server that has just started has no pictures of the camera yet. */
const playlistOf = (ask: () => Promise<Response>): Promise<string> =>
  until(async () => {
    const answer = await ask();
    const text = await answer.text();
    return answer.status === 404 ? undefined : text;
  });

/** ffmpeg plays. @param keepsCookies false: its HLS session is in the addresses */
function startFfmpeg({ balancer }: Fleet, { headers, url }: Person, keepsCookies: boolean) {
  const login = keepsCookies ? [] : ['-headers', `Cookie: ${headers['cookie']}\r\nX-Forwarded-For: ${CLIENT}\r\n`];
  const address = `${keepsCookies ? url : balancer.url}/hls/gate/index.m3u8`;
  const input = ['-nostdin', '-hide_banner', '-v', 'warning', ...login, '-i', address];
  const running = startProcess('ffmpeg', [
    ...input,
    '-progress',
    'pipe:1',
    '-stats_period',
    '0.2',
    '-c',
    'copy',
    '-f',
    'null',
    '-',
  ]);
  const playedS = () => Number([...running.output().matchAll(/out_time_us=(\d+)/g)].at(-1)?.[1] ?? 0) / 1e6;
  return {
    playedS,
    messages: () =>
      running
        .output()
        .split('\n')
        .filter((line) => !/^\w+=/.test(line) && line !== '')
        .join('\n'),
    plays: (seconds: number) =>
      until(() => (playedS() > seconds ? playedS() : undefined)).catch((error: unknown) => {
        throw new Error(`${address}: ${running.output().slice(-3_000)}`, { cause: error });
      }),
    exited: running.exited,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

/** hls.js without a line of error handling, in a page of the balancer. */
async function playInBrowser(page: Awaited<ReturnType<Awaited<ReturnType<typeof startViewer>>['open']>>) {
  await page.addScriptTag({ content: HLS_JS });
  await page.evaluate(() => {
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const { Hls } = globalThis as unknown as { Hls: typeof import('hls.js').default };
    const failures: string[] = [];
    const statuses: string[] = [];
    Object.assign(globalThis, { failures, statuses });
    const hls = new Hls({ lowLatencyMode: true });
    hls.on(Hls.Events.ERROR, (_, { fatal, details, response }) => {
      (fatal ? failures : statuses).push(`${details} ${response?.code}`);
    });
    hls.loadSource('/hls/gate/index.m3u8');
    hls.attachMedia(video);
    void video.play();
  });
  const look = () =>
    page.evaluate(() => {
      const { failures, statuses } = globalThis as unknown as Record<'failures' | 'statuses', string[]>;
      const { currentTime: timeS = 0, buffered: of } = document.querySelector('video') ?? {};
      const buffered = Array.from({ length: of?.length ?? 0 }, (_, i) => [of?.start(i), of?.end(i)]);
      return { failures, statuses, timeS, buffered };
    });
  return {
    look,
    plays: (seconds: number, fromS = 0) =>
      until(async () => {
        const { failures, statuses, timeS } = await look();
        expect(failures, JSON.stringify(statuses)).toEqual([]);
        return timeS > fromS + seconds ? { timeS, statuses } : undefined;
      }).catch(async (error: unknown) => {
        throw new Error(JSON.stringify(await look()), { cause: error });
      }),
  };
}

describeWith(
  ['postgresql', 'haproxy', 'gstreamer', 'ffmpeg', 'chromium', 'curl'],
  'live HLS behind a load balancer that knows no sessions',
  () => {
    let shared: Shared;
    beforeAll(async () => {
      shared = await startShared();
    });
    afterAll(() => shared?.[Symbol.asyncDispose]());
    let fleet: Fleet | undefined;
    afterEach(async () => {
      await fleet?.[Symbol.asyncDispose]();
      fleet = undefined;
    });

    test.for(inShort(['lowLatency', 'fmp4', 'mpegts'], 'lowLatency', 'mpegts'))(
      'ffmpeg and hls.js play, and go on after kill -9 of the server that has their sessions: %s',
      LIMIT,
      async (variant) => {
        fleet = await startServers(shared, variant);
        await isBalanced(fleet);
        const [anna, bert, cleo] = [
          await Person.add(fleet, 'anna'),
          await Person.add(fleet, 'bert'),
          await Person.add(fleet, 'cleo'),
        ];
        await using inAddresses = startFfmpeg(fleet, anna, false);
        await using inCookies = startFfmpeg(fleet, bert, true);
        await using viewer = await startViewer();
        const page = await viewer.open(`${fleet.balancer.url}/health`);
        const [name = '', value = ''] = (cleo.headers['cookie'] ?? '').split('=');
        await page.context().addCookies([{ name, value, url: fleet.balancer.url }]);
        const browser = await playInBrowser(page);
        await Promise.all([inAddresses.plays(PLAYED_S), inCookies.plays(PLAYED_S), browser.plays(PLAYED_S)]);
        expect([inAddresses.messages(), inCookies.messages()]).toEqual(['', '']);
        // Without those of a busy machine, such as a playlist after 0.8 s.
        expect((await browser.look()).statuses.filter((one) => !one.endsWith(' undefined'))).toEqual([]);
        const sessions = (await sessionsOf(fleet)).flat();
        expect(sessions.map(({ user }) => user).sort()).toEqual(['anna', 'bert', 'cleo']);
        expect(sessions.find(({ user }) => user === 'anna')?.remoteAddr).toMatch(new RegExp(`^${CLIENT}:`));

        const playOn = async () => {
          const [first, second, third] = [inAddresses.playedS(), inCookies.playedS(), (await browser.look()).timeS];
          const playing = [inAddresses.plays(first + PLAYED_S), inCookies.plays(second + PLAYED_S)];
          // Without numbers of low latency hls.js has to open the address again.
          await Promise.all(variant === 'lowLatency' ? [...playing, browser.plays(PLAYED_S, third)] : playing);
        };
        const [one, other] = fleet.replicas;
        await one?.kill();
        await playOn();
        await one?.start();
        await isBalanced(fleet);
        await playOn();
        // It has all sessions by now, also those that it has inherited.
        await other?.kill();
        await playOn();
      },
    );

    test('servers agree on which of them goes on with a session', LIMIT, async () => {
      fleet = await startServers(shared, 'lowLatency', 3);
      const [first, second, third] = fleet.replicas;
      const edna = await Person.add(fleet, 'edna');
      const ask = (server: Replica | undefined, path: string, headers: Readonly<Record<string, string>> = {}) =>
        fetch(`${server?.agent.url}/hls/gate/${path}`, { headers });
      const multivariant = await playlistOf(() => ask(third, 'index.m3u8', edna.headers));
      const media = multivariant.split('\n').find((line) => line.includes('session=')) ?? '';
      await third?.kill();
      for (const server of [second, first, second]) {
        const answer = await ask(server, `${media}&_HLS_msn=70&_HLS_part=0`, edna.headers);
        expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('MEDIA-SEQUENCE:71\n')]);
      }
      expect((await sessionsOf(fleet)).map(({ length }) => length)).toEqual([1, 0, 0]);
    });

    test('who may see a path is decided as if the request had come to the right server', LIMIT, async () => {
      fleet = await startServers(shared, 'fmp4');
      const { balancer, replicas, owner } = fleet;
      const dora = await Person.add(fleet, 'dora');
      const from = (ip: string, more = {}) => ({ 'X-Forwarded-For': ip, ...more });
      const ask = (url: string, path: string, headers: Readonly<Record<string, string>>) =>
        fetch(new URL(path, `${url}/hls/gate/`), { headers });
      const multivariant = await playlistOf(() => ask(balancer.url, 'index.m3u8', from(CLIENT, dora.headers)));
      const media = multivariant.split('\n').find((line) => line.includes('session=')) ?? '';
      /** Of the same request to each server. HAProxy would stay with the one that has answered 401. */
      const statuses = (headers: Readonly<Record<string, string>>) =>
        Promise.all(replicas.map(async ({ agent }) => (await ask(agent.url, media, headers)).status));
      expect(await statuses(from(CLIENT))).toEqual([200, 200]);
      const overHttp2 = replicas.map(async ({ agent: { process: running } }) => {
        const [, secure = ''] = /Over https: (\S+)\//.exec(running.output()) ?? [];
        const form = ['-sk', '--http2', '-H', `X-Forwarded-For: ${CLIENT}`, '-w', ' %{http_version} %{http_code}'];
        return (await runProcess('curl', [...form, `${secure}/hls/gate/${media}`])).output;
      });
      for (const output of await Promise.all(overHttp2)) {
        expect(output).toMatch(/^#EXTM3U[\s\S]*\.mp4[\s\S]* 2 200$/);
      }
      // The session is that of an address.
      expect(await statuses(from('198.51.100.9'))).toEqual([401, 401]);
      expect(await statuses(from(CLIENT, { 'Perch-Forwarded': 'e30.AAAA' }))).toEqual([421, 421]);
      const forged = { 'Perch-Forwarded': `${Buffer.from('{}').toString('base64url')}.${'A'.repeat(43)}` };
      expect(await statuses(from('198.51.100.9', forged))).toEqual([421, 421]);
      await asOwner(owner, 'PATCH', '/v3/users/dora', { cameras: [] });
      await until(async () => (await statuses(from(CLIENT))).every((status) => status === 401) || undefined);
      expect((await sessionsOf(fleet)).flat()).toEqual([]);
    });
  },
);
