import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { inShort } from '../../peers/programs/peers.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

const PASSWORD = 'a kingfisher on a perch';
const CAMERA_PASSWORD = 'Tr0ub4dor-and-3';
const READ_TIMEOUT = '2s';
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Sends the lines of a request verbatim, without a browser or library in between. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(request, 'latin1');
  await once(socket, 'close');
  return answer;
}

const rawGet = (port: number, target: string, headers: readonly string[] = []) =>
  raw(
    port,
    [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: close', ...headers, '', ''].join('\r\n'),
  );
const statusOf = (answer: string) => Number(/^\S+ (\d{3})/.exec(answer)?.[1]);

/** Cookies as a browser keeps them. */
const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

let agent: Agent;
let cookie = '';
/** Secrets that only the owner has seen. */
const secrets: string[] = [PASSWORD, CAMERA_PASSWORD];

const post = (url: string, body: object | string, headers: Record<string, string> = {}, method = 'POST') =>
  fetch(`${agent.url}${url}`, {
    method,
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const httpPorts = () => {
  const { main, webrtc, hls, playback, api } = agent.ports;
  return { main, webrtc, hls, playback, api };
};

beforeAll(async () => {
  agent = await startAgent({
    config: `perch: own\nreadTimeout: ${READ_TIMEOUT}\nplayback: yes\napi: yes\nlogLevel: debug\npaths:\n  door:\n    source: rtsp://admin:${CAMERA_PASSWORD}@127.0.0.1:9/door\n    sourceOnDemand: yes\n  yard:\n    source: publisher\n`,
  });
  const claimed = await post('/v3/claim', { password: PASSWORD, setupCode: setupCodeOf(agent) });
  cookie = cookiesOf(claimed);
  secrets.push(...claimed.headers.getSetCookie().map((text) => /=([^;]*)/.exec(text)?.[1] ?? ''));
});
afterAll(() => agent[Symbol.asyncDispose]());

test('a lost phone: ending its session from another device also ends its live picture', async () => {
  const { rtsp } = agent.ports;
  const login = encodeURIComponent(PASSWORD);
  await using _publisher = await startPublisher(`rtsp://owner:${login}@127.0.0.1:${rtsp}/yard`);
  const entered = await post('/v3/session', { user: 'owner', password: PASSWORD });
  const phone = cookiesOf(entered);
  secrets.push(...entered.headers.getSetCookie().map((text) => /=([^;]*)/.exec(text)?.[1] ?? ''));
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

describe('path traversal', () => {
  const ways = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..%5c', '..\\', '.%00./', '%252e%252e%252f', '....//', '..;/'];
  const climbs = inShort(ways, '../', '%2e%2e%2f', '..%5c', '.%00./');
  const names = ['users.json', 'secret.json', 'etc/passwd'];
  const places = [
    ...[
      '/',
      '/assets/',
      '/hls/',
      '/webrtc/',
      '/playback/',
      '/door/',
      '/hls/door/',
      '/v3/recordings/get/',
      '/v3/timeline/',
    ],
    ...['/v3/paths/get/', '/playback/list?path=', '/playback/get?path=', '/list?path=', '/v3/recordings/list?path='],
  ];

  test('no address of any listener leaves its folder', async () => {
    const found: string[] = [];
    for (const port of Object.values(httpPorts())) {
      const targets = places.flatMap((place) =>
        climbs.map((climb) => `${place}${climb.repeat(6)}${names[climb.length % 3]}`),
      );
      const answers = await Promise.all(
        targets.map(async (target) => [target, await rawGet(port, target, [`Cookie: ${cookie}`])] as const),
      );
      found.push(
        ...answers
          .filter(([, answer]) => !isHarmless(answer))
          .map(([target, answer]) => `${target}: ${answer.slice(0, 300)}`),
      );
    }
    expect(found).toEqual([]);
  });

  const isHarmless = (answer: string) =>
    [200, 301, 302, 400, 401, 403, 404, 405].includes(statusOf(answer)) && !/root:|"scrypt"|"key":/.test(answer);

  test('deletes a recording only by the name of a path', async () => {
    for (const path of ['../..', '/etc', 'door/../..', '..%2f..', 'door\\..\\..']) {
      const query = `path=${encodeURIComponent(path)}&start=2026-01-01T00:00:00Z`;
      const answer = await fetch(`${agent.url}/v3/recordings/deletesegment?${query}`, {
        method: 'DELETE',
        headers: { cookie, origin: agent.url },
      });
      expect([path, answer.status >= 400 && answer.status < 500]).toEqual([path, true]);
    }
  });

  test('rejects publishing to a path with ..', async () => {
    for (const path of ['../yard', 'yard/../../x', '%2e%2e/yard', 'yard/..']) {
      const url = `rtsp://127.0.0.1:${agent.ports.rtsp}/${path}`;
      const basic = Buffer.from(`owner:${PASSWORD}`).toString('base64');
      const sdp = 'v=0\r\ns=x\r\nm=audio 0 RTP/AVP 0\r\n';
      const lines = [
        `ANNOUNCE ${url} RTSP/1.0`,
        'CSeq: 1',
        `Authorization: Basic ${basic}`,
        'Content-Type: application/sdp',
      ];
      const socket = connect(agent.ports.rtsp, '127.0.0.1');
      socket.write(`${[...lines, `Content-Length: ${sdp.length}`].join('\r\n')}\r\n\r\n${sdp}`);
      const [data] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      const answer = data.toString('latin1');
      expect([path, statusOf(answer) >= 400 && statusOf(answer) < 500]).toEqual([path, true]);
    }
  });
});

describe('CRLF injection', () => {
  test('nothing in an address becomes a header of the response', async () => {
    const inject = '%0d%0aX-Injected:%20yes%0d%0a%0d%0a';
    for (const port of Object.values(httpPorts())) {
      for (const target of [
        `/door${inject}`,
        `/door${inject}/`,
        `/webrtc/door${inject}`,
        `/hls/door${inject}/?x=${inject}`,
        `/v3/info/${inject}`,
        `/?${inject}`,
      ]) {
        const [head = ''] = (await rawGet(port, target, [`Cookie: ${cookie}`])).split('\r\n\r\n');
        expect(head.toLowerCase()).not.toMatch(/^x-injected/m);
      }
    }
  });

  test('nothing in a request begins a line of the log', async () => {
    await post('/v3/session', { user: 'x\r\nINJECTED by user', password: 'wrong' });
    await fetch(`${agent.url}/v3/paths/get/x%0aINJECTED%20by%20path`, { headers: { cookie } });
    await rawGet(agent.ports.main, '/x', ['User-Agent: a\u0085INJECTED', 'X-Forwarded-For: 1.2.3.4\tINJECTED']);
    await agent.process.waitFor(/login refused.*/);
    expect(agent.process.output()).not.toMatch(/^\s*INJECTED/m);
  });

  test('rejects a line break in a user, link or name', async () => {
    const user = { name: 'eve\r\nX: y', password: 'red kite' };
    expect((await post('/v3/users', user, { cookie, origin: agent.url })).status).toBe(400);
  });
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

/** Of a link to `yard` from the owner. */
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
    ['POST', '/v3/session/password', { oldPassword: PASSWORD, newPassword: 'something else' }],
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
      const answer = await post('/v3/session', JSON.stringify({ password: PASSWORD }), { 'Content-Type': type });
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
    const login = await post('/v3/session', { password: PASSWORD });
    for (const text of login.headers.getSetCookie()) {
      expect(text).toMatch(/; HttpOnly; SameSite=Lax/);
    }
  });
});

test('DNS rebinding: a request by a foreign name counts neither as this machine nor as the home network', async () => {
  await using fresh = await startAgent({ config: 'perch: own\napi: yes\n' });
  for (const port of [fresh.ports.main, fresh.ports.api]) {
    for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example']) {
      const request = `GET /v3/paths/list HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      expect([host, statusOf(await raw(port, request))]).toEqual([host, 401]);
    }
  }
  for (const url of ['/v3/config/paths/add/evil', '/v3/users', '/v3/guests']) {
    const answer = await fetch(`${fresh.url}${url}`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', ...JSON_TYPE },
      body: '{}',
    });
    expect([url, answer.status]).toEqual([url, 401]);
  }
  const body = JSON.stringify({ password: PASSWORD });
  const claim = `POST /v3/claim HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const answer = await raw(fresh.ports.main, claim);
  expect([statusOf(answer), answer]).toEqual([400, expect.stringContaining('the setup code is needed')]);
});

test('clickjacking: other pages cannot frame the app, but can frame its players', async () => {
  const policy = async (url: string) =>
    (await fetch(url, { headers: { cookie } })).headers.get('content-security-policy') ?? '';
  for (const url of ['/', '/v3/docs', '/nothing']) {
    expect([url, await policy(`${agent.url}${url}`)]).toEqual([url, expect.stringContaining("frame-ancestors 'self'")]);
  }
  for (const url of [
    `${agent.url}/webrtc/yard/`,
    `${agent.url}/hls/yard/`,
    `http://127.0.0.1:${agent.ports.webrtc}/yard/`,
  ]) {
    const response = await fetch(url, { headers: { cookie } });
    expect([url, response.status, response.headers.get('x-frame-options')]).toEqual([url, 200, null]);
    expect(response.headers.get('content-security-policy') ?? '').not.toContain('frame-ancestors');
  }
});

describe('slow-loris', () => {
  const slow = {
    'says nothing': '',
    'sends half a head': 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ',
    'sends half a body':
      'POST /v3/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    'sends half a chunk':
      'POST /v3/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{',
  };

  test('every listener closes a connection whose request does not end', async () => {
    const ports = { ...httpPorts(), rtsp: agent.ports.rtsp };
    const ended = Object.entries(ports).flatMap(([name, port]) =>
      Object.entries(slow).map(async ([way, text]) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.resume();
        socket.write(text);
        await new Promise((resolve) => socket.once('close', resolve));
        return `${name} ${way}`;
      }),
    );
    expect(await Promise.all(ended)).toHaveLength(ended.length);
  });

  test('a byte now and then does not extend the time', async () => {
    const ports = [...Object.values(httpPorts()), agent.ports.rtsp];
    const drip = ports.map(async (port) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write('OPTIONS * RTSP/1.0\r\nX-Slow: ');
      const timer = setInterval(() => socket.write('x'), 100);
      // A reset is fine: Perch closes before it has read the rest.
      await new Promise((resolve) => socket.once('close', resolve));
      clearInterval(timer);
    });
    await Promise.all(drip);
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
  expect((await post('/v3/session', { password: PASSWORD }, { cookie: device })).status).toBe(200);
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
    const basic = Buffer.from(`owner:${PASSWORD}`).toString('base64');
    await fetch(`${agent.url}/hls/yard/index.m3u8?cookieCheck=1&token=${encodeURIComponent(PASSWORD)}`, {
      headers: { cookie },
    });
    // Correct passwords, and one that is logged as wrong.
    await fetch(`${agent.url}/v3/info?jwt=${encodeURIComponent(PASSWORD)}`, {
      headers: { Authorization: `Basic ${basic}` },
    });
    await fetch(`${agent.url}/v3/guests?pass=${encodeURIComponent(PASSWORD)}`, {
      headers: { Authorization: `Bearer ${encodeURIComponent(PASSWORD)}` },
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
