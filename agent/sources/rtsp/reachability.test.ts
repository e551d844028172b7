// @also without-ffi in long

import { expect, test } from 'vitest';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { systemClock } from '../../base/clock.ts';

test('a probe connects to the port and sends nothing', async () => {
  const camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(1);
  const { signal } = new AbortController();
  expect(await run.source.answers(signal)).toBe(true);
  await camera.until(() => camera.callers[1]?.socket.closed === true);
  expect(camera.callers[1]?.requests).toEqual([]);
  await camera[Symbol.asyncDispose]();
  expect(await run.source.answers(signal)).toBe(false);
});

test('a probe is sent to the address that did not answer, also after a redirect', async () => {
  const other = await scriptedCamera(() => undefined);
  await other[Symbol.asyncDispose]();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', url(other)]]);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.cause()).toMatchObject({ context: { isUnreachable: true } });
  expect(await run.source.answers(new AbortController().signal)).toBe(false);
});

test('a probe ends when it is aborted', async () => {
  const stop = new AbortController();
  stop.abort();
  await using run = new Run('rtsp://127.0.0.1:9/live', {}, systemClock);
  expect(await run.source.answers(stop.signal)).toBe(false);
});

test('a refused connection is reported as unreachable, so that the address is probed', async () => {
  const camera = await scriptedCamera(() => undefined);
  await camera[Symbol.asyncDispose]();
  await using run = new Run(url(camera));
  expect(await run.cause()).toMatchObject({ context: { isUnreachable: true } });
});

test('a camera that closes the connection has answered', async () => {
  await using camera = await scriptedCamera((_, caller) => {
    caller.socket.end();
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.cause()).not.toMatchObject({ context: { isUnreachable: true } });
});
