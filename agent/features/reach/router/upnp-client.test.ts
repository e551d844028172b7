import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { readCameraXml } from '../../../onvif/soap/xml/xml.ts';
import type { WantedPort } from './contract.ts';
import { locationOf } from './ssdp.ts';
import { controlOf, UpnpClient } from './upnp-client.ts';

const HTTPS: WantedPort = { name: 'https', transport: 'tcp', port: 8_443 };
const signal = new AbortController().signal;
const IP_SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1';

/** Devices within devices, as in miniupnpd's description. */
const description = (control = '/ctl/IPConn', service = IP_SERVICE): string =>
  `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceList><device><deviceList><device>
  <serviceList><service><serviceType>${service}</serviceType><controlURL>${control}</controlURL></service></serviceList>
  </device></deviceList></device></deviceList></device></root>`;

const reply = (action: string, inner = ''): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:${action}Response xmlns:u="${IP_SERVICE}">${inner}</u:${action}Response></s:Body></s:Envelope>`;
const fault = (code: number): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`;

type Answer = (action: string, body: string, response: ServerResponse) => string | undefined;

/** A router on loopback. @param answer the body, with status 500 for a fault; undefined: it has answered itself */
async function router(answer: Answer, described = description()) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    const action = /#(\w+)"$/.exec(`${request.headers['soapaction']}`)?.[1] ?? 'description';
    asked.push(action);
    const text = action === 'description' ? described : answer(action, body, response);
    if (text !== undefined) {
      response.writeHead(text.includes('<s:Fault>') ? 500 : 200, { 'Content-Type': 'text/xml' }).end(text);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const location = new URL(`http://127.0.0.1:${port}/rootDesc.xml`);
  const route = { interface: 'eth0', gateway: '127.0.0.1', own: '192.168.1.9' };
  return { asked, open: () => UpnpClient.open(location, route, signal) };
}

const entryFor = (client: string, description: string): string =>
  `<NewInternalPort>8443</NewInternalPort><NewInternalClient>${client}</NewInternalClient>` +
  `<NewPortMappingDescription>${description}</NewPortMappingDescription>`;

test('a port is mapped with a lease, and removed only while it is that of this box', async () => {
  let client = '192.168.1.9';
  const bodies: string[] = [];
  const { asked, open } = await router((action, body) => {
    bodies.push(body);
    return action === 'GetSpecificPortMappingEntry'
      ? reply(action, entryFor(client, 'Perch https'))
      : reply(action, '<NewExternalIPAddress>93.184.216.7</NewExternalIPAddress>');
  });
  const upnp = await open();
  expect(await upnp.check(signal)).toEqual({ outsideIp: '93.184.216.7', hasRestarted: false });
  expect(await upnp.map(HTTPS, 8_443, 3_600, signal)).toEqual({ outsidePort: 8_443, lifetimeS: 3_600 });
  expect(bodies.at(-1)).toContain(
    '<NewRemoteHost></NewRemoteHost><NewExternalPort>8443</NewExternalPort><NewProtocol>TCP</NewProtocol>' +
      '<NewInternalPort>8443</NewInternalPort><NewInternalClient>192.168.1.9</NewInternalClient><NewEnabled>1</NewEnabled>' +
      '<NewPortMappingDescription>Perch https</NewPortMappingDescription><NewLeaseDuration>3600</NewLeaseDuration>',
  );
  await upnp.unmap(HTTPS, 8_443, signal);
  expect(asked.at(-1)).toBe('DeletePortMapping');
  client = '192.168.1.10';
  await upnp.unmap(HTTPS, 8_443, signal);
  expect(asked.at(-1)).toBe('GetSpecificPortMappingEntry');
});

test('an entry that the owner has made by hand is open, and stays as it is', async () => {
  const { asked, open } = await router((action) => reply(action, entryFor('192.168.1.9', 'cameras')));
  const upnp = await open();
  expect(await upnp.map(HTTPS, 8_443, 3_600, signal)).toEqual({ outsidePort: 8_443, lifetimeS: 3_600 });
  expect(await upnp.has(HTTPS, 8_443, signal)).toBe(true);
  await upnp.unmap(HTTPS, 8_443, signal);
  expect(new Set(asked)).toEqual(new Set(['description', 'GetSpecificPortMappingEntry']));
});

test('an entry whose description the router hides is renewed and removed by the one that has made it', async () => {
  let isThere = false;
  const { asked, open } = await router((action) => {
    isThere ||= action === 'AddPortMapping';
    const isLooked = action === 'GetSpecificPortMappingEntry';
    return isLooked && !isThere ? fault(714) : reply(action, isLooked ? entryFor('192.168.1.9', '') : '');
  });
  const upnp = await open();
  await upnp.map(HTTPS, 8_443, 3_600, signal);
  await upnp.map(HTTPS, 8_443, 3_600, signal);
  await upnp.unmap(HTTPS, 8_443, signal);
  const changes = asked.filter((action) => /^(?:Add|Delete)/.test(action));
  expect(changes).toEqual(['AddPortMapping', 'AddPortMapping', 'DeletePortMapping']);
});

test('another outside port is taken when the wanted one is that of another device', async () => {
  let tries = 0;
  const { open } = await router((action) => {
    tries += 1;
    return tries < 3 ? fault(718) : reply(action);
  });
  const { outsidePort } = await (await open()).map(HTTPS, 8_443, 3_600, signal);
  expect(outsidePort).toBeGreaterThanOrEqual(49_152);
});

test.for([
  [606, 'refused'],
  [718, 'taken'],
  [725, 'noLease'],
  [728, 'full'],
  [501, 'other'],
] as const)('code %i of UPnP is %s', async ([code, why]) => {
  const { open } = await router(() => fault(code));
  const mapping = (await open()).map(HTTPS, 8_443, 3_600, signal);
  await expect(mapping).rejects.toMatchObject({ context: { why } });
});

test("what the router forwards to this box is read, up to the router's end of the table", async () => {
  const entries = ['192.168.1.9', '192.168.1.50', '192.168.1.9'].map(
    (client, i) =>
      `<NewExternalPort>${80 + i}</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>${8_080 + i}</NewInternalPort>` +
      `<NewInternalClient>${client}</NewInternalClient><NewPortMappingDescription>web &#x202e;${i}</NewPortMappingDescription>`,
  );
  const { open } = await router((action, body) => {
    const entry = entries[Number(/<NewPortMappingIndex>(\d+)/.exec(body)?.[1])];
    return entry === undefined ? fault(713) : reply(action, entry);
  });
  expect(await (await open()).forwarded(signal)).toEqual([
    { transport: 'tcp', port: 8_080, outsidePort: 80, description: 'web 0' },
    { transport: 'tcp', port: 8_082, outsidePort: 82, description: 'web 2' },
  ]);
});

test('a table without an end is read up to 64 entries', async () => {
  const entry =
    '<NewExternalPort>1</NewExternalPort><NewInternalPort>1</NewInternalPort><NewInternalClient>192.168.1.9</NewInternalClient>';
  const { asked, open } = await router((action) => reply(action, entry));
  expect(await (await open()).forwarded(signal)).toHaveLength(64);
  expect(asked).toHaveLength(65);
});

test.for([
  [
    'sends on to another address',
    (response: ServerResponse) => response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end(),
  ],
  ['never ends its answer', (response: ServerResponse) => response.writeHead(200).write('<a>')],
  [
    'answers with a megabyte',
    (response: ServerResponse) => response.writeHead(200).end(`<a>${'x'.repeat(1 << 20)}</a>`),
  ],
  [
    'answers with entities',
    (response: ServerResponse) => response.writeHead(200).end('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
  ],
  ['hangs up', (response: ServerResponse) => response.destroy()],
] as const)('a router that %s has not answered', async ([, act]) => {
  const { asked, open } = await router((_action, _body, response) => {
    act(response);
    return undefined;
  });
  const upnp = await open();
  await expect(upnp.check(signal)).rejects.toBeInstanceOf(PerchError);
  expect(asked).toEqual(['description', 'GetExternalIPAddress']);
});

const LOCATION = new URL('http://192.168.1.1:5000/desc/root.xml');
const controlIn = (text: string) => controlOf(readCameraXml(Buffer.from(text), 65_536), LOCATION, '192.168.1.1');

test.for([
  ['/ctl', 'http://192.168.1.1:5000/ctl'],
  ['ctl', 'http://192.168.1.1:5000/desc/ctl'],
  ['http://192.168.1.1:49152/ctl', 'http://192.168.1.1:49152/ctl'],
  ['http://192.168.1.2:5000/ctl', undefined],
  ['http://192.168.1.1@evil.example/ctl', undefined],
  ['http://user:pass@192.168.1.1/ctl', undefined],
  ['https://192.168.1.1/ctl', undefined],
  ['//evil.example/ctl', undefined],
  ['file:///etc/passwd', undefined],
  ['http://localhost/ctl', undefined],
  ['', undefined],
] as const)('a control address %s is %s', ([control, url]) => {
  expect(controlIn(description(control))?.url.href).toBe(url);
});

test('other services are not asked', () => {
  expect(controlIn(description('/ctl', 'urn:schemas-upnp-org:service:Layer3Forwarding:1'))).toBeUndefined();
  expect(controlIn(description('/ctl', 'urn:schemas-upnp-org:service:WANPPPConnection:1'))).toBeDefined();
  expect(controlIn(description('/ctl', 'urn:schemas-upnp-org:service:WANIPConnection:2'))).toBeDefined();
});

test('damaged descriptions are read or rejected, and name no other host', () => {
  const next = random(1_900);
  const whole = Buffer.from(description('http://192.168.1.1:49152/ctl'));
  for (let i = 0; i < byLength(500, 20_000); i += 1) {
    try {
      const control = controlOf(readCameraXml(mutate(whole, next), 65_536), LOCATION, '192.168.1.1');
      expect(control?.url.hostname ?? '192.168.1.1').toBe('192.168.1.1');
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

const REPLY = [
  'HTTP/1.1 200 OK',
  'CACHE-CONTROL: max-age=120',
  'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  'LOCATION: http://192.168.1.1:46467/rootDesc.xml',
  '',
  '',
].join('\r\n');
const locate = (text: string, address = '192.168.1.1') =>
  locationOf(Buffer.from(text), { address }, '192.168.1.1')?.href;

test('the router alone says where its description is', () => {
  expect(locate(REPLY)).toBe('http://192.168.1.1:46467/rootDesc.xml');
  expect(
    locate(
      REPLY.replaceAll(': ', ':')
        .toLowerCase()
        .replace('http/1.1 200 ok', 'HTTP/1.0 200 OK')
        .replace('internetgatewaydevice', 'InternetGatewayDevice'),
    ),
  ).toBeDefined();
  expect(locate(REPLY, '192.168.1.66')).toBeUndefined();
  expect(locate(REPLY.replace('192.168.1.1:46467', '192.168.1.66:46467'))).toBeUndefined();
  expect(locate(REPLY.replace('InternetGatewayDevice', 'MediaServer'))).toBeUndefined();
  expect(locate(REPLY.replace('200 OK', '404 Not Found'))).toBeUndefined();
  expect(locate(REPLY.replace('200 OK', '200 OK\r\nX: '.padEnd(2_048, 'x')))).toBeUndefined();
});

test('damaged search replies name no other host', () => {
  const next = random(1_901);
  for (let i = 0; i < byLength(5_000, 100_000); i += 1) {
    const url = locationOf(mutate(Buffer.from(REPLY), next), { address: '192.168.1.1' }, '192.168.1.1');
    expect(url?.hostname ?? '192.168.1.1').toBe('192.168.1.1');
  }
});
