import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let answers: Response[] = [];
const asked = vi.fn(async () => answers.shift() ?? Promise.reject(new TypeError('no network')));

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  vi.stubGlobal('fetch', asked);
  vi.stubGlobal('location', { hash: '', pathname: '/', search: '' });
  asked.mockClear();
  answers = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The owner's page listens. */
async function listen(): Promise<void> {
  const { listenToEvents } = await import('./event-stream.ts');
  const { access, session } = await import('./session.ts');
  session.value = { claimed: true, role: 'owner' } as never;
  access.value = 'granted';
  listenToEvents();
  await vi.advanceTimersByTimeAsync(0);
}

/** Requests to the box in this many seconds. */
async function countIn(seconds: number): Promise<number> {
  const before = asked.mock.calls.length;
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  return asked.mock.calls.length - before;
}

test.for([429, 503])(
  'a box that answers %i is asked again more and more rarely, at least once a minute',
  async (status) => {
    answers = Array.from({ length: 100 }, () => new Response(null, { status }));
    await listen();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(await countIn(15)).toBe(2);
    expect(await countIn(600)).toBeLessThan(13);
    expect(await countIn(600)).toBe(10);
  },
);

test('an unreachable box is asked every two seconds, also after it was full', async () => {
  answers = Array.from({ length: 6 }, () => new Response(null, { status: 429 }));
  await listen();
  await vi.advanceTimersByTimeAsync(200_000);
  expect(await countIn(20)).toBe(10);
});

test('after a connection, delays start short again', async () => {
  answers = [
    ...Array.from({ length: 6 }, () => new Response(null, { status: 429 })),
    new Response('id: 1\n\n'),
    ...Array.from({ length: 6 }, () => new Response(null, { status: 429 })),
  ];
  await listen();
  await vi.advanceTimersByTimeAsync(181_000);
  expect(asked).toHaveBeenCalledTimes(7);
  expect(await countIn(15)).toBe(3);
});

test.for([401, 403])('a box that answers %i is not asked again', async (status) => {
  answers = [new Response(null, { status })];
  await listen();
  expect(await countIn(600)).toBe(0);
});
