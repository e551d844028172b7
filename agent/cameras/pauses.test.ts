import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import type { FileNow } from '../config/store/store.ts';
import { type Edit, editAll } from '../config/yaml/edit.ts';
import { CameraPauses } from './pauses.ts';

/** The fake clock begins at 2026-01-01T00:00:00Z. */
const TEXT = `paths:
  a:
    source: rtsp://10.0.0.1/1
    camera:
      name: A # of ann
      paused: yes
      pausedUntil: 2026-01-01T00:01:00Z
  b:
    source: rtsp://10.0.0.2/1
    camera: {name: B, paused: yes}
  c:
    source: rtsp://10.0.0.3/1
    camera:
      name: C
      paused: yes
      pausedUntil: 2026-01-01T02:00:00+01:00
`;

function open() {
  const clock = new FakeClock();
  const published: unknown[] = [];
  const log: string[] = [];
  const store = {
    text: TEXT,
    refusal: undefined as PerchError | undefined,
    get current() {
      return good(this.text);
    },
    revise: async (plan: (now: FileNow) => readonly Edit[]) => {
      if (store.refusal) {
        throw store.refusal;
      }
      store.text = editAll(store.text, plan({ config: good(store.text) } as FileNow));
    },
  };
  const pauses = new CameraPauses({
    ...{ store, clock, log: createLogger('info', (line) => log.push(line)) },
    publish: (type, fields) => published.push([type, fields]),
  });
  return { clock, store, published, log, pauses };
}

test('a pause ends at its time, and one without a time or with a later one continues', async () => {
  const { clock, store, published } = open();
  await clock.advance(55_000);
  expect(store.text).toBe(TEXT);
  await clock.advance(5_000);
  expect(store.text).toBe(TEXT.replace('      paused: yes\n      pausedUntil: 2026-01-01T00:01:00Z\n', ''));
  expect(published).toEqual([['camera', { state: 'resumed', path: 'a' }]]);
  await clock.advance(3_540_000);
  const { paths } = store.current;
  expect(['a', 'b', 'c'].map((name) => paths.get(name)?.settings?.camera?.paused)).toEqual([
    undefined,
    true,
    undefined,
  ]);
});

test('a pause that cannot end because the file is not writable is retried, and logged once', async () => {
  const { clock, store, log } = open();
  store.refusal = new PerchError('unavailable', 'cannot write perch.yml');
  await clock.advance(60_000);
  await clock.advance(5_000);
  await clock.advance(5_000);
  expect(log).toHaveLength(1);
  store.refusal = undefined;
  await clock.advance(5_000);
  expect(store.current.paths.get('a')?.settings?.camera).toEqual({ name: 'A' });
});

test('nothing is checked after the shutdown', async () => {
  const { clock, store, pauses } = open();
  pauses.close();
  await clock.advance(3_600_000);
  expect(store.text).toBe(TEXT);
});
