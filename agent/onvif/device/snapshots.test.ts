import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  pictureOf,
  type SnapshotCameraOptions,
  startSnapshotCamera,
} from '../../../test/support/cameras/snapshot-camera.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { namesOf } from '../../tls/device-names.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import type { CameraGuard } from '../soap/http/persistent-connection.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { pinnedSnapshotUrl } from './media-uri.ts';
import { openSession } from './onvif-session.ts';
import { type SnapshotOptions, Snapshots } from './snapshots.ts';

const never = new AbortController().signal;
const NO_TURN = { accepted: () => {}, refused: () => {}, end: () => {}, lost: () => {}, detach: () => {} };
const anyTurn = async () => NO_TURN;

async function open(camera: SnapshotCameraOptions = {}, options: Partial<SnapshotOptions> = {}) {
  const started = await startSnapshotCamera(camera);
  onTestFinished(() => started[Symbol.asyncDispose]());
  return { ...started, snapshots: new Snapshots({ url: started.url, maxBytes: 60_000, ...options }) };
}

test('the snapshot is requested from the camera itself, with any host in its address, and services are read once', async () => {
  const { snapshots, asked, logins } = await open();
  const picture = pictureOf(20_000);
  expect(Buffer.compare(await snapshots.fetch(never), picture)).toBe(0);
  expect(Buffer.compare(await snapshots.fetch(never), picture)).toBe(0);
  const services = ['GetSystemDateAndTime', 'GetServices', 'GetCapabilities', 'GetProfiles', 'GetSnapshotUri'];
  expect(asked).toEqual([...services, '/snap?profile=main&x=1', '/snap?profile=main&x=1']);
  expect(logins).toEqual([undefined, undefined]);
});

test('a camera that wants a login gets a digest when it asks, and never the password', async () => {
  const { snapshots, logins } = await open({ password: 'se cret' }, { user: 'admin', password: 'se cret' });
  expect((await snapshots.fetch(never)).length).toBe(20_000);
  expect(logins).toEqual([undefined, expect.stringMatching(/^Digest username="admin"/)]);
});

test.for([
  [{ user: 'admin', password: 'wrong' }, 'the camera refuses this user name or password for its picture', 2],
  [{}, 'the camera asks for a user name and a password for its picture', 1],
] as const)('with %j it is not let in and does not insist', async ([options, message, requests]) => {
  const { snapshots, logins } = await open({ password: 'right' }, options);
  await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unauthorized', message });
  expect(logins).toHaveLength(requests);
});

const SIZES = {
  main: { width: 3840, picture: pictureOf(400_000) },
  sub: { width: 640, picture: pictureOf(50_000) },
  third: { width: 320, picture: pictureOf(10_000) },
};

test('for a camera whose snapshot is too large, the next smaller one is used from then on', async () => {
  const { snapshots, asked } = await open({ profiles: SIZES });
  for (let i = 0; i < 2; i += 1) {
    expect((await snapshots.fetch(never)).length).toBe(50_000);
  }
  const gets = asked.filter((line) => line.startsWith('/'));
  expect(gets.map((url) => url.slice(0, 14))).toEqual(
    ['/snap?profile=m', '/snap?profile=s', '/snap?profile=s'].map((u) => u.slice(0, 14)),
  );
});

test('the picture of the profile that is recorded is wanted first', async () => {
  const { snapshots } = await open({ profiles: SIZES }, { profile: 'third' });
  expect((await snapshots.fetch(never)).length).toBe(10_000);
});

test('a camera with large snapshots only is reported, and asked again later', async () => {
  const { snapshots } = await open({ profiles: { main: SIZES.main } });
  const message = "the camera's smallest picture is too large: 400000 bytes, at most 60000 are allowed";
  for (let i = 0; i < 2; i += 1) {
    await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unsupported', message });
  }
});

const AS_WRITTEN = [
  ['what follows a #', '/snap?profile=main#channel=1&pwd=a#b', undefined],
  ['quotes and braces', `/snap?profile=main&x="a"&y='b'&z={c}|^\``, undefined],
  ['dots in its path', '/cgi-bin/../snap/./main?profile=main&file=../a', undefined],
  ['backslashes', '/snap\\main?profile=main', undefined],
  ['escapes in any case', '/%73nap?profile=main&x=%7b%7D', undefined],
  ['nothing but a query', '?profile=main', '/?profile=main'],
  ['blanks and other letters', '/snap?profile=main&name=Tür 1', '/snap?profile=main&name=T%C3%BCr%201'],
] as const;

test.for(AS_WRITTEN)('an address is sent as it is written, with %s', async ([, written, sent = written]) => {
  const { snapshots, asked } = await open({
    uriOf: (_, port) => `http://127.0.0.1:${port}${written}`,
  });
  await snapshots.fetch(never);
  expect(asked.at(-1)).toBe(sent);
});

test('a redirect is followed as it is written', async () => {
  const { snapshots, asked, port } = await open({
    onGet: (request, response) => {
      const isFirst = !request.url?.includes('moved');
      if (isFirst) {
        response.writeHead(302, { Location: `http://127.0.0.1:${port}/a/../snap?profile=main&moved={1}#x` }).end();
      }
      return isFirst;
    },
  });
  await snapshots.fetch(never);
  expect(asked.at(-1)).toBe('/a/../snap?profile=main&moved={1}');
});

test('a picture without an end is left where it is', async () => {
  const { snapshots } = await open({
    onGet: (_request, response) => {
      response.write(pictureOf(59_000));
      const timer = setInterval(() => response.write(pictureOf(1_000)), 1);
      response.on('close', () => clearInterval(timer));
      return true;
    },
  });
  await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unsupported' });
});

test('anything but a JPEG is rejected', async () => {
  const { snapshots } = await open({ profiles: { main: { width: 640, picture: Buffer.from('<html>login</html>') } } });
  await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'badInput' });
});

test('redirects of a camera are followed on its own host, up to a limit', async () => {
  let location = (port: number, url: string): string =>
    url.includes('moved') ? '' : `http://127.0.0.1:${port}/snap?profile=main&moved`;
  const { snapshots, port, asked } = await open(
    {
      password: 'right',
      onGet: (request, response) => {
        const to = location(port, request.url ?? '');
        if (to !== '') {
          response.writeHead(302, { Location: to }).end();
        }
        return to !== '';
      },
    },
    { user: 'admin', password: 'right' },
  );
  expect((await snapshots.fetch(never)).length).toBe(20_000);
  location = (toPort, url) =>
    url.includes('moved') ? '' : `http://me:secret@127.0.0.1:${toPort}/snap?profile=main&moved`;
  asked.length = 0;
  expect((await snapshots.fetch(never)).length).toBe(20_000);
  expect(asked.filter((line) => JSON.stringify(line).includes('secret'))).toEqual([]);
  location = (toPort, url) => `http://127.0.0.1:${toPort}${url}&again`;
  await expect(snapshots.fetch(never)).rejects.toThrow('more than 3 times');
  asked.length = 0;
  location = () => 'http://elsewhere.example/picture.jpg';
  await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unsupported' });
  location = () => 'https://elsewhere.example/picture.jpg';
  await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unsupported' });
});

test('a camera that hangs is given up', async () => {
  const camera = await open({ onGet: () => true });
  const request = { login: undefined, maxBytes: 60_000, deadlineMs: 50, signal: never };
  const url = new URL(`http://127.0.0.1:${camera.port}/snap`);
  await expect(fetchSnapshot({ url, ...request })).rejects.toMatchObject({ code: 'timeout' });
});

test('a camera that switches protocols returns no snapshot, without a wait', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const url = new URL(`http://127.0.0.1:${port}/snap`);
  const request = { login: undefined, maxBytes: 100, deadlineMs: 60_000, signal: never };
  await expect(fetchSnapshot({ url, ...request })).rejects.toMatchObject({ code: 'unavailable' });
  await expect(openSession({ url: url.href, signal: never })).rejects.toMatchObject({ code: 'unavailable' });
});

test('messages about an address have neither name nor password', async () => {
  const { snapshots } = await open({
    onGet: (_request, response) => {
      response.writeHead(302, { Location: 'https://me:hush@10.0.0.9/snap?pwd=hush' }).end();
      return true;
    },
  });
  await expect(snapshots.fetch(never)).rejects.toThrow(/redirects its picture to https:\/\/10\.0\.0\.9$/);
  const address = 'rtsp://me:hush@10.0.0.9/snap?pwd=hush';
  expect(() => pinnedSnapshotUrl(address, new URL('http://10.0.0.9/'))).toThrow(
    "'rtsp://10.0.0.9' is not the http address of a picture",
  );
});

test.for([
  ['http://10.0.0.9:8080/a?b=1&c=%20', 'http://192.168.1.5:8080/a?b=1&c=%20'],
  ['http://me:pw@10.0.0.9/a', 'http://192.168.1.5/a'],
  ['https://10.0.0.9/a', 'https://192.168.1.5/a'],
  ['/a?b=1&amp;c=2', 'http://192.168.1.5:8000/a?b=1&c=2'],
] as const)('%s becomes %s', ([uri, url]) => {
  expect(pinnedSnapshotUrl(uri, new URL('http://192.168.1.5:8000/onvif')).href).toBe(url);
});

test.for(['ftp://192.168.1.5/a', 'rtsp://192.168.1.5/a', '', 'file:///etc/passwd'])(
  '%j is not a snapshot address',
  (uri) => {
    expect(() => pinnedSnapshotUrl(uri, new URL('http://192.168.1.5/onvif'))).toThrow(PerchError);
  },
);

test('an endless snapshot address is rejected', () => {
  const uri = `http://192.168.1.5/${'a'.repeat(3_000)}`;
  expect(() => pinnedSnapshotUrl(uri, new URL('http://192.168.1.5/onvif'))).toThrow('at most 2048');
});

test('any answer of a camera results in a snapshot or a PerchError', async () => {
  const next = random(17);
  const answer = Buffer.concat([
    Buffer.from(
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\nLocation: /x\r\nContent-Length: 8\r\n\r\n',
    ),
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 0xff, 0xd9]),
  ]);
  const server = createServer((socket) => {
    const bytes = Buffer.from(answer);
    bytes.write(next() < 0.5 ? '200' : next() < 0.5 ? '302' : '401', 9);
    for (let k = 0; k < 3 * next() - 1; k += 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const url = new URL(`http://127.0.0.1:${port}/snap`);
  const login = { credentials: { user: 'u', password: 'p' }, isClearAllowed: false, turn: anyTurn };
  let pictures = 0;
  for (let i = 0; i < 300; i += 1) {
    try {
      const picture = await fetchSnapshot({ url, login, maxBytes: 100, deadlineMs: 2_000, signal: never });
      pictures += picture.kind === 'jpeg' ? 1 : 0;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(pictures).toBeGreaterThan(20);
});

test('a picture over https is taken from a camera that has signed for itself, with Basic only when nothing else is offered', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  const logins: (string | undefined)[] = [];
  const server = createSecureServer({ key, cert }, (request, response) => {
    logins.push(request.headers.authorization?.split(' ')[0]);
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="camera"' }).end();
    } else {
      response.end(pictureOf(500));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  const login = { credentials: { user: 'u', password: 'p' }, isClearAllowed: false, turn: anyTurn };
  const request = { login, maxBytes: 1_000, deadlineMs: 5_000, signal: never };
  const picture = await fetchSnapshot({ url: new URL(`https://127.0.0.1:${port}/snap`), ...request });
  expect([picture.kind, logins]).toEqual(['jpeg', [undefined, 'Basic']]);
});

test('a login that is rejected for snapshots is not tried at every event', async () => {
  const { snapshots, logins } = await open(
    { password: 'right' },
    { user: 'admin', password: 'wrong', logins: new LoginMemory(systemClock) },
  );
  for (let i = 0; i < 6; i += 1) {
    await expect(snapshots.fetch(never)).rejects.toMatchObject({ code: 'unauthorized' });
  }
  expect(logins.filter((login) => login !== undefined)).toHaveLength(2);
});

test('a login that was not sent to another camera at the address does not count as pending', async () => {
  const challenge = { 'WWW-Authenticate': 'Digest realm="camera", nonce="n", qop="auth"' };
  const { port } = await open({
    onGet: (_request, response) => response.writeHead(401, challenge).end() !== undefined,
  });
  let underWay = 0;
  const turn = async () => {
    underWay += 1;
    let isOver = false;
    const end = () => {
      underWay -= isOver ? 0 : 1;
      isOver = true;
    };
    return { ...NO_TURN, end };
  };
  const login = { credentials: { user: 'u', password: 'p' }, isClearAllowed: false, turn };
  let calls = 0;
  const guard: CameraGuard = {
    call: (_place, _isRead, send) => {
      calls += 1;
      return calls === 1 ? send(undefined) : Promise.reject(new PerchError('unavailable', 'another camera'));
    },
    ready: async () => {},
    recheck: () => {},
  };
  const url = new URL(`http://127.0.0.1:${port}/snap`);
  const asked = fetchSnapshot({ url, login, guard, maxBytes: 100, deadlineMs: 5_000, signal: never });
  await expect(asked).rejects.toThrow('another camera');
  expect([calls, underWay]).toEqual([2, 0]);
});
