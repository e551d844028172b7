import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import {
  ATTACKED_PASSWORD,
  type AttackedAgent,
  sendRaw,
  startAttackedAgent,
  statusOf,
} from '../../peers/agent/attacked-agent.ts';
import { inShort } from '../../peers/programs/peers.ts';

let box: AttackedAgent;
let agent: Agent;
let cookie: string;
let httpPorts: AttackedAgent['httpPorts'];
let post: AttackedAgent['post'];
beforeAll(async () => {
  box = await startAttackedAgent();
  ({ agent, cookie, httpPorts, post } = box);
});
afterAll(() => box[Symbol.asyncDispose]());

const rawGet = (port: number, target: string, headers: readonly string[] = []) =>
  sendRaw(
    port,
    [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: close', ...headers, '', ''].join('\r\n'),
  );

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
    for (const port of Object.values(httpPorts)) {
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
      const basic = Buffer.from(`owner:${ATTACKED_PASSWORD}`).toString('base64');
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
    for (const port of Object.values(httpPorts)) {
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

test('DNS rebinding: a request by a foreign name counts neither as this machine nor as the home network', async () => {
  await using fresh = await startAgent({ config: 'perch: own\napi: yes\n' });
  for (const port of [fresh.ports.main, fresh.ports.api]) {
    for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example']) {
      const request = `GET /v3/paths/list HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      expect([host, statusOf(await sendRaw(port, request))]).toEqual([host, 401]);
    }
  }
  for (const url of ['/v3/config/paths/add/evil', '/v3/users', '/v3/guests']) {
    const answer = await fetch(`${fresh.url}${url}`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'Content-Type': 'application/json' },
      body: '{}',
    });
    expect([url, answer.status]).toEqual([url, 401]);
  }
  const body = JSON.stringify({ password: ATTACKED_PASSWORD });
  const claim = `POST /v3/claim HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const answer = await sendRaw(fresh.ports.main, claim);
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
    const ports = { ...httpPorts, rtsp: agent.ports.rtsp };
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
    const ports = [...Object.values(httpPorts), agent.ports.rtsp];
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
