import { join } from 'node:path';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { cameraClip } from '../../peers/cameras/camera.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { SETTLE_SECONDS, seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { received, startReaders } from '../measure/readers.ts';
import { startScript } from '../measure/script.ts';

const RUNS = 3;
const PUBLISHERS = 4;
const READERS = 10;
const MEASURED_SECONDS = 30;
/** Least amount that a reader of a stream of 4 Mbit/s gets. */
const MIN_BYTES = (MEASURED_SECONDS * 3_000_000) / 8;

/** How ffmpeg publishes. */
export interface PublisherProtocol {
  /** For people. */
  readonly label: string;
  readonly transport: 'udp' | 'tcp';
  readonly listen?: (ports: Agent['ports']) => Readonly<Record<string, string>>;
  /** Format and address for Perch. */
  toPerch(ports: Agent['ports'], name: string): readonly string[];
  /** The same for the bare relay. */
  toRelay(port: string): readonly string[];
}

/** Sends the clip in real time, again and again. */
const publish = (file: string, output: readonly string[]): RunningProcess =>
  startProcess('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', ...output]);

async function oneRun(
  { listen, transport, toPerch, toRelay }: PublisherProtocol,
  note: (text: string) => void,
): Promise<number> {
  const file = await cameraClip(60, 2);
  const names = Array.from({ length: PUBLISHERS }, (_, i) => `cam${i + 1}`);
  await using agent = await startAgent({ ...(listen && { listen }), config: 'api: yes\npaths: { all_others: }\n' });
  const relay = startScript(join(import.meta.dirname, 'bare-relay.ts'), [transport, ...names]);
  const started: RunningProcess[] = [relay];
  try {
    const [, ports = ''] = await relay.waitFor(/ready (.*)/);
    const pairs = ports.split(' ').map((pair) => pair.split(':'));
    for (const [i, name] of names.entries()) {
      started.push(publish(file, toPerch(agent.ports, name)));
      started.push(publish(file, toRelay(pairs[i]?.[0] ?? '')));
    }
    await agent.process.waitFor(new RegExp(`(is publishing to path[^]*){${PUBLISHERS}}`));
    await seconds(8);
    const ours = await startReaders(
      names.map((name) => agent.rtspUrl(name)),
      READERS,
    );
    started.push(ours);
    const theirs = await startReaders(
      pairs.map(([, port = '']) => port),
      READERS,
    );
    started.push(theirs);
    await seconds(SETTLE_SECONDS);
    const [oursBefore, theirsBefore] = [await received(ours), await received(theirs)];
    const [agentCpu, relayCpu] = [cpuSeconds(agent.process.pid), cpuSeconds(relay.pid)];
    await seconds(MEASURED_SECONDS);
    const agentUsed = cpuSeconds(agent.process.pid) - agentCpu;
    const relayUsed = cpuSeconds(relay.pid) - relayCpu;
    for (const [before, after] of [
      [oursBefore, await received(ours)],
      [theirsBefore, await received(theirs)],
    ] as const) {
      const least = Math.min(...after.map((bytes, i) => bytes - (before[i] ?? 0)));
      if (!(least >= MIN_BYTES)) {
        throw new Error(`a reader got only ${least} bytes in ${MEASURED_SECONDS} s`);
      }
    }
    note(`Perch ${agentUsed.toFixed(2)} s, bare ${relayUsed.toFixed(2)} s of CPU in ${MEASURED_SECONDS} s`);
    return agentUsed / relayUsed;
  } finally {
    await Promise.all(started.map((one) => one.stop('SIGKILL')));
  }
}

/** Relaying publishers to RTSP readers, compared with forwarding their bytes. */
export const publisherCpu = (name: string, protocol: PublisherProtocol): Figure => ({
  name,
  unit: '× bare',
  goal: 1.6,
  isAbsolute: false,
  about: `CPU time of Perch with ${PUBLISHERS} ${protocol.label} publishers and ${READERS} RTSP/TCP readers each ÷ that of a process that forwards their ${protocol.transport.toUpperCase()} payload unparsed`,
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      values.push(await oneRun(protocol, note));
    }
    return values;
  },
});
