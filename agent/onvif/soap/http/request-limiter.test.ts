import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import {
  ASK,
  callerOf,
  envelope,
  failureOf,
  INFORMATION,
  listen,
} from '../../../../test/support/cameras/soap-server.ts';

test('at most two calls run at a time; calls that wait for events do not count', async () => {
  const waiting: ServerResponse[] = [];
  const { url, requests } = await listen((_asked, response) => void waiting.push(response));
  const caller = callerOf(url);
  const long = caller.call({ ...ASK, deadlineMs: 40_000 });
  const calls = [1, 2, 3, 4].map(() => caller.call(ASK));
  await expect.poll(() => waiting.length).toBe(3);
  expect(requests).toHaveLength(3);
  while (requests.length < 5 || waiting.length > 0) {
    waiting.shift()?.end(envelope(INFORMATION));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([long, ...calls]);
});

test('a call that is given up while it waits for its turn leaves the line', async () => {
  const waiting: ServerResponse[] = [];
  const { url } = await listen((_asked, response) => void waiting.push(response));
  const caller = callerOf(url);
  const first = [caller.call(ASK), caller.call(ASK)];
  await expect.poll(() => waiting.length).toBe(2);
  const stop = new AbortController();
  const third = failureOf(caller.call({ ...ASK, signal: stop.signal }));
  stop.abort();
  expect((await third).code).toBe('unavailable');
  for (const response of waiting) {
    response.end(envelope(INFORMATION));
  }
  await Promise.all(first);
});

test('an urgent call precedes all waiting ones, except earlier urgent ones', async () => {
  const order: string[] = [];
  const waiting: ServerResponse[] = [];
  const { url } = await listen(({ path }, response) => {
    order.push(path);
    waiting.push(response);
  });
  const caller = callerOf(url);
  const call = (path: string, isUrgent = false) => caller.call({ ...ASK, path, isUrgent });
  const calls = [call('/1'), call('/2'), call('/3'), call('/4'), call('/stop', true), call('/stop-again', true)];
  // The stop does not wait for the two calls that run.
  await expect.poll(() => waiting.length).toBe(3);
  while (order.length < 6 || waiting.length > 0) {
    waiting.shift()?.end(envelope(INFORMATION));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  expect(order.slice(2)).toEqual(['/stop', '/stop-again', '/3', '/4']);
});

test('a full queue accepts urgent calls only', async () => {
  const waiting: ServerResponse[] = [];
  const { url, requests } = await listen(({ path }, response) =>
    path === '/stop' ? response.end(envelope(INFORMATION)) : void waiting.push(response),
  );
  const caller = callerOf(url);
  const calls = Array.from({ length: 66 }, () => caller.call(ASK));
  expect((await failureOf(caller.call(ASK))).code).toBe('exhausted');
  const stop = caller.call({ ...ASK, path: '/stop', isUrgent: true });
  while (requests.length < 67 || waiting.length > 0) {
    waiting.shift()?.end(envelope(INFORMATION));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...calls, stop]);
});
