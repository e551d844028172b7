import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { plainBoxes, scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { systemClock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { BoxRequests } from './box-requests.ts';

const failure = (work: Promise<unknown>): Promise<PerchError> =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: PerchError) => error,
  );
const closedOf = (body: Readable) => new Promise<void>((resolve) => body.once('close', resolve));
const read = (answer: unknown) => answer;

test('a box that cannot be reached is away, and an answer ends that', async () => {
  const clock = new FakeClock();
  let port = 1;
  const client = plainBoxes(() => port, clock.wallMs);
  const requests = new BoxRequests(client, clock);
  const since = new Date(clock.wallMs()).toISOString();
  const first = await failure(requests.ask('yard', { path: '/' }));
  expect(first).toMatchObject({ code: 'unavailable', context: { why: 'boxAway', since, box: 'yard' } });
  expect(first.message).toBe(`box 'yard' is away since ${since}`);
  await using box = await scriptedBox((_, response) => response.end('{}'));
  port = box.port;
  await clock.advance(2_000);
  expect(await requests.json('yard', { path: '/x' }, 100, read)).toEqual({});
  expect(client.item('yard')?.state).toBe('connected');
});

test('what the link says of a box that is not there is said once', async () => {
  const client = plainBoxes(() => 1);
  const state = { ...client.item('yard'), name: 'yard', state: 'refused', sinceMs: 0 } as const;
  const said = "box 'yard' refuses this server since 1970-01-01T00:00:00.000Z: the box has ended the pairing";
  const request = () => Promise.reject(new PerchError('unavailable', said, { why: 'away' }));
  const requests = new BoxRequests(
    { ...client, item: () => state as ReturnType<typeof client.item>, request },
    systemClock,
  );
  expect(explain(await failure(requests.ask('yard', { path: '/' })))).toBe(said);
});

test('a request without an answer fails for its own reason at a box that is connected', async () => {
  const clock = new FakeClock();
  await using hung = await scriptedBox(() => {});
  const client = { ...plainBoxes(() => hung.port), noteSilence: () => {} };
  const waiting = failure(new BoxRequests(client, clock).ask('yard', { path: '/' }));
  await clock.advance(2_100);
  const { message, context } = await waiting;
  expect([message, context['why']]).toEqual(["box 'yard': no answer within 2 s", 'boxFault']);
});

test('a hung box is away after two seconds, and other boxes answer meanwhile', async () => {
  const clock = new FakeClock();
  await using hung = await scriptedBox(() => {});
  await using other = await scriptedBox((_, response) => response.end('[]'));
  const requests = new BoxRequests(
    plainBoxes((box) => (box === 'hung' ? hung.port : other.port)),
    clock,
  );
  const waiting = failure(requests.ask('hung', { path: '/' }));
  expect(await requests.json('other', { path: '/' }, 100, read)).toEqual([]);
  await clock.advance(2_100);
  expect((await waiting).context).toMatchObject({ why: 'boxAway' });
});

test('an answer that never ends is given up', async () => {
  const clock = new FakeClock();
  await using slow = await scriptedBox((_, response) => void response.writeHead(200).write('['));
  const requests = new BoxRequests(
    plainBoxes(() => slow.port),
    clock,
  );
  const waiting = failure(requests.json('yard', { path: '/' }, 100, read));
  while (clock.sleeping < 2) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await clock.advance(11_000);
  expect((await waiting).context).toMatchObject({ why: 'boxAway' });
});

test('an error in the reader of an answer is no fault of the box', async () => {
  await using box = await scriptedBox((_, response) => response.end('{}'));
  const boxes = plainBoxes(() => box.port);
  const requests = new BoxRequests(boxes, systemClock);
  const wrong = new TypeError('cannot read properties of undefined');
  const fails = () => {
    throw wrong;
  };
  await expect(requests.json('yard', { path: '/' }, 100, fails)).rejects.toBe(wrong);
  expect(boxes.item('yard')?.state).toBe('connected');
});

test('an answer that is not JSON is named, and the box is not away', async () => {
  await using box = await scriptedBox((_, response) => response.end('<html>'));
  const boxes = plainBoxes(() => box.port);
  const { message, context } = await failure(
    new BoxRequests(boxes, systemClock).json('yard', { path: '/' }, 100, read),
  );
  expect([message, context['why']]).toEqual([expect.stringContaining('an answer that is not JSON'), 'boxFault']);
  expect(boxes.item('yard')?.state).toBe('connected');
});

test.for([
  [404, '{"status":"error","error":"path not found"}', 'notFound', 'path not found'],
  [400, '{"error":"invalid start"}', 'badInput', 'invalid start'],
  [401, '{"error":"not paired"}', 'unavailable', "box 'yard': not paired"],
  [403, 'no', 'unavailable', "box 'yard': status 403"],
  [500, '<html>', 'unavailable', "box 'yard': status 500"],
  [501, '{"error":"the camera has no PTZ"}', 'unsupported', 'the camera has no PTZ'],
  [429, '{"error":"too many"}', 'exhausted', "box 'yard': too many"],
  [404, `{"error":"${'x'.repeat(1_000)}"}`, 'notFound', 'x'.repeat(200)],
  [404, `{"error":"${'x'.repeat(100_000)}"}`, 'notFound', 'status 404'],
  [404, '{"error":"a\\u001b[31mb\\nc"}', 'notFound', 'a [31mb c'],
] as const)('a refusal is passed on in a short text: %#', async ([status, body, code, message]) => {
  await using box = await scriptedBox((_, response) => response.writeHead(status).end(body));
  const client = plainBoxes(() => box.port);
  const requests = new BoxRequests(client, systemClock);
  expect(await failure(requests.ask('yard', { path: '/' }))).toMatchObject({ code, message });
  // It answers: it is not away.
  expect(client.item('yard')?.state).toBe('connected');
});

test('a client that leaves ends the request, and the box is not away', async () => {
  const left = Promise.withResolvers<void>();
  await using box = await scriptedBox((request, response) => {
    request.socket.once('close', () => left.resolve());
    response.writeHead(200).write('x');
  });
  const boxes = plainBoxes(() => box.port);
  const requests = new BoxRequests(boxes, systemClock);
  const client = new AbortController();
  const { body } = await requests.ask('yard', { path: '/', signal: client.signal });
  const closed = closedOf(body);
  client.abort();
  await Promise.all([left.promise, closed]);
  expect(boxes.item('yard')?.state).toBe('connected');
});

test('of one box at most 64 requests run, and an ended one makes room', async () => {
  await using box = await scriptedBox((_, response) => void response.writeHead(200).write('x'));
  const requests = new BoxRequests(
    plainBoxes(() => box.port),
    systemClock,
  );
  const open = await Promise.all(Array.from({ length: 64 }, () => requests.ask('yard', { path: '/' })));
  expect(await failure(requests.ask('yard', { path: '/' }))).toMatchObject({ code: 'exhausted' });
  const [first] = open;
  const closed = closedOf(first?.body ?? expect.fail('no answer'));
  first?.body.destroy();
  await closed;
  open.push(await requests.ask('yard', { path: '/' }));
  for (const { body } of open) {
    body.destroy();
  }
});
