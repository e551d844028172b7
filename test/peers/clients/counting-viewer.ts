import { join } from 'node:path';
import { type Agent, until } from '../agent/agent.ts';
import type { Namespace } from '../host/namespace.ts';
import { type RunningProcess, startProcess } from '../programs/process.ts';

const ENOUGH_PACKETS = 50;
/** The programs print their counts twice a second: two seconds. */
const STALLED_LINES = 5;

/** Plays path `cam` from another network without decoding, and counts packets. */
export class CountingViewer implements AsyncDisposable {
  readonly process: RunningProcess;

  /** Another implementation's DTLS, SRTP and STUN. @param host of the signalling @param mediaIp address of the candidate */
  static overWebRtc(
    agent: Agent,
    network: Namespace,
    protocol: 'udp' | 'tcp' = 'udp',
    host = network.hostIp,
    mediaIp = host,
  ): CountingViewer {
    const url = `http://${host}:${agent.ports.webrtc}/cam/whep`;
    return new CountingViewer(network, ['roaming-viewer.ts', url, protocol, mediaIp]);
  }

  /** RTSP with media over UDP. @param host of Perch */
  static overRtsp(agent: Agent, network: Namespace, host = network.hostIp): CountingViewer {
    return new CountingViewer(network, ['udp-reader.ts', agent.rtspUrl('cam').replace('127.0.0.1', host)]);
  }

  private constructor({ name }: Namespace, [script = '', ...args]: readonly string[]) {
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, script)];
    this.process = startProcess('ip', ['netns', 'exec', name, ...node, ...args]);
  }

  get packets(): number {
    return this.#counts[0] ?? 0;
  }

  /** Gaps in the sequence numbers of the video. */
  get lost(): number {
    return this.#counts[1] ?? 0;
  }

  /** Resolves when this many further packets have arrived. */
  async receives(count = ENOUGH_PACKETS): Promise<void> {
    const before = this.packets;
    await until(() => this.packets >= before + count || undefined);
  }

  /** Resolves when nothing has arrived for two seconds. */
  async stalls(): Promise<void> {
    const before = this.#lines.length;
    await until(() => {
      const last = this.#lines.slice(before).slice(-STALLED_LINES);
      return (last.length === STALLED_LINES && last.every((line) => line === last[0])) || undefined;
    });
  }

  /** @returns the share that is lost, from 0 to 1, until this many further packets have arrived */
  async lossOf(count: number): Promise<number> {
    const { packets, lost } = this;
    await this.receives(count);
    const [arrived, missing] = [this.packets - packets, this.lost - lost];
    return missing / (arrived + missing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  get #lines(): string[] {
    return this.process.output().match(/^\d+ packets, \d+ lost$/gm) ?? [];
  }

  get #counts(): number[] {
    return (this.#lines.at(-1)?.match(/\d+/g) ?? []).map(Number);
  }
}
