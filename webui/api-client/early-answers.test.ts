import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askEarly, LAYOUTS_ADDRESS, PATHS_ADDRESS, SESSION_ADDRESS, takeEarlyAnswer } from './early-answers.ts';

const OWNER = { mayLook: true, role: 'owner' };

let asked: string[] = [];
let session: object = OWNER;
let isAway = false;

beforeEach(() => {
  [asked, session, isAway] = [[], OWNER, false];
  const fetch = async (address: string): Promise<Response> => {
    asked.push(address);
    if (isAway) {
      throw new TypeError('Failed to fetch');
    }
    return Response.json(address === SESSION_ADDRESS ? session : { items: [] });
  };
  vi.stubGlobal('fetch', fetch);
  vi.stubGlobal('window', { fetch, AbortController });
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test.for(['', '#/', '#/live', '#live'])('with %j, session, cameras and groups are asked for once', async (hash) => {
  askEarly(hash);
  await vi.waitFor(() => expect(asked).toEqual([SESSION_ADDRESS, PATHS_ADDRESS, LAYOUTS_ADDRESS]));
  expect(await (await takeEarlyAnswer(SESSION_ADDRESS))?.json()).toEqual(OWNER);
  expect(await (await takeEarlyAnswer(PATHS_ADDRESS))?.json()).toEqual({ items: [] });
  expect(takeEarlyAnswer(SESSION_ADDRESS)).toBeUndefined();
  expect(takeEarlyAnswer(PATHS_ADDRESS)).toBeUndefined();
});

test.for([
  ['a person who has to log in', { mayLook: false, role: null }, '', []],
  ['a guest', { mayLook: true, role: 'guest' }, '', [PATHS_ADDRESS]],
  ['another page', OWNER, '#/recordings', [PATHS_ADDRESS]],
  ['a single camera', OWNER, '#/live/door', [PATHS_ADDRESS]],
] as const)('nothing is asked that the page would not ask: %s', async ([, who, hash, more]) => {
  session = who;
  askEarly(hash);
  await vi.waitFor(() => expect(asked).toEqual([SESSION_ADDRESS, ...more]));
});

test('an answer that is not taken within five seconds is out of date', async () => {
  askEarly('');
  await vi.waitFor(() => expect(asked).toHaveLength(3));
  vi.advanceTimersByTime(5_000);
  expect(takeEarlyAnswer(LAYOUTS_ADDRESS)).toBeUndefined();
});

test('a box that does not answer rejects the request of the page, and nothing else', async () => {
  isAway = true;
  askEarly('');
  await expect(takeEarlyAnswer(SESSION_ADDRESS)).rejects.toThrow('Failed to fetch');
  expect(asked).toEqual([SESSION_ADDRESS]);
});

test('a browser without fetch asks nothing', () => {
  vi.stubGlobal('window', {});
  askEarly('');
  expect(asked).toEqual([]);
  expect(takeEarlyAnswer(SESSION_ADDRESS)).toBeUndefined();
});
