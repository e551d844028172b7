import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { createLogger } from '../../../base/log.ts';
import { MqttCommands } from './commands.ts';
import type { Command } from './topics.ts';

function open() {
  const clock = new FakeClock();
  const done: string[] = [];
  const lines: string[] = [];
  const target = {
    cameras: () => [{ path: 'door' }, { path: 'hall' }],
    commands: {
      record: async (path: string, isOn: boolean) => void done.push(`${path} ${isOn}`),
      goToPreset: async (path: string, name: string) => void done.push(`${path} ${name}`),
      recordClip: async (path: string) => void done.push(`${path} clip`),
    },
  };
  const commands = new MqttCommands(
    target,
    clock,
    createLogger('warn', (line) => lines.push(line)),
  );
  const take = (command: Command['command'], text: string, path = 'door') =>
    commands.take({ path, command }, Buffer.from(text));
  return { clock, done, lines, take, commands };
}

test('recording of one camera changes once in five seconds, to the last value', async () => {
  const { clock, done, take, commands } = open();
  for (let i = 0; i < 100; i += 1) {
    take('recording', i % 2 === 0 ? 'ON' : 'OFF');
    await clock.advance(10);
  }
  take('recording', 'ON', 'hall');
  await clock.advance(3_000);
  expect(done).toEqual(['door true', 'hall true']);
  await clock.advance(2_000);
  expect(done).toEqual(['door true', 'hall true', 'door false']);
  await clock.advance(60_000);
  expect(done).toHaveLength(3);
  take('recording', 'ON');
  await clock.advance(0);
  expect(done).toHaveLength(4);
  take('recording', 'OFF');
  commands.close();
  await clock.advance(60_000);
  expect(done).toHaveLength(4);
});

test('each kind of rejection is logged once a minute', async () => {
  const { clock, done, lines, take } = open();
  const reject = () => {
    for (let i = 0; i < 50; i += 1) {
      take('clip', 'PRESS', 'missing');
      take('recording', 'maybe');
      take('preset', 'x'.repeat(257));
    }
  };
  reject();
  expect(lines).toHaveLength(3);
  await clock.advance(59_000);
  reject();
  expect(lines).toHaveLength(3);
  await clock.advance(1_000);
  reject();
  expect(lines).toHaveLength(6);
  expect(done).toEqual([]);
});

test('beyond 16 that wait, commands are rejected', async () => {
  const { clock, done, lines, take } = open();
  for (let i = 0; i < 40; i += 1) {
    take('clip', 'PRESS');
  }
  await clock.advance(0);
  expect([done.length, lines.length]).toEqual([16, 1]);
  take('preset', 'Gate');
  await clock.advance(0);
  expect(done.at(-1)).toBe('door Gate');
});
