import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent/agent.ts';

/** A request and its answer, as MediaMTX 1.x gives it. The paths are in `CONFIG`; none has a publisher. */
interface Row {
  readonly port: 'webrtc' | 'hls' | 'playback' | 'api' | 'main';
  /** Method and address. */
  readonly ask: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  readonly error?: string;
  readonly json?: object;
  readonly answers?: Readonly<Record<string, string | null>>;
}

const CONFIG = `
playback: yes
api: yes
authInternalUsers:
- user: any
  ips: []
  permissions: [{action: publish}, {action: read, path: cam}, {action: read, path: nonconfigured}, {action: read, path: live/x}, {action: playback}]
- user: any
  ips: [127.0.0.1]
  permissions: [{action: api}]
- user: ann
  pass: right
  permissions: [{action: read, path: closed}]
paths:
  cam:
  closed:
`;

const UUID = '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const SDP = { 'Content-Type': 'application/sdp' };
/** One picture, to be received. */
const OFFER = [
  ...['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=group:BUNDLE 0'],
  ...['m=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=recvonly', 'a=rtcp-mux'],
  ...['a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f'],
  ...['a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=setup:actpass'],
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
  '',
].join('\r\n');

const ROWS: readonly Row[] = [
  {
    ...{ port: 'webrtc', ask: 'OPTIONS /', headers: { 'Access-Control-Request-Method': 'GET' }, status: 204 },
    answers: { 'access-control-allow-origin': '*' },
  },
  { port: 'webrtc', ask: 'GET /cam', status: 302, answers: { location: './cam/' } },
  { port: 'webrtc', ask: 'GET //evil.com', status: 302, answers: { location: '../evil.com/' } },
  { port: 'webrtc', ask: 'GET /nonconfigured/', status: 500, error: "path 'nonconfigured' is not configured" },
  {
    ...{ port: 'webrtc', ask: 'POST /cam/whep', headers: SDP, body: OFFER, status: 404 },
    error: "no stream is available on path 'cam'",
  },
  {
    ...{ port: 'webrtc', ask: `PATCH /cam/whep/${UUID}`, status: 404, error: 'session not found' },
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag' },
    body: 'a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n',
  },
  { port: 'webrtc', ask: 'PATCH /cam/whep/abc', status: 400 },
  { port: 'webrtc', ask: `DELETE /cam/whep/${UUID}`, status: 404, error: 'session not found' },
  { port: 'webrtc', ask: 'GET /cam/whep', status: 405, error: 'method not allowed' },
  {
    ...{ port: 'webrtc', ask: 'POST /closed/whep', headers: SDP, body: OFFER, status: 401 },
    answers: { 'www-authenticate': 'Basic realm="mediamtx"' },
  },
  {
    ...{ port: 'webrtc', ask: 'POST /closed/whep', body: OFFER, status: 401 },
    headers: { ...SDP, Authorization: `Basic ${btoa('ann:wrong')}` },
    answers: { 'www-authenticate': null },
  },
  {
    ...{ port: 'webrtc', ask: 'POST /closed/whep', body: OFFER, status: 404 },
    headers: { ...SDP, Authorization: `Basic ${btoa('ann:right')}` },
    error: "no stream is available on path 'closed'",
  },
  // MediaMTX answers 401, which players take for a wrong password.
  { port: 'hls', ask: 'GET /cam/video1_stream.m3u8', status: 404 },
  { port: 'playback', ask: 'GET /list?path=cam', status: 404, error: 'no recording segments found' },
  { port: 'playback', ask: 'GET /list?path=../x', status: 400 },
  {
    ...{ port: 'playback', ask: 'GET /get?path=cam&start=2026-01-01T00:00:00Z&duration=1&format=avi', status: 400 },
    error: 'invalid format: avi',
  },
  {
    ...{ port: 'api', ask: 'GET /v3/paths/list?itemsPerPage=1&page=1', status: 200 },
    json: { itemCount: 2, pageCount: 2, items: [{ name: 'closed' }] },
  },
  {
    ...{ port: 'api', ask: 'PATCH /v3/config/paths/patch/cam', body: '{"foo":1}', status: 400 },
    error: 'json: unknown field "foo"',
  },
  {
    port: 'api',
    ask: 'PATCH /v3/config/paths/patch/cam',
    body: '{"maxReaders":5}',
    status: 200,
    json: { status: 'ok' },
  },
  { port: 'api', ask: 'GET /v3/config/paths/get/cam', status: 200, json: { name: 'cam', maxReaders: 5 } },
  {
    ...{ port: 'api', ask: 'GET /v3/config/global/get', status: 200 },
    json: {
      readTimeout: '10s',
      authInternalUsers: [{ user: 'any' }, { user: 'any' }, { user: 'ann', pass: '<redacted>' }],
    },
  },
  { port: 'api', ask: 'DELETE /v3/config/paths/delete/none', status: 404, error: 'path not found' },
  {
    ...{ port: 'main', ask: 'POST /index/api/webrtc?app=live&stream=x&type=play', body: OFFER, status: 200 },
    json: { code: -400, msg: 'stream not found' },
  },
  { port: 'main', ask: 'POST /index/api/whep?app=live&stream=x', headers: SDP, body: OFFER, status: 406 },
  { port: 'main', ask: 'GET /index/api/getMediaList', status: 200, json: { code: -100 } },
];

let agent: Agent;
beforeAll(async () => {
  agent = await startAgent({ config: CONFIG });
});
afterAll(() => agent[Symbol.asyncDispose]());

test.each(ROWS.map((row) => [`${row.port}: ${row.ask}`, row.status, row] as const))(
  '%s is answered %i',
  async (_, status, row) => {
    const { port, ask, headers, body, error, json, answers = {} } = row;
    const [method = '', url = ''] = ask.split(' ');
    const answer = await fetch(`http://127.0.0.1:${agent.ports[port]}${url}`, {
      ...{ method, redirect: 'manual' },
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([status, text]);
    for (const [name, value] of Object.entries(answers)) {
      expect([name, answer.headers.get(name)]).toEqual([name, value]);
    }
    if (error !== undefined) {
      expect(JSON.parse(text)).toEqual({ status: 'error', error });
    }
    if (json) {
      expect(JSON.parse(text)).toMatchObject(json);
    }
  },
);
