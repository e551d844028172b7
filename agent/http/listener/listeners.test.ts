import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, isIPv6 } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { listen } from './listeners.ts';

const LOG = { log: silentLogger };
const open = () => {
  const app = createHttpApp({ log: silentLogger });
  app.get('/', () => 'here');
  return app;
};
const answers = async (host: string, port: number) =>
  fetch(`http://${host}:${port}/`).then(
    (answer) => answer.ok,
    () => false,
  );

test.for<[string, boolean, boolean]>([
  [':0', true, true],
  ['0.0.0.0:0', true, false],
  ['[::]:0', false, true],
  ['127.0.0.1:0', true, false],
  ['[::1]:0', false, true],
])('%s answers on IPv4: %s, on IPv6: %s', async ([address, v4, v6]) => {
  const listener = await listen('address', address, open(), LOG);
  try {
    expect([await answers('127.0.0.1', listener.port), await answers('[::1]', listener.port)]).toEqual([v4, v6]);
  } finally {
    await listener.close();
  }
  expect(await answers('127.0.0.1', listener.port)).toBe(false);
});

test.for([
  [':0', '127.0.0.1'],
  ['0.0.0.0:0', '127.0.0.1'],
  ['[::]:0', '::1'],
  ['[::1]:0', '::1'],
  ['127.0.0.2:0', '127.0.0.2'],
] as const)('%s is reached from this box at %s', async ([address, host]) => {
  const listener = await listen('address', address, open(), LOG);
  try {
    expect(listener.host).toBe(host);
    expect(await answers(isIPv6(host) ? `[${host}]` : host, listener.port)).toBe(true);
  } finally {
    await listener.close();
  }
});

test.for([
  ['Host: localhost', 200],
  ['Host: localhost\r\nHost: localhost', 400],
  ['Host: localhost\r\nhost: evil.example', 400],
  ['HOST: evil.example\r\nX: y\r\nHost: localhost', 400],
  ['Host: localhost\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket', 400],
] as const)('%j is answered with %i', async ([fields, status]) => {
  const listener = await listen('address', '127.0.0.1:0', open(), LOG);
  try {
    const socket = connect(listener.port, '127.0.0.1');
    const close = fields.includes('Upgrade') ? '' : '\r\nConnection: close';
    socket.write(`GET / HTTP/1.1\r\n${fields}${close}\r\n\r\n`);
    expect((await text(socket)).split(' ')[1]).toBe(String(status));
  } finally {
    await listener.close();
  }
});

test('the address of a host name is known', async () => {
  const listener = await listen('address', 'localhost:0', open(), LOG);
  await listener.close();
  expect(['127.0.0.1', '::1']).toContain(listener.host);
});

test('one of two listeners with the same routes closes with its connections, and the other still answers', async () => {
  const app = open();
  app.get('/never', () => new Promise(() => {}));
  const [http, https] = await Promise.all([listenLocally(app), listenLocally(app, { tls: certificate('camera') })]);
  const session = connectHttp2(`https://127.0.0.1:${https.port}`, { rejectUnauthorized: false });
  const answerOf = async () => text(session.request({ ':path': '/' }));
  expect(await answerOf()).toBe('here');
  const waiting = fetch(`http://127.0.0.1:${http.port}/never`);
  const refused = expect(waiting).rejects.toThrow();
  await once(http.server, 'request');
  await http.close();
  await refused;
  expect([await answerOf(), await answers('127.0.0.1', http.port)]).toEqual(['here', false]);
  const again = await listenLocally(app);
  expect(await answers('127.0.0.1', again.port)).toBe(true);
  const closed = once(session, 'close');
  await app.close();
  await closed;
  expect(await answers('127.0.0.1', again.port)).toBe(false);
});

test.for([undefined, certificate('camera')])(
  'a listener that could not open leaves the routes to others',
  async (tls) => {
    const app = open();
    const options = { ...LOG, ...(tls && { tls }) };
    await expect(listen('apiAddress', '203.0.113.77:0', app, options)).rejects.toThrow(
      'not an address of this machine',
    );
    const { port } = await listenLocally(app);
    expect(await answers('127.0.0.1', port)).toBe(true);
    await app.close();
  },
);

/** Another program, listening on a port of its choice. */
const LISTENS =
  "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port); })";

test('a port in use is reported with the program that holds it and the key to change', async () => {
  const holder = spawn(process.execPath, ['-e', LISTENS], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = Number(String((await once(holder.stdout, 'data'))[0]).trim());
    const failure = await listen('webrtcAddress', `127.0.0.1:${port}`, open(), LOG).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unavailable' });
    expect(String(failure)).toContain(`port ${port} is taken by `);
    expect(String(failure)).toContain(`(process ${holder.pid}): stop it or change webrtcAddress`);
  } finally {
    holder.kill();
  }
});

test('a port in use by Perch itself is reported with both keys', async () => {
  const first = await listen('hlsAddress', '127.0.0.1:0', open(), LOG);
  const { port } = first;
  try {
    await expect(listen('webrtcAddress', `:${port}`, open(), LOG)).rejects.toThrow(
      `port ${port} is taken by hlsAddress of this same Perch: change hlsAddress or webrtcAddress`,
    );
  } finally {
    await first.close();
  }
});

test('a port of this process without a known key does not suggest to stop the process', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as { port: number };
  try {
    await expect(listen('webrtcAddress', `127.0.0.1:${port}`, open(), LOG)).rejects.toThrow(
      `port ${port} is taken by this same Perch: change webrtcAddress`,
    );
  } finally {
    holder.close();
  }
});

test('the port of a closed listener is no longer called by its key', async () => {
  const first = await listen('hlsAddress', '127.0.0.1:0', open(), LOG);
  const { port } = first;
  await first.close();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
  try {
    await expect(listen('webrtcAddress', `127.0.0.1:${port}`, open(), LOG)).rejects.toThrow(
      `port ${port} is taken by this same Perch: change webrtcAddress`,
    );
  } finally {
    holder.close();
  }
});

test('a foreign address is reported with the key to change', async () => {
  await expect(listen('apiAddress', '203.0.113.77:0', open(), LOG)).rejects.toThrow(
    '203.0.113.77:0 is not an address of this machine: change apiAddress',
  );
});

test.for(['', '8080', ':http', ':70000'])("'%s' is not an address to listen on", async (address) => {
  await expect(listen('address', address, open(), LOG)).rejects.toMatchObject({ code: 'badInput' });
});
