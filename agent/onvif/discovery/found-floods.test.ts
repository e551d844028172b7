import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { openCamera, openRegistry } from '../../../test/support/harness/registry-harness.ts';

const GROUP = '239.255.255.250';

test.concurrent('at most a hundred Hellos a second are read', async (context) => {
  const discoveryPort = await freeUdpPort();
  const { found, untilFound } = openRegistry(context, discoveryPort);
  found.start();
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  context.onTestFinished(() => {
    socket.close();
  });
  const hello = (i: number) =>
    `<Envelope><Body><Hello><EndpointReference><Address>urn:uuid:${i}</Address></EndpointReference>` +
    `<Types>dn:NetworkVideoTransmitter</Types><XAddrs>http://127.0.0.1:${i}/onvif</XAddrs></Hello></Body></Envelope>`;
  for (let i = 1; i <= 400; i += 1) {
    socket.send(hello(i), discoveryPort, GROUP);
  }
  await untilFound(({ camera: { endpoint } }) => endpoint === 'urn:uuid:60');
  // A camera whose Hello is dropped is found by the search.
  const camera = startOnvifCamera({ discoveryPort, address: '127.0.0.51' });
  context.onTestFinished(async () => (await camera)[Symbol.asyncDispose]());
  await untilFound(({ camera: { address } }) => address === '127.0.0.51');
  expect(found.list().length).toBeLessThanOrEqual(301);
});

test.concurrent('large Hellos are read up to a quarter of a megabyte a second', async (context) => {
  const discoveryPort = await freeUdpPort();
  const clock = new FakeClock();
  const { found, untilFound } = openRegistry(context, discoveryPort, { clock });
  found.start();
  const socket = createSocket('udp4').bind(0, '127.0.0.67');
  context.onTestFinished(() => {
    socket.close();
  });
  const hello = (i: number, padding: string) =>
    `<Envelope><Body><Hello><EndpointReference><Address>urn:uuid:${i}</Address></EndpointReference>${padding}` +
    `<Types>dn:NetworkVideoTransmitter</Types><XAddrs>http://127.0.0.67:${i}/onvif</XAddrs></Hello></Body></Envelope>`;
  const large = `<!--${' '.repeat(60_000)}-->`;
  for (let i = 1; i <= 4; i += 1) {
    socket.send(hello(i, large), discoveryPort, GROUP);
    await untilFound(({ camera: { endpoint } }) => endpoint === `urn:uuid:${i}`);
  }
  await new Promise((resolve) => socket.send(hello(8, large), discoveryPort, GROUP, resolve));
  // On loopback it arrives when it is sent, and is read in the next turn.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await clock.advance(1_000);
  socket.send(hello(9, ''), discoveryPort, GROUP);
  await untilFound(({ camera: { endpoint } }) => endpoint === 'urn:uuid:9');
  expect(found.find('urn:uuid:8')).toEqual([]);
});

test.concurrent('a device that announces ever more cameras replaces only its own entries', async (context) => {
  const discoveryPort = await freeUdpPort();
  const clock = new FakeClock();
  const { found, findings, untilFound } = openRegistry(context, discoveryPort, { clock });
  found.start();
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.9' });
  await untilFound(({ camera: { endpoint } }) => endpoint === camera.endpoint);
  const socket = createSocket('udp4').bind(0, '127.0.0.66');
  context.onTestFinished(() => {
    socket.close();
  });
  const hello = (i: number) =>
    `<Envelope><Body><Hello><EndpointReference><Address>urn:uuid:${i}</Address></EndpointReference>` +
    `<Types>dn:NetworkVideoTransmitter</Types><XAddrs>http://127.0.0.66:${i}/onvif</XAddrs></Hello></Body></Envelope>`;
  for (let i = 1; i <= 640; i += 1) {
    socket.send(hello(i), discoveryPort, GROUP);
    if (i % 80 === 0) {
      await untilFound((one) => one.camera.endpoint === `urn:uuid:${i}`);
      await clock.advance(1_000);
    }
  }
  expect(findings.length).toBe(641);
  expect(found.list().length).toBe(512);
  expect(found.find(camera.endpoint)).toHaveLength(1);
});
