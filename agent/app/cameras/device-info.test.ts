import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { PerchError } from '../../base/errors.ts';
import { createLogger } from '../../base/log.ts';
import type { CameraDescription } from '../../onvif/device/describe-device.ts';
import { DeviceInfoCache } from './device-info.ts';
import { cameraAt } from './path-entries.ts';

const described = (model: string) => ({ information: { model } }) as CameraDescription;

const camera = (host: string, more = '') =>
  `{source: "rtsp://${host}/1", camera: {onvif: "http://${host}/onvif", endpoint: "urn:uuid:${host}"${more}}}`;

function open(paths: string) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const log: string[] = [];
  const reads: string[] = [];
  const waiting: PromiseWithResolvers<CameraDescription>[] = [];
  let config = good(`paths:\n${paths}`);
  const descriptions = new DeviceInfoCache({
    config: () => config,
    read: ({ name }) => {
      reads.push(name);
      const answer = Promise.withResolvers<CameraDescription>();
      waiting.push(answer);
      return answer.promise;
    },
    ...{ clock, log: createLogger('info', (line) => log.push(line)), signal: stop.signal },
  });
  return {
    ...{ clock, log, reads, descriptions, stop },
    setPaths: (text: string) => {
      config = good(`paths:\n${text}`);
      descriptions.apply();
    },
    /** The one that was asked first. */
    answer: async (model: string) => {
      waiting.shift()?.resolve(described(model));
      await clock.advance(0);
    },
    refuse: async (error: Error) => {
      waiting.shift()?.reject(error);
      await clock.advance(0);
    },
    modelOf: (path: string) => descriptions.get(cameraAt(path, config))?.description.information.model,
  };
}

test('a camera whose stream has begun is read some seconds later, once, and again ten minutes later at the earliest', async () => {
  const { clock, reads, descriptions, answer, modelOf } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  descriptions.streamOpened('yard');
  await clock.advance(4_999);
  expect(reads).toEqual([]);
  await clock.advance(1);
  expect(reads).toEqual(['yard']);
  await answer('One');
  expect(modelOf('yard')).toBe('One');
  await clock.advance(500_000);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  expect(reads).toHaveLength(1);
  await clock.advance(100_000);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  expect(reads).toHaveLength(2);
});

test('two cameras are read at a time', async () => {
  const { clock, reads, descriptions, answer } = open(
    `  a: ${camera('10.0.0.1')}\n  b: ${camera('10.0.0.2')}\n  c: ${camera('10.0.0.3')}`,
  );
  for (const path of ['a', 'b', 'c']) {
    descriptions.streamOpened(path);
  }
  await clock.advance(5_000);
  expect(reads).toEqual(['a', 'b']);
  await answer('One');
  expect(reads).toEqual(['a', 'b', 'c']);
});

test('the lenses of a recorder are read with one call, and small streams are none of their own', async () => {
  const { clock, reads, descriptions, answer, modelOf } = open(
    `  a_1: ${camera('10.0.0.1')}\n  a_1_sub: ${camera('10.0.0.1')}\n  a_2: ${camera('10.0.0.1')}`,
  );
  for (const path of ['a_1_sub', 'a_2', 'a_1']) {
    descriptions.streamOpened(path);
  }
  await clock.advance(5_000);
  expect(reads).toEqual(['a_2']);
  await answer('Recorder');
  expect([modelOf('a_1'), modelOf('a_2')]).toEqual(['Recorder', 'Recorder']);
});

test('who has paused a camera, has none with ONVIF, or has taken it out meanwhile, has none read', async () => {
  const { clock, reads, descriptions, setPaths } = open(
    `  a: ${camera('10.0.0.1', ', paused: yes')}\n  b: {source: "rtsp://10.0.0.2/1", camera: {name: Plain}}\n  c: ${camera('10.0.0.3')}`,
  );
  for (const path of ['a', 'b', 'c', 'unknown']) {
    descriptions.streamOpened(path);
  }
  setPaths('  other:');
  await clock.advance(5_000);
  expect(reads).toEqual([]);
});

test('one that cannot be read costs one line of the log, and is asked again after 10, 20, 40 minutes', async () => {
  const { clock, reads, log, descriptions, refuse } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  for (const minutes of [10, 20, 40]) {
    const before = reads.length;
    await refuse(new PerchError('timeout', 'no answer'));
    descriptions.streamOpened('yard');
    await clock.advance(minutes * 60_000 - 1);
    expect(reads).toHaveLength(before);
    await clock.advance(1);
    expect(reads).toHaveLength(before + 1);
  }
  expect(log).toHaveLength(1);
  expect(log[0]).toContain('no answer');
});

test('what was set in a camera is read at once, also when it was set in the small stream or has failed before', async () => {
  const { clock, reads, descriptions, answer, refuse, modelOf } = open(
    `  yard: ${camera('10.0.0.1')}\n  yard_sub: ${camera('10.0.0.1')}`,
  );
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  await refuse(new PerchError('timeout', 'no answer'));
  descriptions.changed('yard_sub', 'settings');
  await clock.advance(1_000);
  expect(reads).toHaveLength(2);
  descriptions.changed('yard', 'settings');
  await answer('Before');
  await clock.advance(1_000);
  await answer('After');
  expect(modelOf('yard')).toBe('After');
  await clock.advance(24 * 3_600_000);
  expect(reads).toHaveLength(3);
});

test('a camera that was started anew is read when its stream is there again, however soon', async () => {
  const { clock, reads, descriptions, answer } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  await answer('One');
  descriptions.changed('yard', 'reboot');
  await clock.advance(60_000);
  expect(reads).toHaveLength(1);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  expect(reads).toHaveLength(2);
});

test('a camera that is pulled on demand is read although nobody watches it', async () => {
  const { clock, reads, descriptions } = open(
    `  yard: ${camera('10.0.0.1').replace('{source', '{sourceOnDemand: yes, source')}`,
  );
  descriptions.apply();
  await clock.advance(30_000);
  expect(reads).toEqual(['yard']);
});

test('what a camera has told is kept when it moves, and not believed of another one at its path', async () => {
  const { clock, descriptions, answer, modelOf, setPaths } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  await answer('One');
  setPaths(`  yard: ${camera('10.0.0.9').replace('urn:uuid:10.0.0.9', 'urn:uuid:10.0.0.1')}`);
  expect(modelOf('yard')).toBe('One');
  setPaths(`  yard: ${camera('10.0.0.9')}`);
  expect(modelOf('yard')).toBeUndefined();
});

test('nothing is read after the end', async () => {
  const { clock, reads, descriptions, stop } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  stop.abort();
  await clock.advance(5_000);
  expect(reads).toEqual([]);
});
