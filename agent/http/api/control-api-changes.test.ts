import { expect, onTestFinished, test } from 'vitest';
import {
  DELETION,
  FORECAST,
  failure,
  ID,
  LOOPBACK,
  OTHER_ID,
  openApi,
  PATHS,
  PROTECTED,
  PUBLISHER,
} from '../../../test/support/harness/http/control-api-harness.ts';

const TIMES = { path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z' };
const RANGE = { path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z' };

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

test('a kick is accepted with any content type, as clients of MediaMTX send it', async () => {
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
    failure("unknown field 'typ': known are path, type, start, end, text, id, state, labels"),
  ],
  ['{"path":', 400, failure('the body is not JSON')],
  ['', 400, failure('the body is not a JSON object with path and type')],
])('POST /v3/events with %s is %i', async ([payload, status, body]) => {
  await using api = await openApi();
  const headers = { ...LOOPBACK.headers, 'content-type': 'application/json' };
  const answer = await api.app.inject({ method: 'POST', url: '/v3/events', ...LOOPBACK, headers, payload });
  expect([answer.statusCode, answer.json()]).toEqual([status, body]);
});

test('an event of more than 16 kB is rejected unread', async () => {
  await using api = await openApi();
  const payload = JSON.stringify({ path: 'door', type: 'motion', text: 'x'.repeat(20_000) });
  const headers = { ...LOOPBACK.headers, 'content-type': 'application/json' };
  const answer = await api.app.inject({ method: 'POST', url: '/v3/events', ...LOOPBACK, headers, payload });
  expect(answer.statusCode).toBe(413);
});

test.for<['POST' | 'PATCH' | 'DELETE' | 'GET', string, unknown, number, unknown]>([
  ['POST', 'recordings/protect', RANGE, 200, { status: 'ok', id: ID, ...RANGE, note: '' }],
  ['POST', 'recordings/protect', { ...RANGE, note: null }, 200, { status: 'ok', id: ID, ...RANGE, note: '' }],
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
  ['PATCH', `recordings/protect/${ID}`, { note: 'the fox' }, 200, { status: 'ok', ...PROTECTED[0], note: 'the fox' }],
  ['PATCH', `recordings/protect/${ID}`, {}, 400, failure('note is missing')],
  ['PATCH', `recordings/protect/${ID}`, { end: 'now' }, 400, failure("unknown field 'end': known are note")],
  [
    'GET',
    'recordings/clips?itemsPerPage=1',
    undefined,
    200,
    {
      itemCount: 2,
      pageCount: 2,
      items: [
        {
          ...PROTECTED[1],
          created: null,
          by: 'owner',
          bytes: 2_000_000,
          recordedSeconds: 58.5,
          picture: null,
          copying: null,
        },
      ],
    },
  ],
  ['GET', 'recordings/deletions', undefined, 200, { itemCount: 1, pageCount: 1, items: [DELETION] }],
  ['POST', 'recordings/deletions/foresee', TIMES, 200, FORECAST],
  ['POST', 'recordings/deletions', TIMES, 200, { status: 'ok', ...DELETION, ...TIMES, by: 'owner', ...FORECAST }],
  ['POST', 'recordings/deletions', { path: 'door' }, 400, failure('start is missing')],
  ['DELETE', `recordings/deletions/${ID}`, undefined, 200, { status: 'ok' }],
  [
    'DELETE',
    `recordings/deletions/${OTHER_ID}`,
    undefined,
    404,
    failure(`no deleted recordings have the id '${OTHER_ID}'`),
  ],
  ['GET', 'recordings/protected', undefined, 200, { itemCount: 2, pageCount: 1, items: PROTECTED }],
  ['GET', 'recordings/protected?path=gate', undefined, 200, { itemCount: 1, pageCount: 1, items: [PROTECTED[1]] }],
  ['GET', 'disks', undefined, 200, { itemCount: 1, pageCount: 1, items: [{ folder: '/mnt/usb', state: 'vanished' }] }],
  ['POST', 'disks/accept', { folder: '/mnt/usb' }, 200, { status: 'ok' }],
  ['POST', 'disks/accept', { folder: '/' }, 404, failure("'/' is not a recording folder")],
  ['POST', 'disks/accept', {}, 400, failure('the body is not a JSON object with folder')],
])('%s /v3/%s with %j is %i', async ([method, path, body, status, answer]) => {
  await using api = await openApi();
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
  const given = await api.app.inject({ method, url: `/v3/${path}`, ...LOOPBACK, ...payload });
  expect([given.statusCode, given.json()]).toEqual([status, answer]);
});

test('publishers of any protocol are listed as a plain list, and can be ended', async () => {
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

test('the keys of tokens are fetched again on request', async () => {
  await using box = await openApi();
  const answer = await box.app.inject({ method: 'POST', url: '/v3/auth/jwks/refresh' });
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  expect(box.kicked).toEqual(['keys']);
});
