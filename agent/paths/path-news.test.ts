import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { RTSP_SESSION } from '../../test/support/media/reader.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { Path } from './path.ts';
import type { PathOrigin } from './path-parts.ts';

function pathOf(origin: PathOrigin) {
  const clock = new FakeClock();
  const notified: unknown[] = [];
  const path = new Path(
    {
      ...{ name: 'cam', confName: 'cam', title: null, recorder: undefined, maxReaders: 0, origin },
      publishEvent: (type, { path: _, ...fields }) => notified.push([type, ...Object.values(fields)]),
    },
    clock,
    silentLogger,
  );
  return { clock, path, notified };
}

test('events report a camera that connects and fails, each failure once', async () => {
  const source = new ScriptedSource();
  const { clock, path, notified } = pathOf({
    ...{ kind: 'pulled', onDemand: undefined },
    source: { make: () => source, usesQuery: false, isNews: () => true, forget: () => {} },
  });
  source.refusal = new PerchError('unavailable', 'connection refused');
  path.start();
  await clock.advance(10_000);
  expect(source.runs).toBeGreaterThan(2);
  expect(notified.splice(0)).toEqual([['camera', 'failed', 'connection refused']]);
  source.refusal = undefined;
  await clock.advance(60_000);
  source.deliver([tinyH264]);
  expect(notified.splice(0)).toEqual([
    ['camera', 'connected'],
    ['path', 'available', ['H264']],
  ]);
  source.refusal = new PerchError('unavailable', 'connection refused');
  source.fail(source.refusal);
  await clock.advance(60_000);
  expect(notified.splice(0)).toEqual([
    ['camera', 'failed', 'connection refused'],
    ['path', 'unavailable'],
  ]);
  await path.stop();
  expect(notified).toEqual([]);
});

test('events of a publisher are those of its path', () => {
  const { path, notified } = pathOf({ kind: 'publisher', mayOverride: true, usesSenderClock: false });
  const publication = path.publish({ kind: RTSP_SESSION, id: 'p', onReplaced: () => {} });
  publication.publish([tinyH264]);
  publication.close();
  expect(notified).toEqual([
    ['path', 'available', ['H264']],
    ['path', 'unavailable'],
  ]);
});
