import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { Parameters } from '../../../servers/webrtc/signalling/zlm/parameters.ts';
import { setSettings, shownSettings } from './server-settings.ts';

const CONFIG = configOf('  all_others:');

/** `setServerConfig` of a query, and what it writes. */
async function set(query: string, config = CONFIG) {
  const written: unknown[] = [];
  const parameters = new Parameters({ url: `/?${query}`, body: '', headers: {} } as unknown as FastifyRequest);
  const answer = await setSettings(parameters, config, {
    patchGlobal: async (body, { hasAllRights }) => void written.push(body, hasAllRights),
  });
  return { answer, written };
}

test('settings with a key are written as its value', async () => {
  const { answer, written } = await set(
    'general.mediaServerId=a&general.streamNoneReaderDelayMS=1500&hook.retry=2&hls.segDur=2.5&protocol.enable_mp4=1&protocol.mp4_max_second=600',
  );
  expect(answer).toEqual({ changed: 6 });
  expect(written).toEqual([
    {
      ...{ zlmMediaServerId: 'a', zlmStreamNoneReaderDelay: '1500ms', zlmHookRetry: 2, hlsSegmentDuration: '2.5s' },
      pathDefaults: { record: true, recordSegmentDuration: '600s' },
    },
    false,
  ]);
});

test('settings that are so already, and unknown ones, change nothing', async () => {
  const same = new URLSearchParams(shownSettings(CONFIG));
  expect(await set(`${same}&api.apiDebug=0&ffmpeg.bin=/bin/sh&secret=x`)).toEqual({
    answer: { changed: 0 },
    written: [],
  });
});

test('a hook is set, and switched off by an empty value', async () => {
  expect((await set('hook.on_stream_changed=http://h/changed')).written[0]).toEqual({
    zlmOnStreamChanged: 'http://h/changed',
  });
  // It is off already.
  expect((await set('hook.on_stream_changed=')).answer).toEqual({ changed: 0 });
});

test('a guess of the secret is not confirmed, and the secret of the call itself changes nothing', async () => {
  const config = { ...CONFIG, zlmSecret: 'right' };
  for (const guess of ['right', 'wrong']) {
    expect((await set(`api.secret=${guess}`, config)).written).toEqual([{ zlmSecret: guess }, false]);
  }
  expect(await set('secret=right&api.secret=right', config)).toEqual({ answer: { changed: 0 }, written: [] });
});

test('a number that is none is rejected before anything is written', async () => {
  await expect(set('hook.retry=2&hook.timeoutSec=soon')).rejects.toThrow("hook.timeoutSec 'soon' is not a number");
});

test('the secret and the addresses of hooks are not shown', () => {
  const text = JSON.stringify(
    shownSettings(Object.assign({ ...CONFIG }, { zlmSecret: 'a-secret', zlmOnPlay: 'http://u:p@h' })),
  );
  expect(text).not.toMatch(/a-secret|http:/);
  expect(text).toContain('rtmp.port');
});
