import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { random } from '../../test/support/base/random.ts';
import { systemClock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { type DemoCamera, startDemoCamera } from './demo-camera.ts';
import { MAX_REQUEST_BYTES, parseSoapRequest } from './onvif-server.ts';

const GROUP = '239.255.255.250';
/** An address of this box that others can reach, if it has one. */
const LAN = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))?.address;

async function startCamera(): Promise<{ camera: DemoCamera; discoveryPort: number }> {
  const discoveryPort = await freeUdpPort();
  const camera = await startDemoCamera({ clock: systemClock, log: silentLogger, discoveryPort });
  onTestFinished(() => camera.close());
  return { camera, discoveryPort };
}

async function call(url: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    body: `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>${body}</s:Body></s:Envelope>`,
  });
  return { status: response.status, text: await response.text() };
}

test.for([
  ['<GetSystemDateAndTime/>', '<tt:UTCDateTime>'],
  ['<GetDeviceInformation/>', '<tds:Manufacturer>Perch<'],
  ['<GetCapabilities><Category>All</Category></GetCapabilities>', '/onvif/media_service'],
  ['<GetServices/>', 'http://www.onvif.org/ver10/media/wsdl'],
  ['<GetScopes/>', 'onvif://www.onvif.org/name/'],
  ['<GetProfiles/>', '<tt:Encoding>H264</tt:Encoding>'],
  ['<GetVideoEncoderConfigurations/>', '<tt:GovLength>60<'],
  ['<GetStreamUri><ProfileToken>sub</ProfileToken></GetStreamUri>', '/sub</tt:Uri>'],
] as const)('it answers %s', async ([body, part]) => {
  const { camera } = await startCamera();
  const { status, text } = await call(camera.onvifUrl, body);
  expect([status, text]).toEqual([200, expect.stringContaining(part)]);
});

test.for([
  ['an operation that it does not have', '<GetSnapshotUri/>', 500, 'ter:ActionNotSupported'],
  [
    'a profile that it does not have',
    '<GetStreamUri><ProfileToken>x</ProfileToken></GetStreamUri>',
    400,
    'ter:NoProfile',
  ],
  ['what is not SOAP', '<', 400, 'ter:WellFormed'],
] as const)('%s is a fault', async ([, body, status, subcode]) => {
  const { camera } = await startCamera();
  const reply = await call(camera.onvifUrl, body);
  expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(subcode)]);
});

test('other paths and methods are not found, and a request without end is cut off', async () => {
  const { camera } = await startCamera();
  expect((await fetch(camera.onvifUrl)).status).toBe(404);
  expect((await call(new URL('/', camera.onvifUrl).href, '<GetProfiles/>')).status).toBe(404);
  await expect(call(camera.onvifUrl, ' '.repeat(1 << 20))).rejects.toThrow();
  expect((await call(camera.onvifUrl, '<GetProfiles/>')).status).toBe(200);
});

async function openProbe(
  address: string,
): Promise<{ socket: Socket; answers: string[]; probe: (port: number) => void }> {
  const socket = createSocket({ type: 'udp4' }).bind(0, address);
  const answers: string[] = [];
  socket.on('message', (datagram) => answers.push(datagram.toString()));
  await once(socket, 'listening');
  socket.setMulticastInterface('127.0.0.1');
  onTestFinished(() => {
    socket.close();
  });
  const probe = (port: number) =>
    socket.send(
      '<Envelope><Header><MessageID>urn:uuid:5</MessageID></Header><Body><Probe><Types>tds:Device</Types></Probe></Body></Envelope>',
      port,
      GROUP,
    );
  return { socket, answers, probe };
}

test.runIf(LAN)('a probe from loopback is answered, one from a LAN address is not', async () => {
  const { camera, discoveryPort } = await startCamera();
  const [near, far] = [await openProbe('127.0.0.1'), await openProbe(LAN ?? '')];
  far.probe(discoveryPort);
  far.socket.send('not a probe', discoveryPort, GROUP);
  near.socket.send('<Envelope><Body><Hello/></Body></Envelope>', discoveryPort, GROUP);
  near.probe(discoveryPort);
  await once(near.socket, 'message');
  // The second answer to loopback would arrive after an answer to the first probe, from the LAN.
  near.probe(discoveryPort);
  await once(near.socket, 'message');
  expect(near.answers.length).toBe(2);
  expect(near.answers[0]).toContain(camera.onvifUrl);
  expect(near.answers[0]).toContain('<a:RelatesTo>urn:uuid:5</a:RelatesTo>');
  expect(far.answers).toEqual([]);
});

test.runIf(LAN)('neither ONVIF nor RTSP can be reached at a LAN address', async () => {
  const { camera } = await startCamera();
  for (const url of [camera.onvifUrl, camera.rtspUrl('main')]) {
    const socket = connect(Number(new URL(url).port), LAN);
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  }
});

const REQUEST =
  '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t="urn:t">' +
  '<s:Header><t:MessageID>urn:uuid:1</t:MessageID></s:Header><s:Body><t:GetStreamUri><t:StreamSetup><t:Stream>x</t:Stream>' +
  '</t:StreamSetup><t:ProfileToken> main </t:ProfileToken></t:GetStreamUri></s:Body></s:Envelope>';
const bytes = (text: string) => new TextEncoder().encode(text);

test('operation and arguments are found with any prefixes', () => {
  const request = parseSoapRequest(bytes(REQUEST));
  expect(request.operation).toBe('GetStreamUri');
  expect(request.argument('ProfileToken')).toBe('main');
  expect(request.argument('MessageID')).toBe('urn:uuid:1');
  expect(request.argument('Other')).toBeUndefined();
});

test.for([
  ['nothing', ''],
  ['no XML', 'GET / HTTP/1.1'],
  ['a cut document', REQUEST.slice(0, -20)],
  ['a document type', REQUEST.replace('<s:Envelope', '<!DOCTYPE a [<!ENTITY b "c">]><s:Envelope')],
  ['an empty body', '<e><Body/></e>'],
  ['a body that is only text', '<e><Body>hello</Body></e>'],
  ['too much', `${REQUEST}${' '.repeat(MAX_REQUEST_BYTES)}`],
  ['endless nesting', '<a>'.repeat(21_000)],
] as const)('refuses %s', ([, text]) => {
  expect(() => parseSoapRequest(bytes(text))).toThrow(PerchError);
});

test('mutated requests throw only PerchError', () => {
  const next = random(11);
  for (let i = 0; i < 4000; i += 1) {
    const mutated = bytes(REQUEST);
    for (let j = 0; j < 1 + next() * 4; j += 1) {
      mutated[Math.floor(next() * mutated.length)] = next() < 0.5 ? next() * 256 : '<>/&;"!:'.charCodeAt(next() * 8);
    }
    try {
      parseSoapRequest(mutated.subarray(0, next() < 0.3 ? next() * mutated.length : mutated.length)).argument(
        'ProfileToken',
      );
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
