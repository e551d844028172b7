import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { SERVICES, type ServiceName } from '../../onvif-camera/call.ts';
import { type OnvifCamera, SUB_PROFILE, startOnvifCamera } from '../../onvif-camera/camera.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';

const CREDENTIALS = { user: 'admin', password: 'secret' };
const PROFILE = '<x:ProfileToken>main</x:ProfileToken>';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A minimal client: replies are checked as they are. */
async function call(
  camera: OnvifCamera,
  service: ServiceName,
  operation: string,
  { inner = '', header = '', path = pathOf(camera, service), headers = {} as Record<string, string> } = {},
): Promise<Reply> {
  const response = await fetch(new URL(path, camera.url), {
    method: 'POST',
    headers,
    body:
      `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:x="${SERVICES[service]}">` +
      `<s:Header>${header}</s:Header><s:Body><x:${operation}>${inner}</x:${operation}></s:Body></s:Envelope>`,
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const pathOf = ({ state, url }: OnvifCamera, service: ServiceName): string =>
  service === 'device' || state.quirks.hasOnePath
    ? new URL(url).pathname
    : `/onvif/${service === 'events' ? 'event' : service}_service`;

function tokenOf(createdMs: number, { user, password } = CREDENTIALS): string {
  const nonce = randomBytes(16);
  const created = new Date(createdMs).toISOString();
  const digest = createHash('sha1')
    .update(nonce)
    .update(created + password)
    .digest('base64');
  return (
    `<Security><UsernameToken><Username>${user}</Username><Password>${digest}</Password>` +
    `<Nonce>${nonce.toString('base64')}</Nonce><Created>${created}</Created></UsernameToken></Security>`
  );
}

test.for([
  [{ serviceHost: '192.168.1.108' }, 'device', 'GetServices', '', 200, 'http://192.168.1.108/onvif/media_service'],
  [{ media: '1' }, 'device', 'GetServices', '', 200, /^(?!.*ver20\/media)/s],
  [{ media: '2' }, 'device', 'GetCapabilities', '', 200, /^(?!.*tt:Media)/s],
  [{ media: '2 broken' }, 'media2', 'GetProfiles', '', 500, 'wsdl error'],
  [{ hasNoGetServices: true }, 'device', 'GetServices', '', 500, 'ter:ActionNotSupported'],
  [{ events: 'none' }, 'device', 'GetServices', '', 200, /^(?!.*ver10\/events)/s],
  [{ events: 'lies' }, 'events', 'CreatePullPointSubscription', '', 500, 'Action Not Implemented'],
  [{ ptz: 'none' }, 'media', 'GetProfiles', '', 200, /^(?!.*PTZ)/s],
  [{ ptz: 'serviceOnly' }, 'media', 'GetProfiles', '', 200, /^(?!.*PTZ)/s],
  [{}, 'media', 'GetProfiles', '', 200, 'PTZConfiguration'],
  [{ utcTime: 'missing' }, 'device', 'GetSystemDateAndTime', '', 200, /^(?!.*UTCDateTime)/s],
  [{ utcTime: 'hollow' }, 'device', 'GetSystemDateAndTime', '', 200, /UTCDateTime><tt:Time>(?!.*Year)/s],
  [{ saysLittleOfItself: true }, 'device', 'GetDeviceInformation', '', 200, /^(?!.*Manufacturer|.*Serial)/s],
  [{ hasNoNetworkProtocols: true }, 'device', 'GetNetworkProtocols', '', 500, 'ActionNotSupported'],
  [{ leavesOut: ['RateControl'] }, 'media', 'GetProfiles', '', 200, /^(?!.*RateControl).*Resolution/s],
  [{ leavesOut: ['RateControl'] }, 'media2', 'GetProfiles', '<Type>All</Type>', 200, /^(?!.*RateControl).*Resolution/s],
  [
    { leavesOut: ['Resolution', 'Bounds', 'H264'] },
    'media',
    'GetProfiles',
    '',
    200,
    /^(?!.*Bounds|.*Width|.*Gov).*Encoding/s,
  ],
  [{ leavesOut: ['Name'] }, 'media', 'GetProfiles', '', 200, '<tt:Name></tt:Name>'],
  [{ writesFloats: true }, 'media', 'GetProfiles', '', 200, '<tt:Width>640.000000<'],
  [{ hasSoundOnlyProfile: true }, 'media', 'GetProfiles', '', 200, /Profiles token="sound".*token="main"/s],
  [{ hasSound: false }, 'media', 'GetProfiles', '', 200, /^(?!.*Audio)/s],
  [{}, 'media2', 'GetProfiles', '', 200, /^(?!.*Configurations)/s],
  [{ snapshot: 'none' }, 'media', 'GetSnapshotUri', PROFILE, 500, 'ActionNotSupported'],
  [{ streamHost: '10.1.1.1' }, 'media', 'GetStreamUri', PROFILE, 200, /rtsp:\/\/10\.1\.1\.1:\d+\/main</],
  [{ streamPort: 'none' }, 'media', 'GetStreamUri', PROFILE, 200, 'rtsp://127.0.0.1/main<'],
  [{ streamUriText: 'spaced' }, 'media', 'GetStreamUri', PROFILE, 200, /Uri>\n +rtsp:.*\s+<\//],
  [
    { streamPaths: { main: '/Streaming/Channels/101?transportmode=unicast&profile=Profile_1' } },
    'media',
    'GetStreamUri',
    PROFILE,
    200,
    '/Streaming/Channels/101?transportmode=unicast&#38;profile=Profile_1<',
  ],
  [
    { streamPaths: { main: '/a?b&c' }, streamUriText: 'escaped twice' },
    'media',
    'GetStreamUri',
    PROFILE,
    200,
    '/a?b&amp;#38;c<',
  ],
  [
    { answersHttpTunnelWithPort80: true },
    'media',
    'GetStreamUri',
    `${PROFILE}<Protocol>HTTP</Protocol>`,
    200,
    'rtsp://127.0.0.1:80/main<',
  ],
  [{ streamUriEnd: '?user=admin_password=x' }, 'media', 'GetStreamUri', PROFILE, 200, '/main?user=admin_password=x<'],
  [
    { refusesEncoderChanges: true },
    'media',
    'SetVideoEncoderConfiguration',
    '<Configuration token="main"/>',
    400,
    'ConfigModify',
  ],
  [{ presets: 'none' }, 'ptz', 'GetPresets', PROFILE, 500, 'ActionNotSupported'],
  [{ hasNoHome: true }, 'ptz', 'GotoHomePosition', PROFILE, 500, 'ActionNotSupported'],
  [{ status: 'missing' }, 'ptz', 'GetStatus', PROFILE, 500, 'ActionNotSupported'],
  [{ refusesMoveTimeout: true }, 'ptz', 'ContinuousMove', `${PROFILE}<Timeout>PT1S</Timeout>`, 400, 'InvalidArgVal'],
  [
    { refusesZoom: true },
    'ptz',
    'ContinuousMove',
    `${PROFILE}<Velocity><Zoom x="0"/></Velocity>`,
    400,
    'SpaceNotSupported',
  ],
  [{ prefixes: 'none' }, 'device', 'GetScopes', '', 200, /<Envelope .*<Body><GetScopesResponse>/s],
  [{ prefixes: 'SOAP-ENV' }, 'device', 'GetScopes', '', 200, '<SOAP-ENV:Body>'],
  [{ faults: '1.1' }, 'device', 'Nothing', '', 500, '<faultcode>s:Server</faultcode>'],
  [{ faultStatus: 200 }, 'device', 'Nothing', '', 200, 's:Fault'],
  [{ around: 'nulls behind' }, 'device', 'GetScopes', '', 200, '\u0000\u0000\u0000'],
  [{ around: 'line break before' }, 'device', 'GetScopes', '', 200, /^\r\n<\?xml/],
  [{ spoils: 'cut' }, 'device', 'GetScopes', '', 200, /^(?!.*<\/s:Envelope>)/s],
  [{ spoils: 'bare ampersands' }, 'device', 'GetScopes', '', 200, 'c & d < e&nbsp;'],
  [{ spoils: 'undeclared prefixes' }, 'device', 'GetScopes', '', 200, /^(?!.*xmlns:s)/s],
  [{ spoils: 'noise around' }, 'device', 'GetScopes', '', 200, '<done & gone'],
  [{ spoils: 'no end' }, 'device', 'GetScopes', '', 200, /^(?!.*<\/s:Body>)/s],
  [{ spoils: 'entity bomb' }, 'device', 'GetScopes', '', 200, '<!ENTITY e'],
  [{ spoils: 'html' }, 'device', 'GetScopes', '', 200, 'Welcome'],
  [{ spoils: 'empty' }, 'device', 'GetScopes', '', 200, /^$/],
  [{ spoils: 'other answer' }, 'device', 'GetHostname', '', 200, 'GetOtherHostnameResponse'],
  [{ onvifIsOff: 401 }, 'device', 'GetScopes', '', 401, 'Web Service'],
  [{ callsAtOnce: 0 }, 'device', 'GetScopes', '', 503, /^$/],
] as const satisfies readonly (readonly [Quirks, ServiceName, string, string, number, string | RegExp])[])(
  'with %j %s answers %s so',
  async ([quirks, service, operation, inner, status, expected]) => {
    await using camera = await startOnvifCamera({ quirks });
    const reply = await call(camera, service, operation, { inner });
    expect([reply.status, reply.text]).toEqual([
      status,
      typeof expected === 'string' ? expect.stringContaining(expected) : expect.stringMatching(expected),
    ]);
  },
);

test.for([
  [{ login: 'token' }, 0, 'secret', 200],
  [{ login: 'token' }, 0, 'wrong', 400],
  [{ login: 'token' }, 299_000, 'secret', 200],
  [{ login: 'token' }, -301_000, 'secret', 400],
  [{ login: 'token', tokenWindowMs: 5_000 }, 8_000, 'secret', 400],
  [{ login: 'token', clockOffsetMs: 3_600_000 }, 3_600_000, 'secret', 200],
  [{ login: 'token', clockOffsetMs: 3_600_000 }, 0, 'secret', 400],
  [{ login: 'digest' }, 0, 'secret', 401],
  [{ login: 'basic' }, 0, 'secret', 401],
  [{ mustUnderstandFault: true }, 0, 'secret', 500],
  [{ login: 'token', refusalStatus: 403 }, 0, 'wrong', 403],
] as const satisfies readonly (readonly [Quirks, number, string, number])[])(
  'with %j a token %i ms ahead of our clock with the password %s gets %i',
  async ([quirks, aheadMs, password, status]) => {
    await using camera = await startOnvifCamera({ quirks, credentials: CREDENTIALS });
    const header = tokenOf(Date.now() + aheadMs, { user: 'admin', password });
    expect((await call(camera, 'device', 'GetDeviceInformation', { header })).status).toBe(status);
  },
);

test('a token is good for one request', async () => {
  await using camera = await startOnvifCamera({ credentials: CREDENTIALS });
  const header = tokenOf(Date.now());
  expect((await call(camera, 'device', 'GetDeviceInformation', { header })).status).toBe(200);
  const again = await call(camera, 'device', 'GetDeviceInformation', { header });
  expect([again.status, again.text]).toEqual([400, expect.stringContaining('replayed')]);
});

test('after too many wrong passwords the correct one is rejected too', async () => {
  const quirks = { login: 'token', lockOut: { after: 3, forMs: 60_000 } } as const;
  await using camera = await startOnvifCamera({ quirks, credentials: CREDENTIALS });
  const ask = (password: string) =>
    call(camera, 'device', 'GetDeviceInformation', { header: tokenOf(Date.now(), { user: 'admin', password }) });
  expect((await ask('secret')).status).toBe(200);
  await ask('a');
  await ask('b');
  await ask('c');
  expect((await ask('secret')).text).toContain('locked');
});

test.for([
  [{ login: 'digest' }, 'Digest realm="IP Camera(C1234)", nonce="N", algorithm=MD5, qop="auth"'],
  [
    { login: 'digest', challenge: 'qop first' },
    'Digest qop="auth", realm="IP Camera(C1234)", nonce="N", algorithm=MD5',
  ],
  [{ login: 'digest', challenge: 'no qop' }, 'Digest realm="IP Camera(C1234)", nonce="N", algorithm=MD5'],
  [{ login: 'digest', challenge: 'no algorithm' }, 'Digest realm="IP Camera(C1234)", nonce="N", qop="auth"'],
  [
    { login: 'digest sha256', challenge: 'auth-int too' },
    'Digest realm="IP Camera(C1234)", nonce="N", algorithm=SHA-256, qop="auth,auth-int"',
  ],
  [{ login: 'basic' }, 'Basic realm="IP Camera(C1234)"'],
] as const satisfies readonly (readonly [Quirks, string])[])('with %j it asks for %s', async ([quirks, challenge]) => {
  await using camera = await startOnvifCamera({ quirks, credentials: CREDENTIALS });
  const { status, headers } = await call(camera, 'device', 'GetDeviceInformation');
  expect([status, headers.get('WWW-Authenticate')?.replace(/nonce="\w+"/, 'nonce="N"')]).toEqual([401, challenge]);
});

test.for([
  ['reset', /reset|closed|ECONN|terminated|failed/i],
  ['half', /terminated|closed|aborted|failed/i],
] as const)('an answer that is %s ends in an error', async ([silence, message]) => {
  await using camera = await startOnvifCamera({ quirks: { answers: { GetScopes: silence } } });
  await expect(call(camera, 'device', 'GetScopes')).rejects.toThrow(message);
  expect((await call(camera, 'device', 'GetHostname')).status).toBe(200);
});

test('an endless answer continues while the client reads, and one byte a second starts', async () => {
  await using camera = await startOnvifCamera({
    quirks: { answers: { GetScopes: 'endless', GetHostname: 'trickle' } },
  });
  const read = async (operation: string, bytes: number) => {
    const socket = connect(camera.port, camera.address);
    const body = `<a><Body><${operation} xmlns="${SERVICES.device}"/></Body></a>`;
    socket.write(`POST /onvif/device_service HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    let count = 0;
    for await (const chunk of socket) {
      count += (chunk as Buffer).length;
      if (count > bytes) {
        return true;
      }
    }
    return false;
  };
  expect(await read('GetScopes', 2 << 20)).toBe(true);
  expect(await read('GetHostname', 100)).toBe(true);
});

test('only the first request of a connection is answered by a board that breaks keep-alive', async () => {
  await using camera = await startOnvifCamera({ quirks: { breaksKeepAlive: true } });
  const socket = connect(camera.port, camera.address);
  const body = `<a><Body><GetHostname xmlns="${SERVICES.device}"/></Body></a>`;
  const request = `POST /onvif/device_service HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  socket.write(request + request);
  setTimeout(() => socket.end(), 200);
  expect((await text(socket)).match(/HTTP\/1\.1 200/g)).toHaveLength(1);
});

test('H.265 is reported by Media 2 only', async () => {
  const profiles = [{ ...SUB_PROFILE, token: 'hevc', codec: 'H265' as const }, SUB_PROFILE];
  await using camera = await startOnvifCamera({ profiles });
  expect((await call(camera, 'media', 'GetProfiles')).text).not.toContain('hevc');
  expect((await call(camera, 'media2', 'GetProfiles', { inner: '<Type>All</Type>' })).text).toMatch(/hevc.*>H265</s);
});

test('a change of an encoder holds, or is only said to', async () => {
  const inner = '<Configuration token="main"><H264><GovLength>30</GovLength></H264></Configuration>';
  await using camera = await startOnvifCamera();
  await using deaf = await startOnvifCamera({ quirks: { ignoresEncoderChanges: true } });
  const groups = [camera, deaf].map(async (each) => {
    expect((await call(each, 'media', 'SetVideoEncoderConfiguration', { inner })).status).toBe(200);
    return each.state.profile('main')?.group;
  });
  expect(await Promise.all(groups)).toEqual([30, 60]);
});

test('its clock is set, its time server is changed, and it restarts at 2000 when it loses its clock', async () => {
  await using camera = await startOnvifCamera({ quirks: { losesClockAtReboot: true, changesEndpointAtReboot: true } });
  const { endpoint } = camera;
  const date = '<Year>2030</Year><Month>5</Month><Day>6</Day><Hour>7</Hour><Minute>8</Minute><Second>9</Second>';
  await call(camera, 'device', 'SetSystemDateAndTime', {
    inner: `<DateTimeType>Manual</DateTimeType><UTCDateTime>${date}</UTCDateTime>`,
  });
  expect(new Date(camera.state.nowMs()).toISOString()).toMatch(/^2030-05-06T07:08:/);
  await call(camera, 'device', 'SetNTP', { inner: '<NTPManual><IPv4Address>10.0.0.1</IPv4Address></NTPManual>' });
  expect(camera.state.ntpServer).toBe('10.0.0.1');
  const port = camera.port;
  expect((await call(camera, 'device', 'SystemReboot')).status).toBe(200);
  await expect.poll(() => camera.state.reboots).toBe(1);
  expect(new Date(camera.state.nowMs()).getUTCFullYear()).toBe(2000);
  expect(camera.endpoint).not.toBe(endpoint);
  await expect.poll(() => call(camera, 'device', 'GetHostname').catch(() => undefined)).toMatchObject({ status: 200 });
  expect(camera.port).toBe(port);
});

test('the Date header has the time of the camera, or is not there', async () => {
  await using camera = await startOnvifCamera({ quirks: { clockOffsetMs: -86_400_000 } });
  await using shy = await startOnvifCamera({ quirks: { hasNoDate: true } });
  const date = async (each: OnvifCamera) => (await call(each, 'device', 'GetHostname')).headers.get('Date');
  expect(Date.parse((await date(camera)) ?? '')).toBeLessThan(Date.now() - 86_000_000);
  expect(await date(shy)).toBeNull();
});

test('a recorder has a lens for each channel', async () => {
  const profiles = ['a', 'b'].map((source) => ({ ...SUB_PROFILE, token: `${source}1`, source }));
  await using camera = await startOnvifCamera({ profiles });
  const tokens = async (service: ServiceName, operation: string, inner = '') =>
    (await call(camera, service, operation, { inner })).text.match(/(?<=SourceToken>|VideoSources token=")\w+/g);
  expect(await tokens('media', 'GetVideoSources')).toEqual(['a', 'b']);
  expect(await tokens('media', 'GetProfiles')).toEqual(['a', 'b']);
  expect(await tokens('media2', 'GetProfiles', '<Type>All</Type>')).toEqual(['a', 'b']);
  expect(await tokens('media2', 'GetVideoSourceConfigurations')).toEqual(['a', 'b']);
});
