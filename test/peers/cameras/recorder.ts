import { setTimeout as delay } from 'node:timers/promises';
import { pull } from '../../support/clients/rtsp-pull.ts';
import { type Agent, startAgent } from '../agent/agent.ts';
import { playClip, smallClip, startGstCamera } from './camera.ts';

const LOGIN = 'admin:right';
const MAX_MS = 60_000;

export interface RecorderStart {
  /** Time from the first connection to the recorder until the last channel was ready. */
  readonly lastMs: number;
  /** The agent's log about it, without ready channels. */
  readonly complaints: readonly string[];
  /** Logins that the recorder received. */
  readonly logins: number;
}

export interface RecorderOptions {
  readonly channels: number;
  /** The recorder's delay of DESCRIBE with the login. It answers everything else at once, as recorders do. */
  readonly answerSeconds: number;
  readonly isOnDemand: boolean;
  /** Data folder of an earlier agent. */
  readonly dataDir?: string;
}

/**
 * GStreamer's RTSP server as a recorder with many channels, one host and one user; all are wanted at once, for example by 16 paths that
 * are always pulled, or by as many readers of paths on demand.
 */
export async function startRecorder({
  channels,
  answerSeconds,
  isOnDemand,
  dataDir,
}: RecorderOptions): Promise<RecorderStart> {
  const names = Array.from({ length: channels }, (_, i) => `ch${i + 1}`);
  const channel = playClip(await smallClip(120));
  await using recorder = await startGstCamera(Object.fromEntries(names.map((name) => [`/${name}`, channel])), {
    digest: LOGIN,
    answersAfter: answerSeconds,
  });
  const more = isOnDemand ? '\n    sourceOnDemand: yes' : '';
  const sources = names.map(
    (name) => `  ${name}:\n    source: ${recorder.url(`/${name}`).replace('//', `//${LOGIN}@`)}${more}\n`,
  );
  await using agent = await startAgent({
    config: `api: yes\npaths:\n${sources.join('')}`,
    ...(dataDir && { dataDir }),
  });
  const readers = isOnDemand ? await Promise.all(names.map((name) => pull(agent.rtspUrl(name)))) : [];
  const readyMs = await readyTimes(agent, channels);
  for (const reader of readers) {
    reader.destroy();
  }
  const said = recorder.said();
  const firstMs = Math.min(...[...said.matchAll(/^asked (\d+)/gm)].map(([, ms]) => Number(ms)));
  return {
    lastMs: Math.max(...readyMs) - firstMs,
    complaints: agent.process
      .output()
      .split('\n')
      .filter((line) => /refused|no picture|password|timed out/.test(line) && !line.includes('no owner yet')),
    logins: [...said.matchAll(/^login /gm)].length,
  };
}

/** When each path got its stream, as Unix milliseconds. */
async function readyTimes(agent: Agent, count: number): Promise<number[]> {
  const beganMs = performance.now();
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${agent.ports.api}/v3/paths/list`);
    const { items } = (await response.json()) as { items: { readyTime: string | null }[] };
    const times = items.flatMap(({ readyTime }) => (readyTime === null ? [] : [Date.parse(readyTime)]));
    if (times.length === count) {
      return times;
    }
    if (performance.now() - beganMs > MAX_MS) {
      throw new Error(`${times.length} of ${count} channels within ${MAX_MS / 1000} s: ${agent.process.output()}`);
    }
    await delay(100);
  }
}
