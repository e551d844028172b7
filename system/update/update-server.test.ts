import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { openAskedServer } from '../../test/support/servers/asked-server.ts';
import { newestVersion, parseNewest, releaseFileFrom, updateFrom, writeNewest } from './update-server.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** A web server on loopback. */
async function serve(listener: RequestListener) {
  const asked: IncomingMessage[] = [];
  const first = Promise.withResolvers<void>();
  server = createServer((request, response) => {
    asked.push(request);
    listener(request, response);
    first.resolve();
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const clock = new FakeClock();
  const end = new AbortController();
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    asked,
    clock,
    end,
    host,
    from: { address: `http://${host}/perch`, clock, signal: end.signal },
    first: first.promise,
  };
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    parts.push(piece);
  }
  return Buffer.concat(parts);
}
const fault = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it was fetched',
    (error: unknown) => error,
  );
const notFetched = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message), context: { why: 'notFetched' } });

test.for(['', '/'])(
  'the newest version and its file lie in the folder of the address, also behind "%s"',
  async (slash) => {
    const file = Buffer.alloc(1 << 20, 'update');
    const box = await serve(({ url }, response) => {
      response.end(url === '/perch/perch-update.json' ? writeNewest('1.2.0~rc1') : file);
    });
    const from = { ...box.from, address: box.from.address + slash };
    expect(await newestVersion(from)).toBe('1.2.0~rc1');
    expect((await bytesOf(updateFrom(from, '1.2.0~rc1'))).equals(file)).toBe(true);
    expect(box.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /perch/perch-update.json',
      'GET /perch/perch-1.2.0~rc1.perchupdate',
    ]);
    expect(box.clock.sleeping).toBe(0);
  },
);

test('requests contain nothing about the box, and redirects get no login', async () => {
  const box = await serve(({ url }, response) => {
    if (url === '/else') {
      response.end(writeNewest('1.2.0'));
    } else {
      response.writeHead(302, { location: `http://owner:secret@${box.host}/else` }).end();
    }
  });
  expect(await newestVersion(box.from)).toBe('1.2.0');
  for (const { headers } of box.asked) {
    expect(headers).toEqual({ host: box.host, connection: 'close', 'user-agent': 'Perch' });
  }
});

test('three redirects are followed, and a loop is left', async () => {
  let redirects = 0;
  const box = await serve((_request, response) => {
    redirects += 1;
    if (redirects > 3 && redirects < 5) {
      response.end(writeNewest('1.2.0'));
    } else {
      response.writeHead(301, { location: '/perch/perch-update.json' }).end();
    }
  });
  expect(await newestVersion(box.from)).toBe('1.2.0');
  expect(await fault(newestVersion(box.from))).toEqual(notFetched('unavailable', 'redirects more than 3 times'));
  expect(box.asked).toHaveLength(8);
});

test.for(['https://127.0.0.1:9/', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'http://['])(
  'a redirect to %s is not followed',
  async (location) => {
    const box = await serve((_request, response) => void response.writeHead(302, { location }).end());
    expect(await fault(newestVersion(box.from))).toEqual(notFetched('unavailable', 'to an address that is not http'));
  },
);

test.for([
  [404, 'answers HTTP 404 for /perch/perch-update.json'],
  [500, 'answers HTTP 500'],
  [304, 'answers HTTP 304'],
  [204, 'answers HTTP 204'],
] as const)('HTTP %i is an error', async ([status, words]) => {
  const box = await serve((_request, response) => void response.writeHead(status).end());
  expect(await fault(newestVersion(box.from))).toEqual(notFetched('unavailable', words));
});

test('a truncated file, or one without a server, is not downloaded', async () => {
  const box = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('begin', () => response.destroy());
  });
  expect(await fault(bytesOf(updateFrom(box.from, '1.2.0')))).toEqual(notFetched('unavailable', 'cannot be fetched'));
  const unreachable = { ...box.from, address: 'http://127.0.0.1:1/' };
  expect(await fault(newestVersion(unreachable))).toEqual(notFetched('unavailable', 'cannot be fetched'));
});

test('a server with an untrusted certificate is rejected', async () => {
  await using box = await openAskedServer({ status: 200, body: writeNewest('1.2.0') }, true);
  const from = { address: box.url, clock: new FakeClock(), signal: new AbortController().signal };
  expect(await fault(newestVersion(from))).toMatchObject({
    ...{ code: 'unavailable', context: { why: 'notFetched' } },
    cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  });
  expect(box.asked).toEqual([]);
});

test('a long answer for the newest version is read up to the size of one', async () => {
  const box = await serve((_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, ' '))) {}
    };
    response.on('drain', more);
    more();
  });
  expect(await fault(newestVersion(box.from))).toEqual(notFetched('unavailable', 'more than 4096 bytes'));
});

test('a server that is silent for 30 s is left, before its answer and in the midst of it', async () => {
  const box = await serve(() => {});
  const asked = fault(newestVersion(box.from));
  await box.first;
  await box.clock.advance(32_000);
  expect(await asked).toEqual(notFetched('timeout', 'was not received in time'));
  expect(box.clock.sleeping).toBe(0);
});

test('a slow download continues while data arrives, for an hour at most', async () => {
  let send: (text: string) => void = () => {};
  const box = await serve((_request, response) => {
    response.writeHead(200);
    send = (text) => void response.write(text);
    send('.');
  });
  const pieces = updateFrom(box.from, '1.2.0');
  expect((await pieces.next()).done).toBe(false);
  for (let minutes = 0; minutes < 59; minutes += 0.5) {
    // Requested first: the previous piece counts as taken then.
    const next = pieces.next();
    await box.clock.advance(29_000);
    send('.');
    expect((await next).done, `${minutes} minutes`).toBe(false);
    await box.clock.advance(1_000);
  }
  const last = fault(pieces.next());
  await box.clock.advance(29_000);
  send('.');
  expect(await last).toBe('it was fetched');
  const late = fault(pieces.next());
  await box.clock.advance(15_000);
  send('.');
  expect(await late).toBe('it was fetched');
  const tooLate = fault(pieces.next());
  await box.clock.advance(20_000);
  expect(await tooLate).toEqual(notFetched('timeout', 'was not received in time'));
});

test('a cancelled download closes the connection, and so does the end of the process', async () => {
  const closed: Promise<void>[] = [];
  const box = await serve((request, response) => {
    closed.push(new Promise((resolve) => request.socket.once('close', () => resolve())));
    response.writeHead(200);
    response.write('.');
  });
  for await (const _piece of updateFrom(box.from, '1.2.0')) {
    break;
  }
  await closed[0];
  const pieces = updateFrom(box.from, '1.2.0');
  await pieces.next();
  const next = fault(pieces.next());
  box.end.abort();
  expect(await next).toBeInstanceOf(PerchError);
  await closed[1];
  expect(box.clock.sleeping).toBe(0);
});

test('a file of the release is that of the own version, else that of the newest one', async () => {
  const wanted: string[] = [];
  const box = await serve((request, response) => {
    wanted.push(request.url ?? '');
    const found = FILES.get(request.url?.split('/').at(-1) ?? '');
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  const FILES = new Map([
    ['some_1.2.0.tar.gz', 'own'],
    ['some_1.3.0.tar.gz', 'newest'],
    ['perch-update.json', writeNewest('1.3.0')],
  ]);
  const read = async (version: string): Promise<string> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of releaseFileFrom(box.from, version, (of) => `some_${of}.tar.gz`)) {
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString();
  };
  expect([await read('1.2.0'), wanted.length]).toEqual(['own', 1]);
  expect(await read('1.1.0')).toBe('newest');
  FILES.delete('some_1.3.0.tar.gz');
  await expect(read('1.3.0')).rejects.toThrow('answers HTTP 404');
  await expect(read('1.1.0')).rejects.toThrow(/answers HTTP 404 for .*some_1\.3\.0/);
  FILES.delete('perch-update.json');
  await expect(read('1.1.0')).rejects.toThrow(/answers HTTP 404 for .*perch-update/);
});

test.for(['', 'null', '[]', '{}', '{"version":1}', '{"version":"../1.2.3"}', '{"version":"1.2"}', '<html>'])(
  '%j names no version',
  (text) => {
    expect(() => parseNewest(text)).toThrow('perch-update.json names no version');
  },
);

test('any answer of a server yields a version or none', () => {
  const next = random(11);
  const bytes = Buffer.from(writeNewest('1.2.3'));
  for (let round = 0; round < 3_000; round += 1) {
    const text = Buffer.from(mutate(bytes, next)).toString('utf8');
    try {
      expect(parseNewest(text)).toMatch(/^\d{1,6}\.\d{1,6}\.\d{1,6}(~[a-z]{1,8}\d{0,6})?$/);
    } catch (error) {
      expect(error, text).toBeInstanceOf(PerchError);
    }
  }
});
