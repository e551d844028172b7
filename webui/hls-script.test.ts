import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { HLS_SCRIPT } from './hls-script.ts';

const { outputFiles } = await build({ ...HLS_SCRIPT, write: false });
const script = outputFiles?.[0]?.text ?? '';

test('hls.js is a plain script that defines Hls with the parts that players use', () => {
  const page: { Hls?: typeof import('hls.js').default } = {};
  runInNewContext(script, Object.assign(page, { self: page, globalThis: page }));
  const { Hls } = page;
  expect(Hls?.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(Hls?.DefaultConfig.audioStreamController).toBeTypeOf('function');
  expect(Hls?.DefaultConfig.audioTrackController).toBeTypeOf('function');
  expect(Hls?.DefaultConfig.emeController).toBeUndefined();
  expect(Hls?.ErrorDetails.BUFFER_ADD_CODEC_ERROR).toBeDefined();
});

test('without subtitles, encryption systems, advertisements and statistics it is a third smaller', async () => {
  const whole = await readFile(new URL(import.meta.resolve('hls.js/dist/hls.min.js')));
  expect(script.length).toBeLessThan(whole.length * 0.7);
});

test('its worker is the same script', () => {
  const [, bundle = ''] = /^!(function .*\})\(!1\);\s*$/s.exec(script) ?? [];
  let receive: ((event: { data: object }) => void) | undefined;
  const sent: object[] = [];
  const self = {
    addEventListener: (_: string, listener: typeof receive) => {
      receive = listener;
    },
    postMessage: (message: object) => sent.push(message),
  };
  runInNewContext(`(${bundle})(true)`, Object.assign(self, { self, globalThis: self }));
  receive?.({ data: { cmd: 'init', instanceNo: 3, id: 'main', typeSupported: {}, config: '{}' } });
  expect(sent).toEqual([{ event: 'init', data: null, instanceNo: 3 }]);
});
