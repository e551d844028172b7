import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GONE } from './live-session.ts';
import type { Source } from './source.ts';
import { openWhep } from './whep.ts';

const SOURCE: Source = { whep: 'webrtc/yard/whep', mse: undefined, hls: undefined, headers: {} };
const ANSWER = { status: 201, headers: { Location: '/webrtc/yard/whep/s3cret' } } as const;

/** Of each new connection. */
let state: string;
class Peer extends EventTarget {
  readonly localDescription = { type: 'offer', sdp: 'v=0' };
  connectionState = state;
  addTransceiver(): void {}
  getTransceivers = () => [];
  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription(): Promise<void> {}
  close(): void {
    this.connectionState = 'closed';
  }
}

interface Asked {
  readonly what: string;
  readonly signal: AbortSignal | null | undefined;
  readonly answer: (response: Response) => void;
}

let asked: Asked[];
beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  state = 'new';
  vi.stubGlobal('RTCPeerConnection', Peer);
  vi.stubGlobal('MediaStream', EventTarget);
  vi.stubGlobal('fetch', (address: string, { method, signal }: RequestInit) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    signal?.addEventListener('abort', () => reject(signal.reason));
    asked.push({ what: `${method} ${address}`, signal, answer: resolve });
    return promise;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Its offer is under way. */
async function opening() {
  const leave = new AbortController();
  const options = { source: SOURCE, wantsSound: false, signal: leave.signal };
  const ended = openWhep({} as HTMLVideoElement, options).catch((error: Error) => error.message);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  return { leave, ended };
}

const whats = () => asked.map(({ what }) => what);

test('a session that is closed while it opens is deleted once its address is known', async () => {
  const { leave, ended } = await opening();
  leave.abort();
  expect(await ended, 'who has left waits for no answer').toBe('closed');
  expect(asked[0]?.signal?.aborted ?? false).toBe(false);
  asked[0]?.answer(new Response('v=0', ANSWER));
  await vi.waitFor(() => expect(whats()).toEqual(['POST webrtc/yard/whep', 'DELETE webrtc/yard/whep/s3cret']));
});

test('a cancelled offer without a response times out', async () => {
  const { leave, ended } = await opening();
  leave.abort();
  await ended;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked[0]?.signal?.aborted).toBe(true);
  expect(whats()).toEqual(['POST webrtc/yard/whep']);
});

test.for([
  ['is there', new Response(null, { status: 204 }), 'open'],
  ['cannot be asked for', new Response(null, { status: 502 }), 'open'],
  ['is gone', new Response(null, { status: 404 }), GONE],
] as const)('a session that %s', async ([, answer, end]) => {
  state = 'connected';
  const video = { play: async () => {} } as HTMLVideoElement;
  const opened = openWhep(video, { source: SOURCE, wantsSound: false, signal: new AbortController().signal });
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]?.answer(new Response('v=0', ANSWER));
  const session = await opened;
  const checked = session.check?.();
  asked[1]?.answer(answer);
  await checked;
  expect(await Promise.race([session.ended, Promise.resolve('open')])).toBe(end);
  session.close();
  expect(whats().slice(1)).toEqual([
    'OPTIONS webrtc/yard/whep/s3cret',
    ...(end === 'open' ? ['DELETE webrtc/yard/whep/s3cret'] : []),
  ]);
});

test('a rejection after the close leaves nothing to delete', async () => {
  const { leave, ended } = await opening();
  leave.abort();
  await ended;
  asked[0]?.answer(new Response('{"status":"error","error":"not found"}', { status: 404 }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(whats()).toEqual(['POST webrtc/yard/whep']);
});

test("a rejected offer ends with the box's reason", async () => {
  const { ended } = await opening();
  asked[0]?.answer(new Response('{"status":"error","error":"no stream is available"}', { status: 404 }));
  expect(await ended).toBe('no stream is available');
});

test.for([
  ['comes out of its order', { 'Perch-B-Frames': 'yes' }, ['OPTIONS'], 'B-frames'],
  ['is in its order', {}, ['OPTIONS', 'POST'], 'closed'],
] as const)('a picture that %s is offered for only where the box takes it', async ([, headers, expected, end]) => {
  const leave = new AbortController();
  const options = { source: SOURCE, wantsSound: false, signal: leave.signal, asksFirst: true };
  const ended = openWhep({} as HTMLVideoElement, options).catch((error: Error) => error.message);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]?.answer(new Response(null, { status: 204, headers }));
  await vi.waitFor(() => expect(asked).toHaveLength(expected.length));
  expect(whats()).toEqual(expected.map((method) => `${method} webrtc/yard/whep`));
  if (end === 'closed') {
    leave.abort();
  }
  expect(await ended).toBe(end);
});

test('without permission there is no SDP offer', async () => {
  const signal = new AbortController().signal;
  const options = { source: SOURCE, wantsSound: false, signal, asksFirst: true };
  const ended = openWhep({} as HTMLVideoElement, options).catch((error: Error) => error);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]?.answer(Response.json({ status: 'error', error: 'who are you?' }, { status: 401 }));
  expect(await ended).toMatchObject({ kind: 'refused', message: 'who are you?' });
  expect(asked).toHaveLength(1);
});
