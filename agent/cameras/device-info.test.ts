import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
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
    /** Answers the oldest pending request. */
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

test('a camera is read once some seconds after its stream opens, and again after ten minutes at the earliest', async () => {
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

test('two cameras are read concurrently', async () => {
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

test('the channels of a recorder are read with one call, and sub streams are not read separately', async () => {
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

test('a camera that is paused, removed or without ONVIF is not read', async () => {
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

test('a failed read is logged once, and retried after 10, 20, 40 minutes', async () => {
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

test('a camera is read at once after a change of its settings, also of the sub stream or after a failure', async () => {
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

test('a rebooted camera is read when its stream opens again, however soon', async () => {
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

test('a camera pulled on demand is read without viewers', async () => {
  const { clock, reads, descriptions } = open(
    `  yard: ${camera('10.0.0.1').replace('{source', '{sourceOnDemand: yes, source')}`,
  );
  descriptions.apply();
  await clock.advance(30_000);
  expect(reads).toEqual(['yard']);
});

test('the description of a camera is kept when it moves, and not used for another camera at its path', async () => {
  const { clock, descriptions, answer, modelOf, setPaths } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  await clock.advance(5_000);
  await answer('One');
  setPaths(`  yard: ${camera('10.0.0.9').replace('urn:uuid:10.0.0.9', 'urn:uuid:10.0.0.1')}`);
  expect(modelOf('yard')).toBe('One');
  setPaths(`  yard: ${camera('10.0.0.9')}`);
  expect(modelOf('yard')).toBeUndefined();
});

test('nothing is read after the shutdown', async () => {
  const { clock, reads, descriptions, stop } = open(`  yard: ${camera('10.0.0.1')}`);
  descriptions.streamOpened('yard');
  stop.abort();
  await clock.advance(5_000);
  expect(reads).toEqual([]);
});
