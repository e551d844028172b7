import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { startDemoCamera } from '../../demo-camera/demo-camera.ts';
import type { FoundCamera } from './found-camera.ts';
import { scan } from './scan.ts';

const GROUP = '239.255.255.250';
const never = new AbortController().signal;

/** A responder on loopback that answers each probe with these datagrams; `ID` is replaced by the probe's message id. */
async function startAnswering(answers: readonly (string | Uint8Array)[]): Promise<number> {
  const port = await freeUdpPort();
  const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind({ port, address: GROUP });
  await once(socket, 'listening');
  socket.addMembership(GROUP, '127.0.0.1');
  onTestFinished(() => {
    socket.close();
  });
  socket.on('message', (probe: Buffer, from: RemoteInfo) => {
    const id = /MessageID>([^<]*)</.exec(probe.toString())?.[1] ?? '';
    for (const answer of answers) {
      socket.send(typeof answer === 'string' ? answer.replace('ID', id) : answer, from.port, from.address);
    }
  });
  return port;
}

const match = (endpoint: string, xaddrs: string) =>
  `<ProbeMatch><EndpointReference><Address>${endpoint}</Address></EndpointReference><Types>dn:NetworkVideoTransmitter</Types><XAddrs>${xaddrs}</XAddrs></ProbeMatch>`;
const answer = (matches: string, relatesTo = '<RelatesTo>ID</RelatesTo>') =>
  `<Envelope><Header>${relatesTo}</Header><Body><ProbeMatches>${matches}</ProbeMatches></Body></Envelope>`;

/** Searches until a wanted camera is found. */
async function findUntil(port: number, isLast: (camera: FoundCamera) => boolean): Promise<FoundCamera[]> {
  const found: FoundCamera[] = [];
  const stop = new AbortController();
  const options = { includeLoopback: true, listenMs: 10_000, signal: stop.signal, log: silentLogger, port };
  await scan(options, (camera) => {
    found.push(camera);
    if (isLast(camera)) {
      stop.abort();
    }
  });
  return found;
}
const isLast = ({ endpoint }: FoundCamera): boolean => endpoint === 'urn:uuid:last';

test('the demo camera is found on loopback', async () => {
  const port = await freeUdpPort();
  const demo = await startDemoCamera({ clock: systemClock, log: silentLogger, discoveryPort: port });
  onTestFinished(() => demo.close());
  expect(await findUntil(port, () => true)).toMatchObject([
    { address: '127.0.0.1', url: demo.onvifUrl, name: 'Perch demo', manufacturer: 'Perch' },
  ]);
});

test('garbage, strangers and repetitions do not spoil the rest', async () => {
  const port = await startAnswering([
    'M-SEARCH * HTTP/1.1',
    new Uint8Array(1400),
    '<Envelope><Body><Hello/></Body></Envelope>',
    answer(''),
    answer(match('urn:uuid:stranger', 'http://127.0.0.1/'), '<RelatesTo>urn:uuid:other</RelatesTo>'),
    answer(match('urn:uuid:nowhere', '')),
    answer(match('urn:uuid:printer', 'http://127.0.0.1/wsd').replace('dn:NetworkVideoTransmitter', 'wsdp:Device')),
    answer(match('urn:uuid:one', 'http://10.9.9.9:81/a') + match('urn:uuid:two', 'http://127.0.0.1/b')),
    answer(match('urn:uuid:one', 'http://10.9.9.9:81/a')),
    answer(match('urn:uuid:last', 'http://127.0.0.1/d'), ''),
  ]);
  const found = await findUntil(port, isLast);
  expect(found.map(({ endpoint, url }) => [endpoint, url])).toEqual([
    ['urn:uuid:one', 'http://127.0.0.1:81/a'],
    ['urn:uuid:two', 'http://127.0.0.1/b'],
    ['urn:uuid:last', 'http://127.0.0.1/d'],
  ]);
});

test('two devices at one address that have the same endpoint are both found', async () => {
  const port = await startAnswering([
    answer(match('urn:uuid:demo', 'http://127.0.0.1:81/')),
    answer(match('urn:uuid:demo', 'http://127.0.0.1:82/')),
    answer(match('urn:uuid:last', 'http://127.0.0.1:83/')),
  ]);
  const found = await findUntil(port, isLast);
  expect(found.map(({ url }) => new URL(url).port)).toEqual(['81', '82', '83']);
});

test('it ends after its time, when stopped, and at once if stopped before', async () => {
  const port = await freeUdpPort();
  const collect = async (signal: AbortSignal, clock: FakeClock) => {
    const found: FoundCamera[] = [];
    const options = { includeLoopback: true, listenMs: 3000, signal, log: silentLogger, clock, port };
    await scan(options, (camera) => found.push(camera));
    return found;
  };
  const clock = new FakeClock();
  const whole = collect(never, clock);
  await clock.advance(3000);
  expect(await whole).toEqual([]);

  const stop = new AbortController();
  const stopped = collect(stop.signal, new FakeClock());
  stop.abort();
  expect(await stopped).toEqual([]);
  expect(await collect(stop.signal, new FakeClock())).toEqual([]);
});
