import { expect, test } from 'vitest';
import {
  FORWARD,
  failure,
  ID,
  item,
  LAYOUTS,
  LOOPBACK,
  OTHER_ID,
  openApi,
  PATHS,
  SESSION,
  STATS,
} from '../../../test/support/harness/http/control-api-harness.ts';

const SESSIONS = [SESSION, { id: OTHER_ID, created: '2026-01-01T12:00:00.123456789+01:00', path: 'door' }];

const get = async (url: string) => {
  await using api = await openApi();
  const answer = await api.app.inject({ url, ...LOOPBACK });
  return [answer.statusCode, answer.headers['content-type']?.includes('json') ? answer.json() : answer.body];
};

test("a path is shown with every field of MediaMTX, and Perch's", async () => {
  const subscribers = [{ protocol: 'webrtc', clientIP: '192.168.1.9' }];
  expect(await get('/v3/paths/get/garden/gate')).toEqual([200, { ...item('garden/gate'), subscribers }]);
  expect(await get('/v3/paths/get/garden%2Fgate')).toEqual([200, { ...item('garden/gate'), subscribers }]);
  expect(await get('/v3/paths/get/door')).toEqual([200, { ...PATHS[1], subscribers }]);
});

test('layouts are listed without removed cameras', async () => {
  const shown = { ...LAYOUTS[0], cameras: [{ path: 'door', size: 'small' }] };
  expect(await get('/v3/layouts/list')).toEqual([200, { itemCount: 1, pageCount: 1, items: [shown] }]);
  expect(await get('/v3/layouts/get/Ground%20floor')).toEqual([200, shown]);
  expect(await get('/v3/layouts/get/Attic')).toEqual([404, failure('no layout has this name')]);
});

test('paths are listed by name, in pages', async () => {
  expect(await get('/v3/paths/list')).toEqual([200, { itemCount: 2, pageCount: 1, items: [PATHS[1], PATHS[0]] }]);
  expect(await get('/v3/paths/list?itemsPerPage=1&page=1')).toEqual([
    200,
    { itemCount: 2, pageCount: 2, items: [PATHS[0]] },
  ]);
  expect(await get('/v3/paths/list?page=7')).toEqual([200, { itemCount: 2, pageCount: 1, items: [] }]);
});

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
  ['/v3/paths/forward/list?path=door', 200, { itemCount: 1, pageCount: 1, items: [FORWARD] }],
  ['/v3/paths/forward/list?path=nothing', 404, failure('path not found')],
  ['/v3/paths/forward/list', 400, failure('invalid path')],
  [`/v3/paths/forward/get?path=door&id=${ID}`, 200, FORWARD],
  [`/v3/paths/forward/get?path=door&id=${OTHER_ID}`, 404, failure('forward destination not found')],
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
      protected: [],
    },
  ],
  [
    '/v3/events/list?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&types=motion,person&limit=7&path=door&path=gate',
    200,
    {
      ...{ from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', path: 'door', types: 'motion,person' },
      ...{ limit: '7', items: [] },
    },
  ],
  [
    '/v3/reviews?to=2026-01-02T00:00:00Z&hours=22:00-06:00&unseen=true&path=door&path=gate',
    200,
    {
      ...{ to: '2026-01-02T00:00:00Z', hours: '22:00-06:00', unseen: 'true', path: 'door' },
      items: [
        { path: 'garden/gate', group: null, person: 'owner' },
        { path: 'door', group: 'Ground floor', person: 'owner' },
      ],
    },
  ],
  ['/v3/reviews/WzE3', 200, { id: 'WzE3', cameras: [{ path: 'door' }] }],
  ['/v3/timeline/', 400, failure('invalid name')],
  ['/v3/recordings/get/unknown', 400, failure("path 'unknown' is not configured")],
  ['/v3/unknown', 404, '404 page not found'],
  ['/v1/paths/list', 404, '404 page not found'],
])('GET %s is %i', async ([url, status, body]) => {
  expect(await get(url)).toEqual([status, body]);
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

test('the page to browse the API has a remedy while it is not built', async () => {
  expect(await get('/v3/docs')).toEqual([503, failure('the page is not built yet: npm start builds it')]);
});
