import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { openHttpBox } from '../../../test/http-box.ts';
import { BoxEvents } from '../../base/box-events.ts';
import { PerchError } from '../../base/errors.ts';
import { MEDIAMTX_USERS } from '../../config/global.ts';
import { type ControlApiOptions, controlApi } from './control-api.ts';
import { EventStreams } from './event-stream.ts';
import type { PathItem } from './paths.ts';
import type { Stats } from './stats.ts';

const LOOPBACK = { remoteAddress: '127.0.0.1', headers: { host: 'localhost' } };
const ID = '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const OTHER_ID = '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';

const item = (name: string, more: Partial<PathItem> = {}): PathItem => ({
  name,
  confName: name,
  ready: true,
  readyTime: '2026-01-01T12:00:00.5+01:00',
  available: true,
  availableTime: '2026-01-01T12:00:00.5+01:00',
  online: true,
  onlineTime: '2026-01-01T12:00:00.5+01:00',
  source: { type: 'rtspSource', id: '' },
  tracks: ['H264'],
  tracks2: [
    { codec: 'H264', codecProps: { width: 640, height: 360, profile: 'Baseline', level: '3' } },
    { codec: 'MPEG-TS', codecProps: null },
  ],
  readers: [{ type: 'webRTCSession', id: ID }],
  inboundBytes: 6_000_000_000,
  outboundBytes: 1,
  inboundFramesInError: 0,
  bytesReceived: 6_000_000_000,
  bytesSent: 1,
  sourceState: 'running',
  sourceOnDemand: false,
  sourceStatistics: { transport: 'UDP', packets: 9, lost: 1, late: 0, reordered: 2, badPackets: 0, jumps: 0 },
  clockOffsetMs: -2_500.5,
  offlineSince: null,
  lastError: null,
  lastErrorTime: null,
  configError: null,
  recording: { active: true, error: null, since: '2026-01-01T12:00:01+01:00' },
  bitrate: 1_234_567.5,
  title: 'Front door',
  talk: 'yes',
  webrtcSilence: null,
  ...more,
});

const PATHS = [
  item('garden/gate'),
  item('door', {
    ready: false,
    readyTime: null,
    source: null,
    sourceStatistics: null,
    clockOffsetMs: null,
    recording: null,
    title: null,
    offlineSince: '2026-01-01T11:00:00+01:00',
    lastError: 'connection refused',
  }),
];

const PROTECTED = [
  { id: ID, path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z', note: 'the parcel' },
  { id: OTHER_ID, path: 'gate', start: '2026-01-01T13:00:00Z', end: '2026-01-01T13:01:00Z', note: '' },
];

const SESSION = { id: ID, created: '2026-01-01T10:59:00Z', path: 'garden/gate', remoteAddr: '192.168.1.9:50001' };
const PUBLISHER = item('stage', { source: { type: 'webRTCSession', id: ID } });

const STATS: Stats = {
  version: 'v0.1.0',
  started: '2026-01-01T12:00:00Z',
  uptimeSeconds: 7,
  cpuPercent: 12.5,
  processCpuPercent: 3,
  memoryUsedBytes: 2e9,
  memoryTotalBytes: 4e9,
  processMemoryBytes: 1e8,
  heapUsedBytes: 5e7,
  eventLoopDelayMs: { mean: 0.1, p99: 1, max: 12 },
  paths: 2,
  activeStreams: 1,
  publishers: 0,
  readers: 1,
  recordings: 1,
  inboundBitrate: 1_234_567.5,
};

async function openApi(rules?: Parameters<typeof openHttpBox>[0]) {
  const clock = new FakeClock();
  const events = new BoxEvents(clock);
  const box = await openHttpBox(rules);
  const edited: unknown[][] = [];
  const tell =
    (name: string) =>
    async (...values: unknown[]) => {
      edited.push([name, ...values]);
    };
  const kicked: string[] = [];
  const deleted: string[] = [];
  const peersOf = (known: string) => ({
    list: () => [{ id: known, created: '2026-01-01T10:59:00Z' }],
    kick: (id: string) => kicked.push(id) > 0 && id === known,
  });
  const options: ControlApiOptions = {
    access: box.access,
    allowOrigins: () => ['*'],
    info: { version: 'v0.1.0', started: '2026-01-01T12:00:00+01:00' },
    paths: { list: () => PATHS, find: (name) => [...PATHS, PUBLISHER].find((path) => path.name === name) },
    config: {
      global: () => ({ logLevel: 'info', webrtcICEServers2: [] }),
      pathDefaults: () => ({ source: 'publisher' }),
      paths: () => [{ name: 'door', source: 'rtsp://cam/1' }, { name: '~^cam' }],
    },
    edits: {
      patchGlobal: tell('patchGlobal'),
      patchPathDefaults: tell('patchPathDefaults'),
      addPath: tell('addPath'),
      replacePath: tell('replacePath'),
      patchPath: tell('patchPath'),
      deletePath: tell('deletePath'),
      reload: tell('reload'),
    },
    editorOf: async () => ({ mayRunCommands: false }),
    peers: {
      webrtcSessions: () => ({
        list: () => [{ id: OTHER_ID, created: '2026-01-01T12:00:00.123456789+01:00', path: 'door' }, SESSION],
        kick: (id) => kicked.push(id) > 0 && id === ID,
      }),
      hlsMuxers: () => undefined,
      hlsSessions: () => peersOf(ID),
      rtspConns: () => peersOf(ID),
      rtspSessions: () => peersOf(OTHER_ID),
      rtspsConns: () => undefined,
      rtspsSessions: () => undefined,
    },
    events: {
      tell: async ({ path }) => {
        if (path !== 'door') {
          throw new PerchError('badInput', `path '${path}' is not configured`);
        }
        return { id: 'e1' };
      },
    },
    protection: {
      list: () => PROTECTED,
      protect: async (range) => {
        if (range.path !== 'door') {
          throw new PerchError('badInput', `path '${range.path}' is not configured and has no recordings`);
        }
        return { id: ID, ...range };
      },
      unprotect: async (id) => {
        if (id !== ID) {
          throw new PerchError('notFound', `no protected recording has the id '${id}'`);
        }
      },
    },
    disks: {
      list: () => [{ folder: '/mnt/usb', state: 'vanished' }],
      accept: async (folder) => folder === '/mnt/usb',
    },
    keys: { refresh: () => kicked.push('keys') },
    stats: { stats: async () => STATS },
    streams: new EventStreams(events, clock),
    pageFolder: '/nowhere',
    recordings: {
      names: () => ['garden/gate', 'door'],
      segments: (name) =>
        name === 'unknown' ? undefined : name === 'door' ? [{ start: '2026-01-01T12:00:00+01:00' }] : [],
      timeline: async (request) => ({ ...request, coverage: [] }),
      index: () => ({ state: 'ready', left: 0 }),
      deleteSegment: async (path, start) => {
        if (path !== 'door') {
          throw new PerchError('notFound', 'no segment starts then');
        }
        deleted.push(start);
      },
    },
  };
  await box.app.register(controlApi, options);
  return { ...box, edited, kicked, deleted, clock, events, [Symbol.asyncDispose]: box[Symbol.asyncDispose] };
}

const get = async (url: string) => {
  await using api = await openApi();
  const answer = await api.app.inject({ url, ...LOOPBACK });
  return [answer.statusCode, answer.headers['content-type']?.includes('json') ? answer.json() : answer.body];
};

test('a path is shown with every field that MediaMTX has, and ours', async () => {
  const subscribers = [{ protocol: 'webrtc', clientIP: '192.168.1.9' }];
  expect(await get('/v3/paths/get/garden/gate')).toEqual([200, { ...item('garden/gate'), subscribers }]);
  expect(await get('/v3/paths/get/garden%2Fgate')).toEqual([200, { ...item('garden/gate'), subscribers }]);
  expect(await get('/v3/paths/get/door')).toEqual([200, { ...PATHS[1], subscribers }]);
});

test('paths are listed by name, in pages', async () => {
  expect(await get('/v3/paths/list')).toEqual([200, { itemCount: 2, pageCount: 1, items: [PATHS[1], PATHS[0]] }]);
  expect(await get('/v3/paths/list?itemsPerPage=1&page=1')).toEqual([
    200,
    { itemCount: 2, pageCount: 2, items: [PATHS[0]] },
  ]);
  expect(await get('/v3/paths/list?page=7')).toEqual([200, { itemCount: 2, pageCount: 1, items: [] }]);
});

const failure = (error: string) => ({ status: 'error', error });
const SESSIONS = [SESSION, { id: OTHER_ID, created: '2026-01-01T12:00:00.123456789+01:00', path: 'door' }];

test.for<[string, number, unknown]>([
  ['/v3/info', 200, { version: 'v0.1.0', started: '2026-01-01T12:00:00+01:00' }],
  ['/v3/paths/get/nothing', 404, failure('path not found')],
  ['/v3/paths/get/', 400, failure('invalid name')],
  ['/v3/paths/list?itemsPerPage=0', 400, failure('invalid items per page')],
  ['/v3/paths/list?itemsPerPage=many', 400, failure('invalid items per page')],
  ['/v3/paths/list?page=-1', 400, failure('invalid page')],
  ['/v3/config/global/get', 200, { logLevel: 'info', webrtcICEServers2: [] }],
  ['/v3/config/pathdefaults/get', 200, { source: 'publisher' }],
  [
    '/v3/config/paths/list',
    200,
    { itemCount: 2, pageCount: 1, items: [{ name: 'door', source: 'rtsp://cam/1' }, { name: '~^cam' }] },
  ],
  ['/v3/config/paths/get/door', 200, { name: 'door', source: 'rtsp://cam/1' }],
  ['/v3/config/paths/get/~%5Ecam', 200, { name: '~^cam' }],
  ['/v3/config/paths/get/gate', 404, failure('path configuration not found')],
  ['/v3/paths/forward/list?path=door', 200, { itemCount: 0, pageCount: 0, items: [] }],
  ['/v3/paths/forward/list', 400, failure('invalid path')],
  [`/v3/paths/forward/get?path=door&id=${ID}`, 404, failure('forward destination not found')],
  ['/v3/stats', 200, STATS],
  ['/v3/webrtcsessions/list', 200, { itemCount: 2, pageCount: 1, items: SESSIONS }],
  [`/v3/webrtcsessions/get/${ID}`, 200, SESSIONS[0]],
  [`/v3/webrtcsessions/get/${ID.replace('0b', '1b')}`, 404, failure('session not found')],
  ['/v3/webrtcsessions/get/7', 400, failure("invalid UUID '7'")],
  ['/v3/rtspconns/list', 200, { itemCount: 1, pageCount: 1, items: [{ id: ID, created: '2026-01-01T10:59:00Z' }] }],
  [`/v3/rtspconns/get/${ID}`, 200, { id: ID, created: '2026-01-01T10:59:00Z' }],
  [`/v3/rtspconns/get/${OTHER_ID}`, 404, failure('connection not found')],
  [`/v3/rtspsessions/get/${OTHER_ID}`, 200, { id: OTHER_ID, created: '2026-01-01T10:59:00Z' }],
  [`/v3/rtspsessions/get/${ID}`, 404, failure('session not found')],
  ['/v3/hlssessions/list', 200, { itemCount: 1, pageCount: 1, items: [{ id: ID, created: '2026-01-01T10:59:00Z' }] }],
  [`/v3/hlssessions/get/${ID}`, 200, { id: ID, created: '2026-01-01T10:59:00Z' }],
  [`/v3/hlssessions/get/${OTHER_ID}`, 404, failure('session not found')],
  ['/v3/rtspsconns/list', 404, '404 page not found'],
  ['/v3/rtspssessions/list', 404, '404 page not found'],
  ['/v3/hlsmuxers/list', 404, '404 page not found'],
  ['/v3/hlsmuxers/get/door', 404, '404 page not found'],
  [
    '/v3/recordings/list',
    200,
    {
      itemCount: 2,
      pageCount: 1,
      items: [
        { name: 'door', segments: [{ start: '2026-01-01T12:00:00+01:00' }] },
        { name: 'garden/gate', segments: [] },
      ],
    },
  ],
  ['/v3/recordings/get/garden/gate', 200, { name: 'garden/gate', segments: [] }],
  ['/v3/recordings/index', 200, { state: 'ready', left: 0 }],
  [
    '/v3/timeline/garden/gate?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&resolution=60',
    200,
    {
      path: 'garden/gate',
      from: '2026-01-01T00:00:00Z',
      to: '2026-01-02T00:00:00Z',
      resolution: '60',
      coverage: [],
    },
  ],
  ['/v3/timeline/', 400, failure('invalid name')],
  ['/v3/recordings/get/unknown', 400, failure("path 'unknown' is not configured")],
  ['/v3/unknown', 404, '404 page not found'],
  ['/v1/paths/list', 404, '404 page not found'],
])('GET %s is %i', async ([url, status, body]) => {
  expect(await get(url)).toEqual([status, body]);
});

test.for<['POST' | 'DELETE' | 'PATCH', string, number, unknown]>([
  ['POST', `/v3/webrtcsessions/kick/${ID}`, 200, { status: 'ok' }],
  ['POST', `/v3/webrtcsessions/kick/${ID.replace('0b', '1b')}`, 404, failure('session not found')],
  ['POST', `/v3/rtspconns/kick/${ID}`, 200, { status: 'ok' }],
  ['POST', `/v3/hlssessions/kick/${ID}`, 200, { status: 'ok' }],
  ['POST', `/v3/hlssessions/kick/${OTHER_ID}`, 404, failure('session not found')],
  ['POST', `/v3/rtspsessions/kick/${OTHER_ID}`, 200, { status: 'ok' }],
  ['POST', `/v3/rtspsessions/kick/${ID}`, 404, failure('session not found')],
  ['DELETE', '/v3/recordings/deletesegment?path=door&start=2026-01-01T12:00:00%2B01:00', 200, { status: 'ok' }],
  [
    'DELETE',
    '/v3/recordings/deletesegment?path=gate&start=2026-01-01T12:00:00Z',
    400,
    failure('no segment starts then'),
  ],
  ['DELETE', '/v3/recordings/deletesegment?start=2026-01-01T12:00:00Z', 400, failure('invalid path')],
  [
    'DELETE',
    '/v3/recordings/deletesegment?path=door&start=noon',
    400,
    failure("invalid start: 'noon' is not a time such as 2026-01-31T12:00:00+01:00"),
  ],
])('%s %s is %i', async ([method, url, status, body]) => {
  await using api = await openApi();
  const answer = await api.app.inject({ method, url, ...LOOPBACK });
  expect([answer.statusCode, answer.json()]).toEqual([status, body]);
});

test('a kick comes under any content type, as clients of MediaMTX send it', async () => {
  await using api = await openApi();
  const headers = { ...LOOPBACK.headers, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await api.app.inject({ method: 'POST', url: `/v3/webrtcsessions/kick/${ID}`, ...LOOPBACK, headers });
  expect([answer.statusCode, api.kicked]).toEqual([200, [ID]]);
});

test.for<[string, number, unknown]>([
  ['{"path":"door","type":"motion"}', 200, { status: 'ok', id: 'e1' }],
  ['{"path":"gate","type":"motion"}', 400, failure("path 'gate' is not configured")],
  [
    '{"path":"door","typ":"motion"}',
    400,
    failure("unknown field 'typ': known are path, type, start, end, text, id, state"),
  ],
  ['{"path":', 400, failure('the body is not JSON')],
  ['', 400, failure('the body is not a JSON object with path and type')],
])('POST /v3/events with %s is %i', async ([payload, status, body]) => {
  await using api = await openApi();
  const headers = { ...LOOPBACK.headers, 'content-type': 'application/json' };
  const answer = await api.app.inject({ method: 'POST', url: '/v3/events', ...LOOPBACK, headers, payload });
  expect([answer.statusCode, answer.json()]).toEqual([status, body]);
});

test('an event of more than 16 kB is refused unread', async () => {
  await using api = await openApi();
  const payload = JSON.stringify({ path: 'door', type: 'motion', text: 'x'.repeat(20_000) });
  const headers = { ...LOOPBACK.headers, 'content-type': 'application/json' };
  const answer = await api.app.inject({ method: 'POST', url: '/v3/events', ...LOOPBACK, headers, payload });
  expect(answer.statusCode).toBe(413);
});

const RANGE = { path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z' };

test.for<['POST' | 'DELETE' | 'GET', string, unknown, number, unknown]>([
  ['POST', 'recordings/protect', RANGE, 200, { status: 'ok', id: ID, ...RANGE, note: '' }],
  ['POST', 'recordings/protect', { ...RANGE, note: 'x' }, 200, { status: 'ok', id: ID, ...RANGE, note: 'x' }],
  [
    'POST',
    'recordings/protect',
    { ...RANGE, path: 'attic' },
    400,
    failure("path 'attic' is not configured and has no recordings"),
  ],
  [
    'POST',
    'recordings/protect',
    { ...RANGE, till: 1 },
    400,
    failure("unknown field 'till': known are path, start, end, note"),
  ],
  ['POST', 'recordings/protect', { ...RANGE, end: 7 }, 400, failure('end is not a text')],
  ['POST', 'recordings/protect', { path: 'door' }, 400, failure('start is missing')],
  ['POST', 'recordings/protect', [], 400, failure('the body is not a JSON object with path, start and end')],
  ['DELETE', `recordings/protect/${ID}`, undefined, 200, { status: 'ok' }],
  [
    'DELETE',
    `recordings/protect/${OTHER_ID}`,
    undefined,
    404,
    failure(`no protected recording has the id '${OTHER_ID}'`),
  ],
  [
    'DELETE',
    `recordings/protected/${ID}`,
    undefined,
    404,
    failure(`not found: DELETE /v3/recordings/protect/${ID} ends a protection`),
  ],
  ['DELETE', 'recordings/protect/7', undefined, 400, failure("invalid UUID '7'")],
  ['GET', 'recordings/protected', undefined, 200, { itemCount: 2, pageCount: 1, items: PROTECTED }],
  ['GET', 'recordings/protected?path=gate', undefined, 200, { itemCount: 1, pageCount: 1, items: [PROTECTED[1]] }],
  ['GET', 'disks', undefined, 200, { itemCount: 1, pageCount: 1, items: [{ folder: '/mnt/usb', state: 'vanished' }] }],
  ['POST', 'disks/accept', { folder: '/mnt/usb' }, 200, { status: 'ok' }],
  ['POST', 'disks/accept', { folder: '/' }, 404, failure("recordings do not go to the folder '/'")],
  ['POST', 'disks/accept', {}, 400, failure('the body is not a JSON object with folder')],
])('%s /v3/%s with %j is %i', async ([method, path, body, status, answer]) => {
  await using api = await openApi();
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
  const given = await api.app.inject({ method, url: `/v3/${path}`, ...LOOPBACK, ...payload });
  expect([given.statusCode, given.json()]).toEqual([status, answer]);
});

test.for<['GET' | 'POST' | 'DELETE', string, number, string]>([
  ['GET', '/v3/paths/list/?page=0', 301, '../list?page=0'],
  ['GET', `/v3/webrtcsessions/get/${ID}/`, 301, `../${ID}`],
  ['POST', `/v3/webrtcsessions/kick/${ID}/`, 307, `../${ID}`],
  ['DELETE', `/v3/recordings/protect/${ID}/`, 307, `../${ID}`],
  ['GET', '/v3/paths/get', 301, 'get/'],
  ['POST', '/v3/config/paths/add', 307, 'add/'],
])('%s %s, with a slash too many or too few, is redirected', async ([method, url, status, location]) => {
  await using api = await openApi();
  const answer = await api.app.inject({ method, url, ...LOOPBACK });
  expect([answer.statusCode, answer.headers.location]).toEqual([status, location]);
});

test('who sends is listed as a plain list, whatever he sends by, and can be ended', async () => {
  await using api = await openApi();
  const list = await api.app.inject({ url: '/v3/publishers/list', ...LOOPBACK });
  expect(list.json()).toEqual([]);
  PATHS.push(PUBLISHER);
  onTestFinished(() => void PATHS.pop());
  const one = { path: 'stage', clientId: ID, protocol: 'webrtc' };
  expect((await api.app.inject({ url: '/v3/publishers/list', ...LOOPBACK })).json()).toEqual([one]);
  const kick = (id: string) => api.app.inject({ method: 'POST', url: `/v3/publishers/kick/${id}`, ...LOOPBACK });
  expect((await kick(ID)).json()).toEqual({ status: 'ok' });
  expect(api.kicked).toEqual([ID]);
  expect([(await kick(OTHER_ID)).statusCode, (await kick(OTHER_ID)).json()]).toEqual([
    404,
    failure('publisher not found'),
  ]);
});

test('a page of another origin calls the API with name and password', async () => {
  await using api = await openApi({ password: 'blue heron' });
  const headers = {
    ...{ host: 'box.local', origin: 'https://dash.example', 'sec-fetch-site': 'cross-site' },
    authorization: `Basic ${Buffer.from('owner:blue heron').toString('base64')}`,
  };
  const answer = await api.app.inject({ url: '/v3/paths/list', remoteAddress: '192.168.1.7', headers });
  expect([answer.statusCode, answer.headers['access-control-allow-origin'], answer.json().itemCount]).toEqual([
    200,
    '*',
    2,
  ]);
  const wrong = { ...headers, authorization: `Basic ${Buffer.from('owner:grey heron').toString('base64')}` };
  const refused = await api.app.inject({ url: '/v3/paths/list', remoteAddress: '192.168.1.7', headers: wrong });
  // The page can read why.
  expect([refused.statusCode, refused.headers['access-control-allow-origin'], refused.json()]).toEqual([
    401,
    '*',
    failure('authentication error'),
  ]);
});

test("with MediaMTX's standard users the API is for this machine alone: others are asked for name and password", async () => {
  await using api = await openApi({ rules: { isOwn: false, internalUsers: MEDIAMTX_USERS } });
  const ask = (remoteAddress: string, host: string) =>
    api.app.inject({ url: '/v3/paths/list', remoteAddress, headers: { host } });
  expect((await ask('127.0.0.1', 'localhost:9997')).statusCode).toBe(200);
  const elsewhere = await ask('192.168.1.7', '192.168.1.2:9997');
  expect([elsewhere.statusCode, elsewhere.headers['www-authenticate'], elsewhere.json()]).toEqual([
    401,
    'Basic realm="mediamtx"',
    failure('authentication error'),
  ]);
});

test('the page to browse the API says what to do while it is not built', async () => {
  expect(await get('/v3/docs')).toEqual([503, failure('the page is not built yet: npm start builds it')]);
});

test('everything needs the permission, unknown routes too, and a preflight does not', async () => {
  await using api = await openApi({ password: 'blue heron' });
  for (const url of ['/v3/info', '/v3/paths/list', '/v3/config/global/get', '/v3/unknown', '/v3/recordings/list']) {
    const answer = await api.app.inject({ url, ...LOOPBACK });
    expect([url, answer.statusCode, answer.json()]).toEqual([url, 401, failure('authentication error')]);
  }
  const headers = { ...LOOPBACK.headers, origin: 'https://dash.example', 'access-control-request-method': 'GET' };
  const preflight = await api.app.inject({ method: 'OPTIONS', url: '/v3/paths/list', ...LOOPBACK, headers });
  expect([preflight.statusCode, preflight.headers['access-control-allow-origin']]).toEqual([204, '*']);
  expect(preflight.headers['access-control-allow-methods']).toBe('OPTIONS, GET, POST, PATCH, DELETE');
  expect(preflight.headers['access-control-allow-headers']).toBe('Authorization, Content-Type');
  expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
});

test('the keys of tokens are fetched anew when somebody says so', async () => {
  await using box = await openApi();
  const answer = await box.app.inject({ method: 'POST', url: '/v3/auth/jwks/refresh' });
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  expect(box.kicked).toEqual(['keys']);
});
