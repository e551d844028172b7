import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { silentLogger } from '../../base/log.ts';
import { LatePositions } from './late-positions.ts';

const CAMERA = "    source: rtsp://127.0.0.1:1/x\n    camera: {onvif: 'http://127.0.0.1:1/onvif'}\n";

function begin(keys = '') {
  const folder = temporaryFolder();
  const asked: string[] = [];
  let config = configOf(`  yard:\n${keys}${CAMERA}`);
  const clock = new FakeClock();
  let listeners = 0;
  const positions = new LatePositions({
    dataDir: folder.path,
    clock,
    log: silentLogger,
    config: () => config,
    paths: { openStreams: () => [] },
    steering: {
      steered: () => {
        listeners += 1;
        return () => {
          listeners -= 1;
        };
      },
      presets: async () => [{ token: '1', name: 'Gate' }],
      position: async () => ({ pan: 0.5, tilt: 0, zoom: null }),
      goToPreset: async (_: string, token: string) => void asked.push(token),
      moveTo: async (_: string, position: object) => void asked.push(JSON.stringify(position)),
    },
  } as unknown as ConstructorParameters<typeof LatePositions>[0]);
  onTestFinished(async () => {
    await positions.close();
    expect(listeners).toBe(0);
    folder[Symbol.dispose]();
  });
  const set = (next: string, more = '') => {
    config = configOf(`  yard:\n${next}${CAMERA}`, more);
    return positions.applied();
  };
  return { positions, asked, clock, folder, set, isLoaded: () => listeners > 0 };
}

test('a box without guard positions, patrols and rules loads nothing', async () => {
  const { positions, isLoaded } = begin();
  await positions.applied();
  positions.streamOpened();
  positions.release('yard', 'rule');
  expect([isLoaded(), positions.isTurning('yard'), positions.problems()]).toEqual([false, false, []]);
});

test('a guard position that is set later turns the camera', async () => {
  const { positions, asked, clock, set, isLoaded } = begin();
  await positions.applied();
  await set('    ptzGuard: Gate\n');
  expect(isLoaded()).toBe(true);
  await clock.advance(62_000);
  await vi.waitFor(() => expect(asked).toEqual(['1']));
});

test('a rule turns a camera of a box that has not done so before', async () => {
  const { positions, asked, clock } = begin();
  await positions.applied();
  positions.hold('yard', 'Gate', 'rule', clock.wallMs() + 5_000);
  await vi.waitFor(() => expect(asked).toEqual(['1']));
  expect(positions.isTurning('yard')).toBe(true);
  await clock.advance(7_000);
  await vi.waitFor(() => expect(asked).toEqual(['1', '{"pan":0.5,"tilt":0}']));
});

test.for([
  ['preset: Gate, path: yard', true],
  ['record: yes, path: yard', false],
] as const)('moves of persons count from the rule on that turns a camera: { %s }', async ([action, isLoaded]) => {
  const box = begin();
  await box.set('', `rules: [{ name: one, then: [{ ${action} }] }]`);
  expect(box.isLoaded()).toBe(isLoaded);
});

test('a camera that a former run has left turned is turned back', async () => {
  const { positions, asked, clock, folder } = begin();
  const left = { cameras: [{ path: 'yard', holds: [], before: { pan: 0.25 } }] };
  await writeFile(join(folder.path, 'positions.json'), JSON.stringify(left));
  await positions.applied();
  await clock.advance(2_000);
  await vi.waitFor(() => expect(asked).toEqual(['{"pan":0.25}']));
});
