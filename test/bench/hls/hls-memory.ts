import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addresses, freeAgentPorts, until } from '../../peers/agent/agent.ts';
import { CAMERAS, cameraUrls, names, SETTLE_SECONDS, seconds, startCameras } from '../cameras/eight-cameras.ts';
import { unpackServer } from '../device/shipped-server.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds, meanPssMegabytes } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';

const PLAYERS = 5 * CAMERAS;
/** V8 collects its heap once in that time. */
const MEASURED_SECONDS = 90;

async function measure(note: (text: string) => void): Promise<number> {
  using box = await unpackServer();
  await using cameras = await startCameras(300, 1);
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-hls-memory-'));
  const ports = await freeAgentPorts();
  const listeners = Object.entries(addresses(ports)).map(([key, value]) => `${key}: '${value}'`);
  const settings = ['logLevel: warn', 'api: yes', 'hlsVariant: lowLatency', 'hlsAlwaysRemux: yes'];
  const paths = names.map((name, i) => `  ${name}: { source: '${cameraUrls(cameras)[i]}' }`);
  const running = box.start(dataDir, [...listeners, ...settings, 'paths:', ...paths, ''].join('\n'));
  try {
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.main}/v3/paths/list`).catch(() => undefined);
      const { items = [] } = answer?.ok ? ((await answer.json()) as { items: { ready: boolean }[] }) : {};
      return items.filter(({ ready }) => ready).length === CAMERAS || undefined;
    });
    const players = Array.from({ length: PLAYERS }, (_, i) => names[i % CAMERAS] ?? '');
    const watching = startScript(join(import.meta.dirname, 'hls-players.ts'), [String(ports.hls), ...players]);
    try {
      await watching.waitFor(/playing/);
      await seconds(SETTLE_SECONDS);
      const cpu = cpuSeconds(running.pid);
      const value = await meanPssMegabytes(running.pid, MEASURED_SECONDS);
      note(`${((cpuSeconds(running.pid) - cpu) / MEASURED_SECONDS).toFixed(3)} cores`);
      if (watching.child.exitCode !== null) {
        throw new Error(`the players have ended: ${watching.output()}`);
      }
      return value;
    } finally {
      await watching.stop('SIGKILL');
    }
  } finally {
    await running.stop('SIGINT');
    rmSync(dataDir, { recursive: true });
  }
}

export const hlsMemory: Figure = {
  name: 'hls-memory',
  unit: 'MB',
  goal: 150,
  isAbsolute: false,
  about: `proportional set size of Perch as packaged, ${CAMERAS} cameras as Low-Latency HLS to ${PLAYERS} players; mean of ${MEASURED_SECONDS} s`,
  measure: async (note) => [await measure(note)],
};
