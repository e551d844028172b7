import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { mqttSource } from './mqtt-source.ts';

test('a clip right after recording was switched on is recorded', async () => {
  let config = good('paths:\n  door:\n');
  let written = config;
  const events: string[] = [];
  const { commands } = mqttSource({
    config: () => config,
    recordings: {
      events: {
        hub: {},
        tell: async ({ path, type }: { path: string; type: string }) => events.push(`${type} ${path}`),
      },
      settled: async () => {
        config = written;
      },
    },
    edits: {
      patchPath: async (path: string, { record }: { record: boolean }) => {
        written = good(`paths:\n  ${path}:\n    record: ${record}\n`);
      },
    },
    clock: systemClock,
    name: { current: 'perch.local' },
  } as unknown as Parameters<typeof mqttSource>[0]);
  await expect(commands.recordClip('door')).rejects.toThrow('recording is off');
  await commands.record('door', true);
  await commands.recordClip('door');
  expect(events).toEqual(['clip door']);
});
