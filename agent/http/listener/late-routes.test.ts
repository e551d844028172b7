import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger, silentLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { LateRoutes } from './late-routes.ts';
import { listen } from './listeners.ts';

/** A listener whose routes fail to be mounted as many times. */
async function openPort(failures = 0) {
  const lines: string[] = [];
  const log = createLogger('error', (line) => lines.push(line));
  const mounted: { closed: boolean }[] = [];
  const routes = new LateRoutes(async () => {
    const one = { closed: false };
    mounted.push(one);
    if (mounted.length <= failures) {
      throw new Error('no such folder');
    }
    const app = createHttpApp({ log: silentLogger });
    app.get<{ Params: { name: string } }>('/:name', async ({ params }) => params.name);
    app.post('/', async ({ body }) => body);
    app.addHook('onClose', async () => {
      one.closed = true;
    });
    return app;
  }, log);
  const { port } = await listen('apiAddress', '127.0.0.1:0', routes, { log: silentLogger });
  onTestFinished(() => routes.close());
  return { routes, mounted, lines, port, url: `http://127.0.0.1:${port}/` };
}

test('routes are mounted once, for the first requests', async () => {
  const { mounted, url } = await openPort();
  expect(mounted).toHaveLength(0);
  const names = Array.from({ length: 5 }, (_, i) => `name${i}`);
  const ask = async (name: string) => (await fetch(url + name)).text();
  expect(await Promise.all(names.map(ask))).toEqual(names);
  expect(await ask('late')).toBe('late');
  expect(mounted).toHaveLength(1);
});

test('requests of one connection are answered in turn, the first with its body', async () => {
  const { port } = await openPort();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const post = 'POST / HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
  socket.write(`${post}GET /b HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 .*\{"a":1\}HTTP\/1\.1 200 .*\r\n\r\nb$/s);
});

test('what is not HTTP is answered as by mounted routes', async () => {
  const { port } = await openPort();
  const ask = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('no request\r\n\r\n');
    return text(socket);
  };
  const first = await ask();
  expect(first).toMatch(/^HTTP\/1\.1 400 /);
  expect(await ask()).toBe(first);
});

test('a client that has left before its routes were there harms nothing', async () => {
  const { mounted, port, url } = await openPort();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /gone HTTP/1.1\r\nHost: box\r\n\r\n');
  socket.resetAndDestroy();
  expect(await (await fetch(`${url}here`)).text()).toBe('here');
  expect(mounted.length).toBeLessThanOrEqual(1);
});

test('so does one of HTTP/2', async () => {
  const { promise: mounting, resolve: mount } = Promise.withResolvers<void>();
  let asked = 0;
  const routes = new LateRoutes(async () => {
    await mounting;
    const app = createHttpApp({ log: silentLogger });
    app.addHook('onRequest', async () => {
      asked += 1;
    });
    return app;
  }, silentLogger);
  const server = http2.createServer((request, response) =>
    routes.routing(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    client.close();
    server.close();
    await routes.close();
  });
  const [, response] = await Promise.all([
    client.request({ ':path': '/gone' }).on('error', () => {}),
    once(server, 'request').then(([, one]) => one as http2.Http2ServerResponse),
  ]);
  client.destroy();
  await once(response.stream, 'close');
  mount();
  await routes.close();
  expect(asked).toBe(0);
});

test('routes that fail while they start are closed, and the next request tries again', async () => {
  let closed = 0;
  const routes = new LateRoutes(async () => {
    const app = createHttpApp({ log: silentLogger });
    app.addHook('onReady', async () => {
      throw new Error('no such table');
    });
    app.addHook('onClose', async () => {
      closed += 1;
    });
    return app;
  }, silentLogger);
  const { port } = await listen('apiAddress', '127.0.0.1:0', routes, { log: silentLogger });
  onTestFinished(() => routes.close());
  const url = `http://127.0.0.1:${port}/`;
  expect([(await fetch(url)).status, (await fetch(url)).status, closed]).toEqual([500, 500, 2]);
});

test('a failure is answered with 500 and logged, and the next request tries again', async () => {
  const { lines, url } = await openPort(1);
  expect((await fetch(`${url}a`)).status).toBe(500);
  expect(lines.join()).toContain('no such folder');
  expect(await (await fetch(`${url}a`)).text()).toBe('a');
});

test('what is not HTTP is disconnected when its routes cannot be mounted', async () => {
  const { port } = await openPort(1);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('no request\r\n\r\n');
  expect(await text(socket)).toBe('');
});

test('the port closes with its routes, and without any', async () => {
  const asked = await openPort();
  await fetch(`${asked.url}a`);
  await asked.routes.close();
  expect(asked.mounted).toEqual([{ closed: true }]);
  const unasked = await openPort();
  await unasked.routes.close();
  expect(unasked.mounted).toEqual([]);
  await expect(fetch(unasked.url)).rejects.toThrow();
});
