import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { startDemoCamera } from '../../demo-camera/demo-camera.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { type DescribeOptions, describeDevice } from './describe-device.ts';
import { type CameraTarget, openSession } from './onvif-session.ts';

const never = new AbortController().signal;
const envelope = (body: string) =>
  `<?xml version="1.0"?><e:Envelope xmlns:e="urn:e"><e:Body>${body}</e:Body></e:Envelope>`;
const fault = (subcode: string, reason: string) =>
  envelope(
    `<Fault><Code><Value>e:Sender</Value><Subcode><Value>ter:InvalidArgs</Value><Subcode><Value>ter:${subcode}</Value></Subcode></Subcode></Code>` +
      `<Reason><Text xml:lang="en">${reason}</Text></Reason></Fault>`,
  );

/** The operation and the raw text of a request give the answer: a body for status 200, or what the function does itself. */
type Behaviour = (operation: string, request: string, response: ServerResponse) => string | undefined;

const plain: Behaviour = (operation) => {
  switch (operation) {
    case 'GetSystemDateAndTime':
      return '<r:GetSystemDateAndTimeResponse><SystemDateAndTime/></r:GetSystemDateAndTimeResponse>';
    case 'GetDeviceInformation':
      return '<r:GetDeviceInformationResponse><r:Model>Plain\n one</r:Model></r:GetDeviceInformationResponse>';
    case 'GetCapabilities':
      return '<r:GetCapabilitiesResponse><Capabilities><Media><XAddr>http://10.1.1.1:99/media?x=1</XAddr></Media></Capabilities></r:GetCapabilitiesResponse>';
    case 'GetProfiles':
      return '<r:GetProfilesResponse><r:Profiles token="p&amp;1"><VideoEncoderConfiguration><Encoding>H264</Encoding></VideoEncoderConfiguration></r:Profiles></r:GetProfilesResponse>';
    case 'GetStreamUri':
      return '<r:GetStreamUriResponse><MediaUri><Uri> rtsp://user:x@10.1.1.1:8554/live?a=1&amp;b=2\n</Uri></MediaUri></r:GetStreamUriResponse>';
    default:
      return '<Fault><Code><Value>e:Receiver</Value><Subcode><Value>ter:ActionNotSupported</Value></Subcode></Code></Fault>';
  }
};

async function startFake(behaviour: Behaviour) {
  const calls: { operation: string; path: string; request: string }[] = [];
  const server = createServer(async (request, response) => {
    const text = (await request.setEncoding('utf8').toArray()).join('');
    const operation = /<s:Body><\w+:(\w+)/.exec(text)?.[1] ?? '';
    calls.push({ operation, path: request.url ?? '', request: text });
    const body = behaviour(operation, text, response);
    if (body !== undefined) {
      response.end(envelope(body));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/onvif/device_service`, calls };
}

async function openCamera(target: CameraTarget, options: Partial<DescribeOptions> = {}) {
  const session = await openSession({ logins: new LoginMemory(systemClock), ...target });
  return { session, ...(await describeDevice(session, { signal: never, ...options })) };
}

async function failureOf(options: Omit<CameraTarget, 'signal'>): Promise<PerchError> {
  const error = await openCamera({ signal: never, ...options }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(PerchError);
  return error as PerchError;
}

test('the demo camera is read whole, and main and sub are chosen from it', async () => {
  const demo = await startDemoCamera({ clock: systemClock, log: silentLogger, discoveryPort: 0 });
  onTestFinished(() => demo.close());
  const camera = await openCamera({ url: demo.onvifUrl, signal: never });
  expect(camera.information).toEqual({
    manufacturer: 'Perch',
    model: 'Demo camera',
    firmware: '1',
    serial: 'demo',
    hardware: 'software',
  });
  expect(Math.abs(camera.session.skewMs)).toBeLessThan(2000);
  const { main, sub } = camera;
  expect(main).toMatchObject({ width: 640, height: 360, fps: 15, codec: 'H264', rtspUrl: demo.rtspUrl('main') });
  expect(sub).toMatchObject({ width: 320, height: 180, rtspUrl: demo.rtspUrl('sub') });
});

/** Two profiles; the first one's stream address is delayed this many times. */
const putOff = (times: number): Behaviour => {
  let left = times;
  const profile = (token: string, width: number) =>
    `<r:Profiles token="${token}"><VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution><Width>${width}</Width><Height>${width}</Height></Resolution></VideoEncoderConfiguration></r:Profiles>`;
  return (operation, request, response) => {
    if (operation === 'GetProfiles') {
      return `<r:GetProfilesResponse>${profile('large', 1_920)}${profile('small', 640)}</r:GetProfilesResponse>`;
    }
    const token = request.includes('>large<') ? 'large' : 'small';
    if (operation === 'GetStreamUri' && token === 'large' && left > 0) {
      left -= 1;
      response.writeHead(503).end();
      return undefined;
    }
    return operation === 'GetStreamUri'
      ? `<r:GetStreamUriResponse><MediaUri><Uri>rtsp://10.1.1.1/${token}</Uri></MediaUri></r:GetStreamUriResponse>`
      : plain(operation, request, response);
  };
};

test.for([
  [3, { rtspUrl: expect.stringContaining('/large') }],
  [4, { rtspUrl: undefined, delay: 'busy', probed: undefined }],
] as const)(
  'while the camera is busy the address of its stream is requested again, and no smaller profile replaces it: %i times',
  async ([times, outcome]) => {
    const { url } = await startFake(putOff(times));
    const retryClock = new FakeClock();
    const reading = openCamera({ url, signal: never }, { retryClock });
    const tick = setInterval(() => void retryClock.advance(1_000), 20);
    const { main, sub } = await reading.finally(() => clearInterval(tick));
    expect(main).toMatchObject({ token: 'large', ...outcome });
    expect(sub?.rtspUrl).toContain('/small');
  },
);

test('sparse replies are enough, and no host that the camera names is followed', async () => {
  const { url, calls } = await startFake(plain);
  const camera = await openCamera({ url, signal: never });
  expect(camera.information).toEqual({
    manufacturer: undefined,
    model: 'Plain one',
    firmware: undefined,
    serial: undefined,
    hardware: undefined,
  });
  expect(camera.main).toMatchObject({
    token: 'p&1',
    name: 'p&1',
    width: undefined,
    codec: 'H264',
    rtspUrl: 'rtsp://127.0.0.1:8554/live?a=1&b=2',
  });
  expect(camera).toMatchObject({
    sub: undefined,
    snapshot: undefined,
    hasPtz: false,
    hasEvents: false,
    hasSound: false,
  });
  expect(calls.find(({ operation }) => operation === 'GetStreamUri')?.path).toBe('/media?x=1');
});

test('a service that is not at the port of the device service is looked for at the port that it claims', async () => {
  const media = await startFake(plain);
  const { port } = new URL(media.url);
  const device = await startFake((operation, request, response) => {
    if (operation === 'GetCapabilities') {
      return `<r:GetCapabilitiesResponse><Capabilities><Media><XAddr>http://127.0.0.1:${port}/media?x=1</XAddr></Media></Capabilities></r:GetCapabilitiesResponse>`;
    }
    if (operation === 'GetProfiles' || operation === 'GetStreamUri') {
      response.writeHead(404).end();
      return undefined;
    }
    return plain(operation, request, response);
  });
  const { main } = await openCamera({ url: device.url, signal: never });
  expect(main.rtspUrl).toBe('rtsp://127.0.0.1:8554/live?a=1&b=2');
  expect(media.calls.map(({ path }) => path)).toContain('/media?x=1');
  const tried = device.calls.filter(({ operation }) => operation === 'GetProfiles' || operation === 'GetStreamUri');
  expect(tried).toHaveLength(1);
});

test("the login has the camera's time, with any characters", async () => {
  const aheadMs = 3 * 3_600_000;
  const { url, calls } = await startFake((operation, request, response) => {
    const now = new Date(Date.now() + aheadMs);
    return operation === 'GetSystemDateAndTime'
      ? `<r:GetSystemDateAndTimeResponse><SystemDateAndTime><UTCDateTime><Time><Hour>${now.getUTCHours()}</Hour>` +
          `<Minute>${now.getUTCMinutes()}</Minute><Second>${now.getUTCSeconds()}</Second></Time><Date><Year>${now.getUTCFullYear()}</Year>` +
          `<Month>${now.getUTCMonth() + 1}</Month><Day>${now.getUTCDate()}</Day></Date></UTCDateTime></SystemDateAndTime></r:GetSystemDateAndTimeResponse>`
      : request.includes('<Username>')
        ? plain(operation, request, response)
        : refusing(400, fault('NotAuthorized', 'no'))(operation, request, response);
  });
  const camera = await openCamera({ url, user: 'a<&b', password: 'p<ä>', signal: never });
  expect(Math.abs(camera.session.skewMs - aheadMs)).toBeLessThan(2000);
  const [time, ...others] = calls.filter(
    ({ operation, request }) => operation === 'GetSystemDateAndTime' || request.includes('Username'),
  );
  expect(time?.request).not.toContain('Username');
  expect(others.length).toBeGreaterThan(2);
  for (const { request } of others) {
    const part = (name: string) => new RegExp(`<${name}(?: [^>]*)?>([^<]*)<`).exec(request)?.[1] ?? '';
    expect(part('Username')).toBe('a&#60;&#38;b');
    const created = part('Created');
    expect(Math.abs(Date.parse(created) - Date.now() - aheadMs)).toBeLessThan(5000);
    const digest = createHash('sha1')
      .update(Buffer.from(part('Nonce'), 'base64'))
      .update(created)
      .update('p<ä>');
    expect(part('Password')).toBe(digest.digest('base64'));
  }
});

const refusing =
  (status: number, body: string): Behaviour =>
  (operation, request, response) => {
    if (operation === 'GetSystemDateAndTime') {
      return plain(operation, request, response);
    }
    response.writeHead(status).end(body);
    return undefined;
  };

test.for([
  ['a refused password', 400, fault('NotAuthorized', 'no'), 'wrongPassword', 'refuses this user name or password'],
  ['a plain 401', 401, '', 'wrongPassword', 'refuses this user name or password'],
  ['a fault with status 200', 200, fault('Busy', 'try later'), 'badReply', 'try later'],
  ['what it cannot do', 500, fault('ActionNotSupported', 'not here'), 'notSupported', 'not here'],
  ['a web page', 200, '<html><body>hello', 'badReply', 'not ONVIF'],
  ['another document', 200, '<rss/>', 'badReply', 'not ONVIF'],
  ['an envelope of something else', 200, envelope('<Other/>'), 'badReply', 'no GetDeviceInformationResponse'],
  ['no service there', 404, '', 'notSupported', 'no ONVIF service at /onvif/device_service'],
  ['a broken server', 502, 'oops', 'badReply', 'HTTP 502'],
  ['a reply without end', 200, 'x'.repeat(2 << 20), 'badReply', 'more than 1048576 bytes'],
] as const)('%s is reported in words', async ([, status, body, camera, words]) => {
  const { url, calls } = await startFake(refusing(status, body));
  const error = await failureOf({ url, user: 'u', password: 'p' });
  expect([error.context['camera'], error.message]).toEqual([camera, expect.stringContaining(words)]);
  // A wrong password is tried once: cameras lock accounts after a few. A camera that requests no login gets none.
  const logins = calls.filter(({ request }) => request.includes('<Username>'));
  expect(logins.length).toBe(camera === 'wrongPassword' ? 1 : 0);
});

test('without a login the camera is said to ask for one', async () => {
  const { url } = await startFake(refusing(401, ''));
  expect((await failureOf({ url })).message).toContain('asks for a user name and a password');
});

test('a camera that wants a login even for its time has the time of its web server', async () => {
  const { url } = await startFake((operation, request, response) => {
    if (operation === 'GetSystemDateAndTime') {
      const date = new Date(Date.now() + 3_600_000).toUTCString();
      response.writeHead(400, { Date: date }).end(fault('NotAuthorized', 'no'));
      return undefined;
    }
    return plain(operation, request, response);
  });
  const { session } = await openCamera({ url, user: 'u', password: 'p', signal: never });
  expect(Math.abs(session.skewMs - 3_600_000)).toBeLessThan(5_000);
});

test('a camera that does not answer, or a byte at a time for ever, costs one deadline', async () => {
  const silent = await startFake(() => undefined);
  const trickling = await startFake((_operation, _request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => clearInterval(timer));
    return undefined;
  });
  for (const { url, calls } of [silent, trickling]) {
    const error = await failureOf({ url, callDeadlineMs: 300 });
    expect([error.code, error.message]).toEqual([
      'timeout',
      `no answer from the camera at ${new URL(url).host} within 0.3 s`,
    ]);
    expect(calls.length).toBe(1);
  }
});

test('one profile that is switched off does not hide the others, and none at all is an error', async () => {
  const two =
    (works: (token: string) => boolean): Behaviour =>
    (operation, request, response) => {
      if (operation === 'GetProfiles') {
        const profile = (token: string) => `<Profiles token="${token}"><VideoEncoderConfiguration/></Profiles>`;
        return `<GetProfilesResponse>${profile('a')}${profile('b')}<Profiles token="sound"/></GetProfilesResponse>`;
      }
      if (operation === 'GetStreamUri' && !works(/ProfileToken>(\w)</.exec(request)?.[1] ?? '')) {
        response.writeHead(500).end(fault('NoProfile', 'off'));
        return undefined;
      }
      return plain(operation, request, response);
    };
  const one = await startFake(two((token) => token === 'b'));
  expect((await openCamera({ url: one.url, signal: never })).main.token).toBe('b');
  const none = await startFake(two(() => false));
  expect(await failureOf({ url: none.url })).toMatchObject({ message: 'the camera replies with a fault: off' });
});

test.for([
  ['https://127.0.0.1:1/onvif', 'unavailable'],
  ['rtsp://127.0.0.1/', 'badInput'],
  ['camera', 'badInput'],
  ['http://127.0.0.1:1/onvif', 'unavailable'],
] as const)('%s fails as %s', async ([url, code]) => {
  expect((await failureOf({ url })).code).toBe(code);
});

test('a camera that refuses the connection has a plain message', async () => {
  const { message } = await failureOf({ url: 'http://127.0.0.1:1/onvif' });
  expect(message).toMatch(/^cannot reach the camera at 127\.0\.0\.1:1: it refuses the connection: check address/);
});

test('stopping ends the call', async () => {
  const stop = new AbortController();
  const { url } = await startFake(() => {
    stop.abort();
    return undefined;
  });
  await expect(openCamera({ url, signal: stop.signal })).rejects.toThrow(PerchError);
});

test('node-onvif is the version whose internals are used', () => {
  const require = createRequire(import.meta.url);
  const version = JSON.parse(readFileSync(require.resolve('node-onvif/package.json'), 'utf8')).version;
  expect(version).toBe('0.1.7');
  const soap = require('node-onvif/lib/modules/soap.js');
  expect(Object.getPrototypeOf(soap).requestCommand).toHaveLength(3);
});
