import { once } from 'node:events';
import { createServer as createProxy, request } from 'node:http';
import { type AddressInfo, connect, createServer as createListener, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { BOX, startLinkServer } from '../../../../test/features/away/support/link-server.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { newKey, privateKeyOf } from '../keys/away-file.ts';
import { proxyFor } from './dial.ts';
import type { LinkStream } from './link-stream.ts';
import { openLink, pauseMs, ServerLink } from './server-link.ts';

const NEVER = new AbortController().signal;

test('pauses double from one second to one minute, and vary by half', () => {
  expect([1, 2, 3, 6, 7, 100].map((failures) => pauseMs(failures, 0.5))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
  expect([pauseMs(7, 0), pauseMs(7, 1)]).toEqual([30_000, 90_000]);
});

test('a link is opened again after it has ended, and at once when the network has changed', async () => {
  const clock = new FakeClock();
  const { called, deps, state, boxLinks } = await startLinkServer(clock);
  const link = new ServerLink(called, deps);
  link.start();
  await expect.poll(() => link.state.state).toBe('connected');
  expect(link.state).toMatchObject({ address: called.addresses[0], error: undefined });
  state.links[0]?.destroy();
  await expect.poll(() => link.state.state).toBe('away');
  await clock.advance(499);
  expect(state.links).toHaveLength(1);
  await clock.advance(1_001);
  await expect.poll(() => link.state.state).toBe('connected');
  state.links[1]?.destroy();
  await expect.poll(() => link.state.state).toBe('away');
  await clock.advance(0);
  link.retry();
  await expect.poll(() => link.state.state).toBe('connected');
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(true);
  await link.close();
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(false);
});

test('a change of the network in a healthy link does not shorten the pause after its end, hours later', async () => {
  const clock = new FakeClock();
  const { called, deps, state } = await startLinkServer(clock);
  const link = new ServerLink(called, deps);
  link.start();
  await expect.poll(() => link.state.state).toBe('connected');
  link.retry();
  state.links[0]?.destroy();
  await expect.poll(() => link.state.state).toBe('away');
  await clock.advance(499);
  expect(state.links).toHaveLength(1);
  await clock.advance(1_001);
  await expect.poll(() => link.state.state).toBe('connected');
  await link.close();
});

test('a change of the network shows within 3 s that a link has lost its network, and leaves one that answers', async () => {
  const clock = new FakeClock();
  const { called, deps, state, boxLinks } = await startLinkServer(clock);
  const http = createProxy((_, answer) => answer.end('hello'));
  const link = new ServerLink(called, { ...deps, serve: (socket) => void http.emit('connection', socket) });
  const ask = async (): Promise<void> => {
    const outgoing = request({ createConnection: () => boxLinks.open(BOX), path: '/' });
    outgoing.end();
    const [answer] = await once(outgoing, 'response');
    await text(answer);
  };
  link.start();
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(true);
  await ask();
  const [stream] = state.links as [LinkStream];
  const before = stream.receivedBytes;
  link.retry();
  await expect.poll(() => stream.receivedBytes).toBeGreaterThan(before);
  // What it sends after its answer to the ping.
  await ask();
  await clock.advance(3_000);
  expect(link.state.state).toBe('connected');
  // The server is silent from now on, as if the box's former network were gone.
  stream.onBytes = () => {};
  link.retry();
  link.retry();
  await clock.advance(2_999);
  expect(link.state.state).toBe('connected');
  await clock.advance(1);
  await expect.poll(() => link.state).toMatchObject({ state: 'away', error: expect.stringContaining('3 s') });
  await link.close();
});

test('a change of the network while dialling begins again at once', async () => {
  const clock = new FakeClock();
  const { called, deps, state } = await startLinkServer(clock);
  const hanging = createListener();
  const tries: Socket[] = [];
  hanging.on('connection', (socket) => tries.push(socket.on('error', () => {})));
  hanging.listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  onTestFinished(() => void hanging.close());
  const addresses = [`127.0.0.1:${(hanging.address() as AddressInfo).port}`];
  const link = new ServerLink({ ...called, addresses }, deps);
  link.start();
  for (const count of [1, 2, 3]) {
    await expect.poll(() => tries.length).toBe(count);
    link.retry();
  }
  await expect.poll(() => tries.length).toBe(4);
  expect([link.state.state, state.links.length]).toEqual(['connecting', 0]);
  await link.close();
});

test('a link that is started twice is one link', async () => {
  const { called, deps } = await startLinkServer(new FakeClock());
  const opened = await openLink(called, deps, NEVER);
  let dials = 0;
  const env = {
    get HTTPS_PROXY() {
      dials += 1;
      return '';
    },
  };
  const link = new ServerLink(called, { ...deps, env });
  link.start(opened);
  link.start();
  expect(dials).toBe(0);
  await link.close();
  expect(opened.stream.destroyed).toBe(true);
});

test('a server that has ended the pairing refuses the box, which asks again after minutes only', async () => {
  const clock = new FakeClock();
  const { called, deps, state } = await startLinkServer(clock);
  state.isPaired = false;
  const link = new ServerLink(called, deps);
  link.start();
  await expect.poll(() => link.state.state).toBe('refused');
  expect(link.state.error).toContain('not paired with the box any more');
  await clock.advance(120_000);
  expect(state.links).toHaveLength(1);
  await link.close();
});

test.for([
  ['another certificate', { pin: `key.${'A'.repeat(43)}` }, 'its certificate is not valid'],
  ['no pin, and a certificate of an unknown authority', { pin: undefined }, 'its certificate is not valid'],
  ['another key of the server', { key: newKey().key }, 'proof of the box is wrong'],
] as const)('no link opens with %s', async ([, other, why]) => {
  const { called, deps } = await startLinkServer(new FakeClock());
  await expect(openLink({ ...called, ...other }, deps, NEVER)).rejects.toThrow(why);
});

test('a server that shows another certificate by its name than the pinned one is asked again without the name', async () => {
  const { called, deps, port } = await startLinkServer(new FakeClock());
  const addresses = [`localhost:${port}`];
  const { stream, address } = await openLink({ ...called, addresses }, deps, NEVER);
  expect(address).toBe(addresses[0]);
  stream.destroy();
  const other = { ...called, addresses, pin: `key.${'A'.repeat(43)}` };
  await expect(openLink(other, deps, NEVER)).rejects.toThrow('its certificate is not valid');
});

test('a port that speaks http says so, and what to do', async () => {
  const { called, deps } = await startLinkServer(new FakeClock());
  const http = createProxy((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');
  onTestFinished(() => void http.close());
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const said = `port ${port} of 127.0.0.1 speaks http or another protocol, not https: a new invitation has to name`;
  await expect(openLink({ ...called, addresses: [`127.0.0.1:${port}`] }, deps, NEVER)).rejects.toThrow(said);
});

test('a server whose proof is wrong gets no request', async () => {
  const { called, deps, state } = await startLinkServer(new FakeClock());
  // It knows the public key of the server, as a hostile proxy may, and signs by another one.
  state.privateKey = privateKeyOf(newKey());
  await expect(openLink(called, deps, NEVER)).rejects.toThrow('another server answers: its proof is wrong');
});

test('of several addresses the one that answers is used, and the others are left', async () => {
  const { called, deps } = await startLinkServer(new FakeClock());
  const addresses = ['127.0.0.1:1', ...called.addresses];
  const { stream, address } = await openLink({ ...called, addresses }, deps, NEVER);
  expect(address).toBe(called.addresses[0]);
  stream.destroy();
});

test('a link passes through an HTTP proxy with a login, and says when that refuses', async () => {
  const { called, deps, port, state } = await startLinkServer(new FakeClock());
  const asked: (string | undefined)[] = [];
  const proxy = createProxy();
  proxy.on('connect', ({ url, headers }, client: Socket) => {
    asked.push(url, headers['proxy-authorization']);
    if (headers['proxy-authorization'] !== `Basic ${Buffer.from('box:p w').toString('base64')}`) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const out = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 202 Accepted\r\n\r\n'));
    out.pipe(client).pipe(out);
    client.on('error', () => out.destroy());
    out.on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const at = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const far = { ...called, addresses: ['cloud.example:443'] };
  const through = { ...deps, env: { HTTPS_PROXY: `http://box:p%20w@${at}` } };
  const { stream } = await openLink(far, through, NEVER);
  expect([asked, state.hosts]).toEqual([['cloud.example:443', expect.any(String)], ['cloud.example']]);
  stream.destroy();
  await expect(openLink(far, { ...deps, env: { https_proxy: at } }, NEVER)).rejects.toThrow(
    `the proxy ${at} answers 407`,
  );
});

test.for([
  ['cloud.example', {}, undefined],
  ['cloud.example', { HTTPS_PROXY: 'proxy.lan:3128' }, 'proxy.lan:3128'],
  ['cloud.example', { https_proxy: 'http://proxy.lan:3128/' }, 'proxy.lan:3128'],
  ['cloud.example', { HTTPS_PROXY: 'proxy.lan', NO_PROXY: 'lan, .example' }, undefined],
  ['counterexample', { HTTPS_PROXY: 'proxy.lan', NO_PROXY: 'example' }, 'proxy.lan'],
  ['cloud.example', { HTTPS_PROXY: 'proxy.lan', NO_PROXY: '*' }, undefined],
  ['127.0.0.1', { HTTPS_PROXY: 'proxy.lan' }, undefined],
] as const)('the proxy for %s with %j is %s', ([host, env, proxy]) => {
  expect(proxyFor(host, env)?.host).toBe(proxy);
});

test.for(['socks5://me:secret@proxy.lan', 'https://me:secret@proxy.lan', 'http://['])(
  'a proxy that is not used, %s, is an error without its login, and no direct connection',
  (given) => {
    expect(() => proxyFor('cloud.example', { HTTPS_PROXY: given })).toThrow('HTTPS_PROXY is no http://host:port');
    expect(() => proxyFor('cloud.example', { HTTPS_PROXY: given })).not.toThrow('secret');
  },
);

test('after a link has ended, its address is dialled alone, and the others once it fails', async () => {
  const clock = new FakeClock();
  const { called, deps, state, stop } = await startLinkServer(clock);
  const others: Socket[] = [];
  const other = createListener((socket) => others.push(socket.on('error', () => {})));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const addresses = [`127.0.0.1:${(other.address() as AddressInfo).port}`, ...called.addresses];
  const link = new ServerLink({ ...called, addresses }, deps);
  link.start();
  await expect.poll(() => link.state.state).toBe('connected');
  await expect.poll(() => others.length).toBe(1);
  state.links[0]?.destroy();
  await expect.poll(() => link.state.state).toBe('away');
  link.retry();
  await expect.poll(() => link.state.state).toBe('connected');
  expect(others).toHaveLength(1);
  stop();
  state.links[1]?.destroy();
  await expect.poll(() => link.state.state).toBe('away');
  link.retry();
  await expect.poll(() => others.length).toBe(2);
  await link.close();
});

test('a request over an opened link is served with the id of its server', async () => {
  const clock = new FakeClock();
  const { called, deps, boxLinks } = await startLinkServer(clock);
  const http = createProxy((_, answer) => answer.end('hello'));
  const servers: string[] = [];
  const link = new ServerLink(called, {
    ...deps,
    serve: (socket, server) => {
      servers.push(server);
      http.emit('connection', socket);
    },
  });
  link.start();
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(true);
  const outgoing = request({ createConnection: () => boxLinks.open(BOX), path: '/' });
  outgoing.end();
  const [answer] = await once(outgoing, 'response');
  expect([await text(answer), servers]).toEqual(['hello', [called.server]]);
  await link.close();
});
