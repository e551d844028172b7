import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import type { MqttSource } from './contracts.ts';
import { MqttLink } from './mqtt-link.ts';

/** CONNACK with the return code "connection accepted" (MQTT 3.1.1 §3.2). */
const CONNACK = Buffer.from('20020000', 'hex');
/** Wait before the pictures of a new connection are sent. */
const PICTURES_MS = 2_000;

/** Pauses between connections last until `go`. */
class PausedClock extends FakeClock {
  readonly pauses: number[] = [];
  go: () => void = () => {};

  override sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (ms !== PICTURES_MS) {
      this.pauses.push(ms);
      this.go = resolve;
    }
    return promise;
  }
}

const source = {
  ...{ version: '1.2.3', name: 'Perch', commands: {} },
  cameras: () => [],
  ongoing: () => [],
  device: async () => ({ cpu: 1, disk: null, temperature: null, newest: '1.2.3' }),
  onEvent: () => () => {},
  onChange: () => () => {},
} as unknown as MqttSource;

test('a broker that accepts each login and ends the connection gets ever fewer; a lasting one resets that', async () => {
  const clock = new PausedClock();
  let isKept = false;
  const kept: Socket[] = [];
  const broker = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(CONNACK);
      if (isKept) {
        kept.push(socket);
      } else {
        socket.end();
      }
    });
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'perch-mqtt-'));
  const { port } = broker.address() as AddressInfo;
  const link = await MqttLink.start({
    settings: {
      ...{ mqttURL: `mqtt://127.0.0.1:${port}`, mqttUser: '', mqttPassword: '', mqttFingerprint: '' },
      ...{ mqttPrefix: 'perch', mqttHomeAssistant: false, mqttCommands: false },
    },
    ...{ source, folder, clock, log: silentLogger, random: () => 0.5 },
  });
  onTestFinished(async () => {
    await link.close();
    broker.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const pauses = async (count: number) => {
    await vi.waitFor(() => expect(clock.pauses).toHaveLength(count));
    return clock.pauses;
  };
  for (let count = 1; count < 7; count += 1) {
    await pauses(count);
    isKept = count === 6;
    clock.go();
  }
  expect(clock.pauses).toEqual([900, 1_800, 3_600, 7_200, 14_400, 27_000]);
  await vi.waitFor(() => expect(link.status.state).toBe('connected'));
  await clock.advance(60_000);
  kept[0]?.destroy();
  expect((await pauses(7)).at(-1)).toBe(900);
});
