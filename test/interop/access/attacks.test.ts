import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Agent, until } from '../../peers/agent/agent.ts';
import {
  ATTACKED_PASSWORD,
  type AttackedAgent,
  cookiesOf,
  cookieValuesOf,
  startAttackedAgent,
} from '../../peers/agent/attacked-agent.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';

let box: AttackedAgent;
let agent: Agent;
let cookie: string;
let secrets: string[];
let post: AttackedAgent['post'];
const start = async () => {
  box = await startAttackedAgent();
  ({ agent, cookie, secrets, post } = box);
};
beforeAll(start);
// Another try finds a box whose attempts are not used up.
beforeEach(({ onTestFailed }) =>
  onTestFailed(async () => {
    await box[Symbol.asyncDispose]();
    await start();
  }),
);
afterAll(() => box[Symbol.asyncDispose]());

test('a lost phone: ending its session from another device also ends its live picture', async () => {
  const { rtsp } = agent.ports;
  const login = encodeURIComponent(ATTACKED_PASSWORD);
  await using _publisher = await startPublisher(`rtsp://owner:${login}@127.0.0.1:${rtsp}/yard`);
  const entered = await post('/v3/session', { user: 'owner', password: ATTACKED_PASSWORD });
  const phone = cookiesOf(entered);
  secrets.push(...cookieValuesOf(entered));
  const picture = await until(async () => {
    const answer = await fetch(`${agent.url}/hls/yard/live.mp4`, { headers: { cookie: phone } });
    return answer.ok ? answer : void answer.body?.cancel();
  });
  const { items } = (await (await fetch(`${agent.url}/v3/sessions`, { headers: { cookie } })).json()) as {
    items: { id: string; current: boolean }[];
  };
  const lost = items.find(({ current }) => !current);
  const url = `${agent.url}/v3/sessions/${lost?.id}`;
  expect((await fetch(url, { method: 'DELETE', headers: { cookie, origin: agent.url } })).status).toBe(200);
  // Endless until it is ended.
  await picture.arrayBuffer().catch(() => {});
  expect((await fetch(`${agent.url}/hls/yard/live.mp4`, { headers: { cookie: phone } })).status).toBe(401);
  // A program with the same person's password continues.
  const yard = await fetch(`${agent.url}/v3/paths/get/yard`, { headers: { cookie } });
  expect(await yard.json()).toMatchObject({ ready: true });
});

describe('SSRF through source', () => {
  const source = { source: 'rtsp://169.254.169.254/latest' };
  const ways = [
    ['POST', '/v3/config/paths/add/inward'],
    ['PATCH', '/v3/config/paths/patch/yard'],
    ['POST', '/v3/config/paths/replace/yard'],
    ['PATCH', '/v3/config/pathdefaults/patch'],
  ] as const;

  test('only the owner sets the source of a stream', async () => {
    const owner = { cookie, origin: agent.url };
    await post('/v3/users', { name: 'eve', password: 'red kite', recordings: true }, owner);
    const eve = {
      cookie: cookiesOf(await post('/v3/session', { user: 'eve', password: 'red kite' })),
      origin: agent.url,
    };
    const guest = { cookie: await guestCookie(), origin: agent.url };
    for (const headers of [{}, eve, guest]) {
      for (const [method, url] of ways) {
        expect([url, (await post(url, source, headers, method)).status]).toEqual([url, 401]);
      }
    }
    const names = await listed('/v3/config/paths/list', { cookie });
    expect(names.map(({ name }) => name)).not.toContain('inward');
  });
});

/** @returns the cookie of a guest who has opened a link to `yard` from the owner */
async function guestCookie(): Promise<string> {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const made = await post('/v3/guests', { paths: ['yard'], until }, { cookie, origin: agent.url });
  const { token } = (await made.json()) as { token: string };
  secrets.push(token.split('.')[1] ?? '');
  return cookiesOf(await post('/v3/guest', { token }));
}

async function listed(url: string, headers: Record<string, string>): Promise<{ name: string }[]> {
  const answer = await fetch(`${agent.url}${url}`, { headers });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: { name: string }[] }).items;
}

test('privilege escalation: the API shows a guest the shared cameras, and not that others exist', async () => {
  const headers = { cookie: await guestCookie() };
  expect((await listed('/v3/paths/list', headers)).map(({ name }) => name)).toEqual(['yard']);
  const status = async (url: string, port = agent.ports.main) =>
    (await fetch(`http://127.0.0.1:${port}${url}`, { headers, redirect: 'manual' })).status;
  expect([
    await status('/v3/paths/get/yard'),
    await status('/v3/paths/get/door'),
    await status('/v3/paths/get/none'),
  ]).toEqual([200, 404, 404]);
  const closed = [
    '/v3/info',
    '/v3/config/paths/list',
    '/v3/users',
    '/v3/sessions',
    '/v3/guests',
    '/v3/system',
    '/v3/recordings/list',
  ];
  expect(await Promise.all(closed.map((url) => status(url)))).toEqual(Array(closed.length).fill(401));
  expect([await status('/webrtc/yard/'), await status('/webrtc/door/')]).toEqual([200, 401]);
  expect([await status('/yard/', agent.ports.webrtc), await status('/door/', agent.ports.webrtc)]).toEqual([200, 401]);
  expect(await status('/playback/list?path=yard')).toBe(401);
});

describe('CSRF', () => {
  const changes = [
    ['POST', '/v3/session/password', { oldPassword: ATTACKED_PASSWORD, newPassword: 'something else' }],
    ['DELETE', '/v3/session', {}],
    ['POST', '/v3/users', { name: 'mallory', password: 'red kite' }],
    ['POST', '/v3/guests', { paths: 'all', until: '2099-01-01T00:00:00Z' }],
    ['POST', '/v3/guest', { token: 'x' }],
    ['POST', '/v3/config/paths/add/csrf', {}],
    ['DELETE', '/v3/config/paths/delete/yard', {}],
    ['DELETE', '/v3/recordings/deletesegment?path=yard&start=2026-01-01T00:00:00Z', {}],
    ['POST', '/v3/disks/accept', { folder: '/' }],
    ['POST', '/webrtc/yard/whip', 'v=0'],
  ] as const;

  test.for<[string, Record<string, string>]>([
    ['another site', { origin: 'https://evil.example' }],
    ['another port of this host', { origin: 'http://127.0.0.1:1' }],
    ['a frame without origin', { origin: 'null' }],
    ['a browser that tells the site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour of the name', { 'sec-fetch-site': 'same-site' }],
  ])("with the owner's cookie a page of %s changes nothing", async ([, headers]) => {
    for (const [method, url, body] of changes) {
      expect([url, (await post(url, body, { cookie, ...headers }, method)).status]).toEqual([url, 401]);
    }
  });

  test("a form cannot send the page's requests", async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await post('/v3/session', JSON.stringify({ password: ATTACKED_PASSWORD }), {
        'Content-Type': type,
      });
      expect([type, answer.status]).toEqual([type, 415]);
    }
  });

  test('a page of another origin reads nothing with the cookie', async () => {
    for (const url of ['/v3/paths/list', '/v3/users', '/v3/session']) {
      const answer = await fetch(`${agent.url}${url}`, { headers: { cookie, origin: 'https://evil.example' } });
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(await answer.text()).not.toContain('"owner"');
    }
  });

  test('scripts do not see the session cookie, and other sites do not send it with changes', async () => {
    const login = await post('/v3/session', { password: ATTACKED_PASSWORD });
    for (const text of login.headers.getSetCookie()) {
      expect(text).toMatch(/; HttpOnly; SameSite=Lax/);
    }
  });
});

test('credential stuffing: guesses end after ten, without effect on logged-in people', async () => {
  const guess = async (i: number) =>
    (await post('/v3/session', { user: `user${i}`, password: `password ${i}` }, { 'X-Forwarded-For': '127.0.0.1' }))
      .status;
  // More concurrent guesses are rejected unread.
  const statuses = new Set(await Promise.all(Array.from({ length: 8 }, (_, i) => guess(i))));
  for (let i = 8; i < 12 && !statuses.has(429); i += 1) {
    statuses.add(await guess(i));
  }
  expect([...statuses].toSorted()).toEqual([401, 429]);
  expect((await fetch(`${agent.url}/v3/users`, { headers: { cookie } })).status).toBe(200);
  // Known devices and addresses have their own count: strangers have not used it up.
  const device = cookie.split('; ').find((pair) => pair.startsWith('perch_device=')) ?? '';
  expect((await post('/v3/session', { password: ATTACKED_PASSWORD }, { cookie: device })).status).toBe(200);
});

describe('secrets', () => {
  test('are in no response of the API', async () => {
    const urls = [
      '/v3/config/global/get',
      '/v3/config/pathdefaults/get',
      '/v3/config/paths/list',
      '/v3/config/paths/get/door',
      '/v3/paths/list',
      '/v3/paths/get/door',
      '/v3/users',
      '/v3/sessions',
      '/v3/guests',
      '/v3/session',
      '/v3/system',
      '/v3/info',
    ];
    for (const url of urls) {
      const answer = await fetch(`${agent.url}${url}`, { headers: { cookie } });
      const text = await answer.text();
      expect([url, answer.status, secrets.filter((secret) => text.includes(secret))]).toEqual([url, 200, []]);
      expect(text).not.toMatch(/"(?:hash|salt|scheme)":/);
    }
  });

  test('are not in the log, even at its most verbose level and in any spelling', async () => {
    const basic = Buffer.from(`owner:${ATTACKED_PASSWORD}`).toString('base64');
    await fetch(`${agent.url}/hls/yard/index.m3u8?cookieCheck=1&token=${encodeURIComponent(ATTACKED_PASSWORD)}`, {
      headers: { cookie },
    });
    // Correct passwords, and one that is logged as wrong.
    await fetch(`${agent.url}/v3/info?jwt=${encodeURIComponent(ATTACKED_PASSWORD)}`, {
      headers: { Authorization: `Basic ${basic}` },
    });
    await fetch(`${agent.url}/v3/guests?pass=${encodeURIComponent(ATTACKED_PASSWORD)}`, {
      headers: { Authorization: `Bearer ${encodeURIComponent(ATTACKED_PASSWORD)}` },
    });
    await until(() => (/failed to authenticate.*\/v3\/guests/.test(agent.process.output()) ? true : undefined));
    await until(() => (agent.process.output().includes('/hls/yard') ? true : undefined));
    const forms = secrets.filter((secret) => secret !== '').flatMap((secret) => [secret, encodeURIComponent(secret)]);
    expect([...forms, basic].filter((form) => agent.process.output().includes(form))).toEqual([]);
  });

  test('are in the data folder only in files that other users cannot read', async () => {
    const files = (await readdir(agent.dataDir, { recursive: true })).map((name) => join(agent.dataDir, name));
    const telling: string[] = [];
    for (const file of files) {
      const facts = await stat(file);
      const text = facts.isFile() ? await readFile(file, 'latin1') : '';
      const has = secrets.some((secret) => secret !== '' && text.includes(secret)) || /"scrypt"|"key":/.test(text);
      // The test has written its configuration itself.
      if (has && !file.endsWith('test.yml')) {
        expect([file, (facts.mode & 0o077).toString(8)]).toEqual([file, '0']);
        telling.push(file);
      }
    }
    expect(telling.map((file) => file.replace(/^.*\//, ''))).toEqual(
      expect.arrayContaining(['users.json', 'secret.json']),
    );
  });

  test('in the data folder include no password of a person, no session and no link', async () => {
    for (const name of ['users.json', 'sessions.json', 'guests.json', 'secret.json']) {
      const text = await readFile(join(agent.dataDir, name), 'utf8');
      expect([name, secrets.filter((secret) => secret !== '' && text.includes(secret))]).toEqual([name, []]);
    }
  });
});
