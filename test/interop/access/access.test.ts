import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startDemoAgent } from '../../peers/agent/demo-agent.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

/** A non-loopback address of this machine: a request to it also comes from it. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

if (!outside) {
  process.stderr.write('skipped: access from outside: this machine has loopback addresses only\n');
}

const PASSWORD = 'a kingfisher on a perch';

/** The status of each port for a viewer's requests; `demo` is the camera's path. */
async function statuses(
  agent: Agent,
  host: string,
  headers: Record<string, string> = {},
): Promise<Record<string, number>> {
  const { main, webrtc, hls, playback, api } = agent.ports;
  const asked: Record<string, string> = {
    'main: paths': `${main}/v3/paths/list`,
    'main: HLS': `${main}/hls/demo/index.m3u8?cookieCheck=1`,
    'main: WHEP page': `${main}/webrtc/demo/`,
    'main: list': `${main}/playback/list?path=demo`,
    'main: system': `${main}/v3/system`,
    'HLS port': `${hls}/demo/index.m3u8?cookieCheck=1`,
    'WebRTC port': `${webrtc}/demo/`,
    'playback port': `${playback}/list?path=demo`,
    'API port': `${api}/v3/paths/list`,
  };
  const found: Record<string, number> = {};
  for (const [what, where] of Object.entries(asked)) {
    const response = await fetch(`http://${host}:${where}`, { headers, redirect: 'manual' });
    await response.body?.cancel();
    found[what] = response.status;
  }
  return found;
}

/** The RTSP port's status for DESCRIBE of `demo`. */
async function rtspStatus(agent: Agent, host: string, authorization?: string): Promise<number> {
  const socket = connect(agent.ports.rtsp, host);
  const lines = [
    `DESCRIBE rtsp://${host}:${agent.ports.rtsp}/demo RTSP/1.0`,
    'CSeq: 1',
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^RTSP\/1\.0 (\d{3}) /.exec(answer.toString())?.[1]);
}

const all = (status: number) => (found: Record<string, number>) =>
  Object.entries(found).filter(([, other]) => other !== status);

const json = { 'Content-Type': 'application/json' };
const player = { Authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };

/** Perch's own setup, claimed in the middle of the suite: its demo camera is also the camera of another agent. */
let agent: Agent;
beforeAll(async () => {
  agent = await startAgent({ host: '0.0.0.0' });
});
afterAll(() => agent?.[Symbol.asyncDispose]());

test("before the claim no request sees anything of Perch's own setup, not even on the machine itself", async () => {
  for (const host of ['127.0.0.1', ...(outside === undefined ? [] : [outside])]) {
    expect(all(401)(await statuses(agent, host))).toEqual([]);
    expect(await rtspStatus(agent, host)).toBe(401);
    const main = `http://${host}:${agent.ports.main}`;
    expect((await fetch(`${main}/`)).status).toBe(200);
    expect(await (await fetch(`${main}/health`)).json()).toEqual({ status: 'ok', claimed: false });
    expect(await (await fetch(`${main}/v3/session`)).json()).toMatchObject({ claimed: false, loggedIn: false });
  }
});

test.runIf(outside)('after the claim only the session, and the password for players, open every port', async () => {
  const claim = (url: string, body: object) =>
    fetch(`${url}/v3/claim`, { method: 'POST', headers: json, body: JSON.stringify(body) });
  const setupCode = setupCodeOf(agent);
  expect((await claim(agent.url, { password: 'short', setupCode })).status).toBe(400);
  const claimed = await claim(agent.url, { password: PASSWORD, setupCode });
  expect(claimed.status).toBe(200);
  const cookie = claimed.headers.getSetCookie()[0] ?? '';
  expect(cookie).toMatch(/HttpOnly/);
  expect(cookie).toMatch(/SameSite/);
  expect((await claim(agent.url, { password: PASSWORD, setupCode })).status).toBe(400);

  const session = { Cookie: cookie.split(';')[0] ?? '' };
  await until(async () =>
    (await fetch(`${agent.url}/playback/list?path=demo`, { headers: session })).ok ? true : undefined,
  );
  expect(all(200)(await statuses(agent, outside ?? '', session))).toEqual([]);
  expect(all(401)(await statuses(agent, outside ?? ''))).toEqual([]);
  expect(all(401)(await statuses(agent, '127.0.0.1'))).toEqual([]);
  expect(all(200)(await statuses(agent, outside ?? '', player))).toEqual([]);
  expect(await rtspStatus(agent, '127.0.0.1')).toBe(401);
  expect(await rtspStatus(agent, outside ?? '', player.Authorization)).toBe(200);

  await fetch(`${agent.url}/v3/session`, { method: 'DELETE', headers: session });
  expect(all(401)(await statuses(agent, outside ?? '', session))).toEqual([]);
});

test.runIf(outside)(
  "a file without users has MediaMTX's meaning: anyone may play, and the API is for the box itself",
  async () => {
    await using free = await startDemoAgent({ host: '0.0.0.0' });
    await until(async () => ((await fetch(`${free.url}/playback/list?path=demo`)).ok ? true : undefined));
    // The page's settings need the owner, and the box has none.
    expect(all(200)(await statuses(free, '127.0.0.1'))).toEqual([['main: system', 401]]);
    expect(await statuses(free, outside ?? '')).toEqual({
      'main: paths': 401,
      'main: HLS': 200,
      'main: WHEP page': 200,
      'main: list': 200,
      'main: system': 401,
      'HLS port': 200,
      'WebRTC port': 200,
      'playback port': 200,
      'API port': 401,
    });
    expect(await rtspStatus(free, outside ?? '')).toBe(200);
    expect(free.process.output()).toContain('anyone on this network can watch: set users');
  },
);
